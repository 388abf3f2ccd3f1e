"""The command table: `chatbot CMD`, `python -m chatbot CMD`, `python -m chatbot.ops CMD`."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from chatbot import __version__
from chatbot.config import load_config
from chatbot.errors import ChatbotError

COMMANDS = (
    "demo",
    "organize",
    "preprocess",
    "plan",
    "train",
    "status",
    "stop",
    "smoke",
    "reply",
    "chat",
    "bridge",
    "forget",
    "privacy",
    "publish",
    "export",
    "import",
    "encrypt-model",
    "decrypt-model",
    "keygen",
    "archive",
    "password",
)
# What is no part of talking: module -> the extra that brings it.
_EXTRAS = {"torch": "train", "tqdm": "train", "gguf": "gguf"}
USER_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status: 0 done, 2 a mistake that the user can mend."""
    _use_utf8()
    given = sys.argv[1:] if arguments is None else arguments
    parser = build_parser(given[0] if given and given[0] in COMMANDS else None)
    args = parser.parse_args(arguments)
    try:
        config = load_config(args.root, tuple(args.set))
        load_command(args.command).run(args, config)
    except ChatbotError as error:
        _explain(str(error), error.hint)
        return USER_ERROR
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").split(".")[0])
        if extra is None:
            raise
        _explain(f"{args.command} needs {error.name}", f"pip install 'chatbot[{extra}]'")
        return USER_ERROR
    except BrokenPipeError:
        # Whoever read along has stopped; python would complain once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        _explain(f"{error.strerror or error}: {error.filename or 'a file'}", "check the disk")
        return USER_ERROR
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return 130
    return 0


def entry_point() -> None:
    """Run and exit."""
    sys.exit(main())


def load_command(name: str) -> ModuleType:
    """Import the module of one command."""
    return importlib.import_module(f"chatbot.commands.{name.replace('-', '_')}")


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """Build the parser of all commands, or of one alone: every import costs a reply time.

    No command imports anything heavy before it runs.
    """
    parser = argparse.ArgumentParser(prog="chatbot", description=sys.modules["chatbot"].__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="CMD")
    for name in COMMANDS if only is None else (only,):
        module = load_command(name)
        summary = (module.__doc__ or "").splitlines()[0]
        command = commands.add_parser(name, help=summary, description=summary)
        command.add_argument(
            "--root", type=Path, default=Path(), help="the project's folder (default: here)"
        )
        command.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="SECTION.KEY=VALUE",
            help="override a setting of configs/ for this call",
        )
        module.add_arguments(command)
    return parser


def _explain(message: str, hint: str) -> None:
    sys.stderr.write(f"error: {message}\n")
    if hint:
        sys.stderr.write(f"hint: {hint}\n")


def _use_utf8() -> None:
    """Print Korean on a Windows console or into a pipe, whatever its code page is."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure and os.name == "nt":
            reconfigure(encoding="utf-8")


if __name__ == "__main__":
    entry_point()
