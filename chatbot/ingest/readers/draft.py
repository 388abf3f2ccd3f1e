"""The message that is being read: lines are collected until the next header closes it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Protocol

from chatbot.conversation import Kind, Message


class Draft:
    """The open message; `finished` holds the closed ones. Every line is counted in `lines`.

    `settle` returns the text of a message and the kind of attachment that it stands for, or None.
    """

    def __init__(
        self, lines: Counter[str], settle: Callable[[str], tuple[str, str | None]]
    ) -> None:
        self._settle = settle
        self.finished: list[Message] = []
        self.is_open = False
        self.is_system = False
        self._lines = lines
        self._speaker = ""
        self._at: datetime | None = None
        self._parts: list[str] = []
        self._n_blank = 0  # blank lines wait for the next line, because they also end a message

    def open(self, speaker: str, at: datetime | None, text: str, *, is_system: bool) -> None:
        """Close the open message and begin another."""
        if self.is_open:
            self.close()
        self._speaker, self._at, self.is_system = speaker, at, is_system
        self._parts.append(text)
        self.is_open = True

    def add(self, line: str, line_class: str) -> None:
        """Append a line after the first one."""
        if self._n_blank:
            self._lines["blank"] -= self._n_blank
            self._lines["continuation"] += self._n_blank
            self._parts.extend([""] * self._n_blank)
            self._n_blank = 0
        self._lines[line_class] += 1
        self._parts.append(line)

    def add_blank(self) -> None:
        """Append a blank line."""
        self._lines["blank"] += 1
        self._n_blank += self.is_open

    def close(self) -> None:
        """Finish the open message, and decide whether it is nothing but a media placeholder."""
        if not self.is_open:
            return
        parts = self._parts
        kind: Kind = "system" if self.is_system else "message"
        media = None
        text = parts[0] if len(parts) == 1 else "\n".join(parts)
        if not self.is_system:
            text, media = self._settle(text)
            if media:
                kind = "media"
        self._lines[kind] += 1
        self.finished.append(Message(self._speaker, text, self._at, kind, media or ""))
        parts.clear()
        self._n_blank = 0
        self.is_open = False


class LineParser(Protocol):
    """Takes the lines of a text one after the other; `finished` holds the messages that ended."""

    finished: list[Message]

    def feed(self, line: str) -> None:
        """Take the next line."""

    def close(self) -> None:
        """Finish the last message."""


def parsed(lines: Iterable[str], parser: LineParser) -> Iterator[Message]:
    """Yield each message as soon as it has ended."""
    finished = parser.finished
    for line in lines:
        parser.feed(line)
        if finished:
            yield from finished
            finished.clear()
    parser.close()
    yield from finished
