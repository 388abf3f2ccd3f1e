"""What the doctor reports, of one file or of several: codes, numbers and places, never text."""

from collections.abc import Iterable
from typing import Literal

import msgspec

Level = Literal["fine", "note", "attention"]
Value = int | float | str
MAX_PLACES = 20  # line numbers that a finding lists


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that was noticed.

    `values` fill the sentence of its code. `lines` are the numbers of the first lines that it is
    about (items, in a file of JSON). `others`: other files or exports. `aliases`: lines for
    `raw.aliases`, a name in the export -> the name of the same person.
    """

    code: str
    level: Level
    values: dict[str, Value] = {}
    lines: list[int] = []
    others: list[str] = []
    aliases: dict[str, str] = {}


class Amount(msgspec.Struct, frozen=True):
    """How much there is to train on. `persona_percent` is None if the persona is unknown."""

    n_messages: int
    n_sessions: int
    n_tokens: int
    persona_percent: float | None


class FileReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one file is and holds. `lines` counts each of its lines once, by
    class; in a format of JSON its items (`unit`).
    """

    name: str
    size_bytes: int = 0
    format: str = ""
    device: str = ""
    language: str = ""
    encoding: str = ""
    first: str = ""
    last: str = ""
    speakers: dict[str, int] = {}
    unit: Literal["lines", "items"] = "lines"
    n_lines: int = 0
    lines: dict[str, int] = {}
    kinds: dict[str, int] = {}
    unknown_shapes: dict[str, int] = {}
    amount: Amount | None = None
    findings: list[Finding] = []


def attention(code: str, **values: Value) -> Finding:
    """Return a finding that its owner has to look at."""
    return Finding(code, "attention", values)


def note(code: str, **values: Value) -> Finding:
    """Return a finding that needs nothing."""
    return Finding(code, "note", values)


def fine(code: str, **values: Value) -> Finding:
    """Return a finding that is as it should be."""
    return Finding(code, "fine", values)


def needs_attention(findings: Iterable[Finding]) -> bool:
    """Whether any finding has to be looked at."""
    return any(finding.level == "attention" for finding in findings)
