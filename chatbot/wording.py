"""Marks in messages -> what the user of this process types.

A message marks what it names: `chatbot CMD ...` is a command, `section.key` or `section.key: value`
a setting, `configs/NAME.yaml` the file of settings. Which program was called, and how, decides how
they are written: `make train`, `.venv/bin/chatbot train`; `training.min_lr` of configs/sft.yaml.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from itertools import chain

from chatbot.errors import ChatbotError

OURS, SFT = "chatbot", "python -m chatbot.sft_ops"
_MARK = re.compile(r"`([^`\n]+)`")
_COMMAND = re.compile(rf"(?P<program>{OURS}|{re.escape(SFT)}) (?P<line>[a-z].*)")


# What a terminal obeys instead of showing it: control characters (C0, DEL, C1), overrides of the
# direction of writing, halves of surrogate pairs. Emoji need their joiners and selectors.
_OBEYED = [range(0x20), range(0x7F, 0xA0), range(0x202A, 0x202F), range(0x2066, 0x206A)]
_SHOWN: dict[int, str | None] = dict.fromkeys(chain(*_OBEYED, range(0xD800, 0xE000)))
_SHOWN |= {ord("\n"): "\n", ord("\t"): "    "}


def printable(text: str) -> str:
    r"""Return what is safe to show of a text that a model, an export or a file holds.

    >>> printable("\x1b]0;title\x07ㅋㅋ\r\n")
    ']0;titleㅋㅋ\n'
    """
    return text.translate(_SHOWN)


def spelled_out(program: str, line: str) -> str:
    """Write a command as the documentation does."""
    return f"{program} {line}"


@dataclass(frozen=True)
class Wording:
    """How commands and settings are written for whoever called this process.

    `commands`: those of the program that was called. `aliases`: its names of settings that others
    call otherwise. `file`: its only file of settings, if there is one only.
    """

    program: str = OURS
    commands: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)
    file: str | None = None
    spell: Callable[[str, str], str] = spelled_out

    def render(self, text: str) -> str:
        """Return a message with every mark in the user's words; what names nothing stays."""
        return _MARK.sub(lambda mark: f"`{self._written(mark[1])}`", text)

    def _written(self, content: str) -> str:
        if command := _COMMAND.fullmatch(content):
            program, line = command["program"], command["line"]
            is_own = program == OURS and line.split()[0] in self.commands
            return self.spell(self.program if is_own else program, line)
        if content.startswith("configs/"):
            return f"configs/{self.file}" if self.file else content
        name, colon, value = content.partition(":")
        return self.aliases.get(name, name) + colon + value


_CURRENT: ContextVar[Wording] = ContextVar("wording", default=Wording())  # noqa: B039 it is frozen


@contextmanager
def spoken(wording: Wording) -> Iterator[None]:
    """Write all messages so, those of errors that leave the block too."""
    token = _CURRENT.set(wording)
    try:
        yield
    except ChatbotError as error:
        error.args, error.hint = (wording.render(str(error)),), wording.render(error.hint)
        raise
    finally:
        _CURRENT.reset(token)


def renamed(aliases: Mapping[str, str], file: str | None) -> AbstractContextManager[None]:
    """Write the settings of all messages by other names, and their file."""
    return spoken(replace(_CURRENT.get(), aliases=aliases, file=file))


def offers(command: str) -> bool:
    """Whether the program that this process was called as has a command."""
    return command in _CURRENT.get().commands


def called_program() -> str:
    """Return the program that this process was called as, spelled out."""
    return _CURRENT.get().program


def render(text: str) -> str:
    """Write out the marks of a message for whoever called this process."""
    return _CURRENT.get().render(text)
