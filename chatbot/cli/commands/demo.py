"""Show everything on an invented room: organize, preprocess, train, ask; needs no chat of yours."""

import argparse
import importlib

from chatbot.cli.arguments import positive, positive_float
from chatbot.cli.invented_room import invent_room, write_android_export
from chatbot.cli.main import call
from chatbot.cli.project import make_invented_project
from chatbot.cli.screen import say
from chatbot.settings.schema import Config
from chatbot.storage.files import write_bytes

FOLDER = "data/demo"
_NEEDED = ("torch", "tqdm", "safetensors")
_SETTINGS = ("training=quick", "logging.eval_interval=100")
_STEPS = (
    ("1. organize: recognize the export and file it", "organize"),
    ("2. preprocess: clean conversations -> tokens", "preprocess"),
    ("   what is trained (*)", "preprocess --show 1"),
    ("3. train", "train"),
    ("4. smoke: three questions", "smoke"),
    ("5. publish: one file for somebody else", "publish"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the size and the length of the demo."""
    parser.add_argument(
        "--sessions", type=positive, default=1500, metavar="N", help="conversations to invent"
    )
    parser.add_argument(
        "--minutes",
        type=positive_float,
        default=4.0,
        metavar="M",
        help="maximum minutes of training",
    )


def run(args: argparse.Namespace, config: Config) -> None:
    """Create a separate project in data/demo, and run the main commands in it."""
    for name in _NEEDED:  # before anything is written
        importlib.import_module(name)
    root = config.path(FOLDER)
    say(f"the demo lives in {root}; nothing of yours is touched")
    demo = make_invented_project(root)
    if not demo.path(demo.raw.manifest_path).exists():
        export = write_android_export(invent_room(args.sessions, config.runtime.seed))
        write_bytes(demo.path(demo.raw.inbox_dir) / "KakaoTalkChats.txt", export)
    overrides = (*_SETTINGS, f"optimization.max_minutes={args.minutes}", *args.overrides)
    in_demo = ["--root", str(root), *(part for each in overrides for part in ("--set", each))]
    for title, command in _STEPS:
        say(f"\n== {title}")
        call([*command.split(), *in_demo])
    say(f"\ntalk to it: `chatbot chat --root {root}`")
