"""Commands and settings marked in messages -> as the user of this process types them.

Messages mark commands and settings with backticks: `chatbot CMD ...` is a command, `section.key` or
`section.key: value` a setting, `configs/NAME.yaml` the file of settings. The program that was
called, and how it was called, decides how they are shown: `make train`, `.venv/bin/chatbot train`;
`training.min_lr` of configs/sft.yaml.
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


# What a terminal executes instead of showing: control characters (C0, DEL, C1), overrides of the
# writing direction, lone surrogates. Emoji need their joiners and selectors.
_OBEYED = [range(0x20), range(0x7F, 0xA0), range(0x202A, 0x202F), range(0x2066, 0x206A)]
_SHOWN: dict[int, str | None] = dict.fromkeys(chain(*_OBEYED, range(0xD800, 0xE000)))
_SHOWN |= {ord("\n"): "\n", ord("\t"): "    "}


def printable(text: str) -> str:
    r"""Remove from a text of a model, an export or a file what is unsafe to print.

    >>> printable("\x1b]0;title\x07ㅋㅋ\r\n")
    ']0;titleㅋㅋ\n'
    """
    return text.translate(_SHOWN)


def spelled_out(program: str, line: str) -> str:
    """Write a command as the documentation does."""
    return f"{program} {line}"


@dataclass(frozen=True)
class Wording:
    """How commands and settings are written for the user who called this process.

    `commands`: those of the program that was called. `aliases`: setting of the schema -> its name
    in this program. `file`: the file that holds all its settings, if there is just one.
    """

    program: str = OURS
    commands: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)
    file: str | None = None
    spell: Callable[[str, str], str] = spelled_out

    def render(self, text: str) -> str:
        """Write every marked command and setting as the user types it; keep other marks."""
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
    """Use this wording for all messages inside the block, and for errors that leave it."""
    token = _CURRENT.set(wording)
    try:
        yield
    except ChatbotError as error:
        error.args, error.hint = (wording.render(str(error)),), wording.render(error.hint)
        raise
    finally:
        _CURRENT.reset(token)


def renamed(aliases: Mapping[str, str], file: str | None) -> AbstractContextManager[None]:
    """Use other names for settings and their file in all messages inside the block."""
    return spoken(replace(_CURRENT.get(), aliases=aliases, file=file))


def offers(command: str) -> bool:
    """Whether the program that was called has a command."""
    return command in _CURRENT.get().commands


def called_program() -> str:
    """Return the program that was called, as the documentation writes it."""
    return _CURRENT.get().program


def render(text: str) -> str:
    """Write the marked commands and settings of a message as the user types them."""
    return _CURRENT.get().render(text)
