"""What a reader has read: every line of an export counted in one class, so that none is lost."""

from collections import Counter
from dataclasses import dataclass, field

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


@dataclass(slots=True)
class Account:
    """Facts gathered while an export is read. `lines` counts every line once, by class.

    `imitation`: a line that looks like a message header but cannot be one (in a pasted transcript,
    for example); it is kept as text of its message.
    """

    room: str = ""
    n_people: int = 0
    dialect: str = ""
    encoding: str = ""
    n_undecodable: int = 0
    lines: Counter[str] = field(default_factory=Counter)
    unparsed_shapes: list[str] = field(default_factory=list)

    @property
    def n_lines(self) -> int:
        """Lines in the file."""
        return self.lines.total()

    def unparsed(self, line: str) -> None:
        """Count a line that belongs to no message, and keep the shape of the first few."""
        self.lines["unparsed"] += 1
        if len(self.unparsed_shapes) < _N_SHAPES:
            self.unparsed_shapes.append(f"line {self.n_lines}: {shape_of(line)}")
