"""The command table: `chatbot CMD`, `python -m chatbot CMD`, `python -m chatbot.ops CMD`."""

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from chatbot import __version__, wording
from chatbot.cli.caller import speller
from chatbot.cli.screen import TERMINAL, say
from chatbot.errors import ChatbotError, ConfigError
from chatbot.settings.load import load_config
from chatbot.settings.naming import Naming, own_naming
from chatbot.settings.schema import Config
from chatbot.storage.private import protect, written_for_owner
from chatbot.wording import Wording

COMMANDS = (
    "demo",
    "init",
    "organize",
    "doctor",
    "room",
    "preprocess",
    "plan",
    "train",
    "status",
    "stop",
    "leaderboard",
    "smoke",
    "reply",
    "chat",
    "why",
    "bridge",
    "serve",
    "qna",
    "prefer",
    "forget",
    "eval",
    "blind",
    "privacy",
    "publish",
    "export",
    "deploy",
    "import",
    "encrypt-model",
    "decrypt-model",
    "keygen",
    "archive",
    "password",
    "seal",
    "unseal",
)
# Modules that replying does not need -> the extra that installs them.
EXTRAS = {
    "torch": "chatbot[train]",
    "tqdm": "chatbot[train]",
    "gguf": "chatbot[gguf]",
    "kiwipiepy": "chatbot[morphemes]",
    "starlette": "chatbot[serve]",
    "uvicorn": "chatbot[serve]",
    "prometheus_client": "chatbot[serve]",
    "threadpoolctl": "chatbot[serve]",
    "transformers": "chatbot[lora]",
    "peft": "chatbot[lora]",
    "accelerate": "chatbot[lora]",
    "bitsandbytes": "bitsandbytes",
    "tensorboard": "chatbot[plot]",
    "sqlalchemy": "chatbot[db]",
    "pymysql": "chatbot[db]",
}
USER_ERROR = 2


@dataclass(frozen=True)
class Program:
    """A program: its name, its commands, and the loader of its settings."""

    name: str
    commands: tuple[str, ...]
    load_config: Callable[[Path, tuple[str, ...]], Config]
    naming: Callable[[], Naming]  # of its settings

    def load_command(self, command: str) -> ModuleType:
        """Import the module of one command."""
        return importlib.import_module(f"chatbot.cli.commands.{command.replace('-', '_')}")

    def wording(self, spell: Callable[[str, str], str]) -> Wording:
        """Return how messages name commands and settings to the user of this program."""
        naming, commands = self.naming(), frozenset(self.commands)
        return Wording(self.name, commands, naming.aliases, naming.file, spell)


OURS = Program(wording.OURS, COMMANDS, load_config, own_naming)


def explain(message: str, *hints: str) -> None:
    """Print an error and its hint."""
    say(f"error: {message}")
    for hint in filter(None, hints):
        say(f"hint: {hint}")


def main(arguments: Sequence[str] | None = None, program: Program = OURS) -> int:
    """Run one command; return the exit status: 0 success, 2 an error that the user can fix.

    A command may return another: `doctor` returns 1 for what needs attention.
    """
    _use_utf8()
    typed = sys.argv[1:] if arguments is None else arguments
    spell = wording.spelled_out if arguments is not None else speller(sys.argv[0], os.environ)
    with wording.spoken(program.wording(spell)), written_for_owner():
        return _explained(typed, program)


def call(arguments: Sequence[str], program: Program = OURS) -> int:
    """Run one command with typed arguments; return its exit status, raises its errors."""
    command = arguments[0] if arguments and arguments[0] in program.commands else None
    args = build_parser(command, program).parse_args(arguments)
    args.overrides = (*args.overrides, *args.more_overrides)
    _refuse_unlocking(args.overrides)
    config = program.load_config(args.root, args.overrides)
    protect(config, TERMINAL.warn)
    return program.load_command(args.command).run(args, config) or 0


def _refuse_unlocking(overrides: Sequence[str]) -> None:
    """Raise ConfigError for an option that would bypass the password."""
    for override in overrides:
        if override.split("=")[0].split(".")[0].strip() == "security":
            hint = "edit configs/gen.yaml or configs/sft.yaml"
            raise ConfigError("--set cannot change security settings", hint=hint)


def _explained(arguments: Sequence[str], program: Program) -> int:
    """Run one command; print its error, and return the exit status."""
    try:
        return call(arguments, program)
    except ChatbotError as error:
        explain(str(error), error.hint, error.private if sys.stderr.isatty() else "")
        return USER_ERROR
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").split(".")[0])
        if extra is None:
            raise
        explain(f"{arguments[0]} needs {error.name}", f"pip install '{extra}'")
        return USER_ERROR
    except BrokenPipeError:
        # The reader of the pipe has stopped; otherwise python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        file = error.filename or "a file"
        explain(f"{error.strerror or error}: {file}", "check the disk")
        return USER_ERROR
    except KeyboardInterrupt:
        say()
        return 130
    return 0


def entry_point() -> None:
    """Run and exit."""
    sys.exit(main())


def build_parser(only: str | None = None, program: Program = OURS) -> argparse.ArgumentParser:
    """Build the parser of all commands, or of just one, because every import slows down `reply`.

    Command modules import nothing heavy before they run.
    """
    parser = argparse.ArgumentParser(prog=program.name, description=sys.modules["chatbot"].__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="CMD")
    for name in program.commands if only is None else (only,):
        module = program.load_command(name)
        summary = (module.__doc__ or "").splitlines()[0]
        command = commands.add_parser(name, help=summary, description=summary)
        command.set_defaults(root=Path(), overrides=[], more_overrides=[])
        _add_common(command, "overrides")
        module.add_arguments(command)
        for action in command._actions:
            if isinstance(action, argparse._SubParsersAction):
                for subcommand in action.choices.values():
                    _add_common(subcommand, "more_overrides")
    return parser


def _add_common(parser: argparse.ArgumentParser, overrides: str) -> None:
    """Add --root and --set, which a subcommand takes as well: before its name or after it."""
    parser.add_argument(
        "--root",
        type=Path,
        default=argparse.SUPPRESS,
        help="the project's folder (default: here)",
    )
    parser.add_argument(
        "--set",
        dest=overrides,
        action="append",
        default=argparse.SUPPRESS,
        metavar="SECTION.KEY=VALUE",
        help="change a setting for this call only",
    )


def _use_utf8() -> None:
    """Print Korean on a Windows console or into a pipe, whatever its code page is."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure and os.name == "nt":
            reconfigure(encoding="utf-8")
