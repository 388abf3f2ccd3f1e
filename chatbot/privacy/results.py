"""The contents of a privacy report, `privacy.json` and its page."""

from pathlib import Path

import msgspec

from chatbot.privacy.memorization import Attack

Shares = dict[str, float]  # key: number of replies, as text


class CopiedReplies(msgspec.Struct, frozen=True):
    """The shares of replies that contain 20 successive characters of a split's messages."""

    train: float
    held_out: float
    n_replies: float


class DataFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of the training messages."""

    messages: dict[str, int]
    masked: dict[str, int]
    dropped: dict[str, int]
    context_only: dict[str, int] = msgspec.field(name="context only, not trained")
    n_epochs: int | str = msgspec.field(name="times the chat was read", default="?")


class ReportSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The measured model, and the settings of the measurement."""

    version: str
    run: str
    step: int | None
    n_params: int = msgspec.field(name="parameters")
    seed: int
    data: str
    min_chars: int = msgspec.field(name="characters of a long message")
    temperature: float


class PrivacyReport(msgspec.Struct, frozen=True, kw_only=True):
    """The results of a report; empty where not measured.

    `extraction` and `n_messages` are by split. `membership`: by attack. `secrets`, `candidates`
    (strings that may be secrets) and `canaries`: exposures in bits, by kind of value and by number
    of repeats.
    """

    n_messages: dict[str, int]
    min_chars: int
    extraction: dict[str, Shares]
    membership: dict[str, Attack]
    verbatim: CopiedReplies | None = None
    secrets: dict[str, list[float]] = {}
    candidates: dict[str, list[float]] = {}
    canaries: dict[int, list[float]] = {}
    data: DataFacts | None = None
    not_measured: list[str] = []
    settings: ReportSettings | None = None
    warnings: list[str] = []


def read_report(path: Path) -> PrivacyReport | None:
    """Read a report; None if it is missing, damaged, or of an earlier version."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=PrivacyReport)
    except (OSError, msgspec.DecodeError):
        return None
