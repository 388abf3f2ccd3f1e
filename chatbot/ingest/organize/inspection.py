"""An export that is read once -> its entry in the manifest: what it holds, in counts."""

import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from chatbot.conversation import Message
from chatbot.errors import ExportError
from chatbot.ingest.organize.manifest import ExportEntry
from chatbot.ingest.organize.merging import JITTER_MINUTES, minute_of
from chatbot.ingest.organize.sketch import sketch_of
from chatbot.ingest.readers import TextPart, held, read_parts
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.registry import room_of


def inspect_export(path: Path, digest: str, parts: list[TextPart], zone: timezone) -> ExportEntry:
    """Read one export and return its entry; its room is not decided yet."""
    _require_one_room(parts, zone)
    account = Account()
    speakers: Counter[str] = Counter()
    extent = _Extent()

    def counted() -> Iterator[Message]:
        for message in read_parts(parts, zone, account):
            if message.kind != "system":
                speakers[message.speaker] += 1
            extent.add(message)
            yield message

    sketch = sketch_of(counted())
    if not speakers:
        raise _without_message(account)
    return ExportEntry(
        id=f"x{digest[:7]}",  # a letter first: YAML would read digits as a number
        sha256=digest,
        size_bytes=path.stat().st_size,
        room="",
        path="",
        original_name=path.name,
        dialect=account.dialect,
        encoding=account.encoding,
        room_name=unicodedata.normalize("NFC", account.room) or room_from_path(path),
        n_people=account.n_people,
        lines=dict(account.lines),
        n_messages=speakers.total(),
        n_steps_back=extent.n_steps_back,
        n_undecodable=account.n_undecodable,
        first=extent.first,
        last=extent.last,
        speakers=dict(speakers.most_common()),
        sketch=sketch,
        kinds=dict(account.kinds),
        signatures=dict(account.signatures),
        is_cut=account.is_cut,
    )


def _without_message(account: Account) -> ExportError:
    n_unknown = account.signatures.total()
    if not n_unknown:
        return ExportError("an export without a message", hint="export the chat again")
    return ExportError(
        f"an export of which nothing is understood ({n_unknown:,} items of unknown shapes)",
        hint="docs/exports.md names what is read of each messenger",
    )


def _require_one_room(parts: list[TextPart], zone: timezone) -> None:
    """Raise ExportError for a zip whose texts, or their names, name several rooms."""
    titles, names = set(), set()
    with held(parts):
        for part in parts if len(parts) > 1 else ():
            account = Account()
            next(part.reader.read(part.text, zone, account), None)
            titles.add(unicodedata.normalize("NFC", account.room))
            names.add(room_from_path(part.path))
    n_rooms = max(len(titles - {""}), len(names - {""}))
    if n_rooms > 1:
        raise ExportError(
            f"it is a zip of {n_rooms} rooms",
            hint="unpack it and put the files here: each is filed under its room",
        )


@dataclass
class _Extent:
    """First and last day of an export, and how often its time steps back."""

    n_steps_back: int = 0
    _first: datetime | None = None
    _last: datetime | None = None
    _minute: int = -1

    def add(self, message: Message) -> None:
        at = message.sent_at
        if at is None or at is self._last or message.kind == "system":
            return
        minute = minute_of(at)
        if minute < self._minute - JITTER_MINUTES:
            self.n_steps_back += 1
        if minute > self._minute or self._last is None:
            self._last = at
        self._first = self._first or self._last
        self._minute = max(minute, self._minute)

    @property
    def first(self) -> str:
        """The day of the first message, "" if the export has no dates."""
        return _day_of(self._first)

    @property
    def last(self) -> str:
        """The day of the latest message, "" if the export has no dates."""
        return _day_of(self._last)


def _day_of(at: datetime | None) -> str:
    return at.date().isoformat() if at is not None else ""


def room_from_path(path: Path) -> str:
    """Return the room that the name of a file or of its folder tells, "" if none does."""
    return next(filter(None, map(room_of, (path.stem, path.parent.name))), "")
