"""How this process was called -> how to show commands to its user.

Hints must name a program that exists on the PATH: after `make`, it is only in `.venv`.
"""

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from chatbot.wording import SFT

VARIABLE = "CHATBOT_CALLED_BY"  # set by the Makefile and by scripts/
_TEXT_ARGUMENT = "reply"  # its only argument is a message


def speller(program_path: str, environment: Mapping[str, str]) -> Callable[[str, str], str]:
    """Return a function that writes a command as this user calls it.

    `program_path`: argv[0].
    """
    called_by = environment.get(VARIABLE, "")
    if called_by == "make":
        return _made
    if called_by:
        return lambda program, line: f"{called_by} {'sft ' if program == SFT else ''}{line}"
    script = Path(program_path)
    python = f"{_typed(Path(sys.executable))} -m"
    if script.stem != "chatbot":  # python -m
        return lambda program, line: (
            f"{python} {'chatbot.sft_ops' if program == SFT else 'chatbot'} {line}"
        )
    return lambda program, line: (
        f"{python} chatbot.sft_ops {line}" if program == SFT else f"{_typed(script)} {line}"
    )


def _made(program: str, line: str) -> str:
    command, _, rest = line.partition(" ")
    if program == SFT:
        return f"make sft CMD={command}" + (f" ARGS='{rest}'" if rest else "")
    if not rest:
        return f"make {command}"
    if rest.startswith("--root "):
        return f"make {command} ROOT={rest.removeprefix('--root ')}"
    return (
        f"make {command} TEXT={rest}"
        if command == _TEXT_ARGUMENT
        else f"make {command} ARGS='{rest}'"
    )


def _typed(path: Path) -> str:
    """Return the shortest way to call a program: its name, if the PATH has this very one."""
    on_path = shutil.which(path.name)
    if on_path is not None and Path(on_path).absolute() == path.absolute():
        return path.name
    here = Path.cwd()
    return os.path.relpath(path, here) if path.absolute().is_relative_to(here) else str(path)
