"""What a reader has read: every line of an export counted in one class, so that none is lost."""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from chatbot.ingest.readers.text import shape_of

LINE_CLASSES = (
    "header",
    "day",
    "message",
    "media",
    "system",
    "continuation",
    "imitation",
    "blank",
    "unparsed",
)
_N_SHAPES = 5
_N_PLACES = 20
_N_SIGNATURES = 50
CUT_OFF_ITEM = "cut off"  # in `signatures`
_OTHERS = "other shapes"
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}")  # any other may be somebody's text


@dataclass(slots=True)
class Account:
    """Facts gathered while an export is read. `lines` counts every line once, by class.

    `imitation`: a line that looks like a message header but cannot be one (in a pasted transcript,
    for example); it is kept as text of its message.

    A line of a format with JSON is an item: a message, as a rule. `kinds` counts attachments,
    notices and deleted messages by their kind, `signatures` the unparsed items by their keys.
    `is_cut`: the file ends inside an item. `unparsed_at`: the numbers of the first unparsed lines.
    """

    room: str = ""
    n_people: int = 0
    dialect: str = ""
    encoding: str = ""
    n_undecodable: int = 0
    lines: Counter[str] = field(default_factory=Counter)
    unparsed_shapes: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    signatures: Counter[str] = field(default_factory=Counter)
    is_cut: bool = False
    unparsed_at: list[int] = field(default_factory=list)

    @property
    def n_lines(self) -> int:
        """Lines in the file."""
        return self.lines.total()

    def unparsed(self, line: str) -> None:
        """Count a line that belongs to no message, and keep the shape of the first few."""
        self._count_unparsed()
        if len(self.unparsed_shapes) < _N_SHAPES:
            self.unparsed_shapes.append(f"line {self.n_lines}: {shape_of(line)}")

    def unknown(self, item: Any) -> None:
        """Count an item of an unknown shape, by the names of its keys."""
        self._unread(signature_of(item))

    def broken(self, *, is_cut: bool) -> None:
        """Count an item that is no JSON, because the file is damaged or cut off there."""
        self.is_cut = self.is_cut or is_cut
        self._unread(CUT_OFF_ITEM if is_cut else "no JSON")

    def _unread(self, signature: str) -> None:
        self._count_unparsed()
        if len(self.signatures) >= _N_SIGNATURES and signature not in self.signatures:
            signature = _OTHERS
        self.signatures[signature] += 1

    def _count_unparsed(self) -> None:
        self.lines["unparsed"] += 1
        if len(self.unparsed_at) < _N_PLACES:
            self.unparsed_at.append(self.n_lines)


def signature_of(item: Any) -> str:
    """Describe a JSON value by its type and the sorted names of its keys, without its text.

    >>> signature_of({"type": "poll", "id": 7, "가람": 1})
    '{?, id, type}'
    """
    if not isinstance(item, dict):
        return type(item).__name__
    keys = sorted({key if _PLAIN_KEY.fullmatch(key) else "?" for key in item})
    return "{" + ", ".join(keys[:30]) + "}"
