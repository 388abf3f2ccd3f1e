"""A file of any kind -> a report on it, in one pass over its messages."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from msgspec import structs

from chatbot.conversation import Message
from chatbot.errors import ExportError
from chatbot.ingest.doctor.counting import OnBytes, counted
from chatbot.ingest.doctor.ending import ending_of
from chatbot.ingest.doctor.findings import FileReport, Finding, attention, note
from chatbot.ingest.doctor.judgement import amount_of, findings_of, shapes_of
from chatbot.ingest.doctor.observation import Observation
from chatbot.ingest.doctor.origin import ITEM_FORMATS, Origin, origin_of
from chatbot.ingest.organize.inbox import zone_of
from chatbot.ingest.organize.inspection import inspect_export
from chatbot.ingest.organize.manifest import ExportEntry
from chatbot.ingest.readers import TextPart, find_parts
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.archive import ZIP_ERRORS, RoomText
from chatbot.ingest.readers.recognize import EMPTY, FileKind, binary_kind, other_kind
from chatbot.ingest.readers.text import Text
from chatbot.settings.schema import Config

_REORDERED = {"meta", "slack"}  # their messages come in another order than in the file
_ZONES = timedelta(days=1)


@dataclass(frozen=True)
class Examined:
    """A report, and the entry that `organize` would write; None if the file has no message."""

    path: Path
    report: FileReport
    entry: ExportEntry | None = None


def examine(path: Path, config: Config, on_bytes: OnBytes = lambda n: None) -> list[Examined]:
    """Examine a file, and each room of a zip; what is wrong with it is a finding, never an error.

    `on_bytes` is called with the number of bytes of the file that were read.
    """
    try:
        size_bytes = path.stat().st_size
        kind = EMPTY if not size_bytes else binary_kind(path)
        if kind is not None:
            return [Examined(path, _of_no_export(path, kind))]
        try:
            parts = find_parts(path, config.raw)
        except ExportError as error:
            return [Examined(path, _refused(path, error))]
        rooms = [[part] for part in parts] if _are_rooms(parts) else [parts]
        numbers = range(1, len(rooms) + 1) if len(rooms) > 1 else (0,)
        return [
            _Examination(path, texts, number, config, on_bytes).result()
            for number, texts in zip(numbers, rooms, strict=True)
        ]
    except OSError:
        return [Examined(path, FileReport(name=path.name, findings=[attention("closed")]))]


def _origin_of(part: TextPart) -> Origin:
    try:
        return origin_of(part.reader.name, part.text.head())
    except ZIP_ERRORS:  # which the reading of its messages reports
        return "", ""


def _are_rooms(parts: list[TextPart]) -> bool:
    return len(parts) > 1 and all(isinstance(part.text, RoomText) for part in parts)


def _of_no_export(path: Path, kind: FileKind) -> FileReport:
    findings = [attention("no_export", kind=kind.name, advice=kind.advice)]
    if "WhatsApp" in kind.name or "WhatsApp" in path.name:
        findings.append(note("advanced_chat_privacy"))
    return FileReport(name=path.name, size_bytes=path.stat().st_size, findings=findings)


def _refused(path: Path, error: ExportError) -> FileReport:
    kind = other_kind(path)
    if kind is not None:
        return _of_no_export(path, kind)
    findings = [attention("refused", reason=str(error), advice=error.hint)]
    return FileReport(name=path.name, size_bytes=path.stat().st_size, findings=findings)


@dataclass
class _Examination:
    """The reading of one room, and what was seen until it ended. `number`: of a zip's rooms."""

    path: Path
    parts: list[TextPart]
    number: int
    config: Config
    on_bytes: OnBytes
    account: Account = field(default_factory=Account)
    seen: Observation | None = None

    def result(self) -> Examined:
        """Read the texts."""
        watched = [self._watched(part) for part in self.parts]
        try:
            # A digest is needed for copies only, which the comparison recognizes by their size.
            entry = inspect_export(self.path, "", watched, zone_of(self.config))
        except ExportError as error:
            refused = attention("refused", reason=str(error), advice=error.hint)
            return Examined(self.path, self._report([*shapes_of(self.account), refused]))
        return Examined(self.path, self._finished(entry), entry)

    def _watched(self, part: TextPart) -> TextPart:
        """Return a text whose reader shows every message on its way."""

        def read(text: Text, zone: timezone, account: Account) -> Iterator[Message]:
            # A zip's texts are looked at before they are read: each account begins anew.
            if account is not self.account or self.seen is None:
                self.account, self.seen = account, self._observation(part, account, zone)
            seen = self.seen
            for message in part.reader.read(text, zone, account):
                seen.see(message)
                yield message

        opened = counted(part.text.open_bytes, self.on_bytes)
        text = replace(part.text, open_bytes=opened) if part.archive is None else part.text
        return replace(part, text=text, reader=replace(part.reader, read=read))

    def _observation(self, part: TextPart, account: Account, zone: timezone) -> Observation:
        rules = self.config.processed.preprocess
        has_lines = part.reader.name not in _REORDERED
        now = datetime.now(zone) + _ZONES
        has_items = part.reader.name in ITEM_FORMATS
        return Observation(account, rules, part.reader.cut_chars, has_lines, has_items, now)

    def _finished(self, entry: ExportEntry) -> FileReport:
        seen = self.seen
        if seen is None:
            raise AssertionError("an entry without a message")
        findings = [*self._of_file(), *findings_of(self.account, seen, n_rooms=self._n_rooms())]
        return structs.replace(
            self._report(findings),
            first=entry.first,
            last=entry.last,
            speakers=entry.speakers,
            amount=amount_of(entry, seen, self.config.processed.preprocess),
        )

    def _of_file(self) -> Iterator[Finding]:
        if any(part.text.is_decomposed for part in self.parts):
            yield note("decomposed")
        if (n_rooms := self._n_rooms()) > 1:
            yield note("several_rooms", n=n_rooms)
        if self.parts[0].archive is None and not self.account.is_cut:
            yield from ending_of(self.path, self.parts[0])

    def _n_rooms(self) -> int:
        part = self.parts[0]
        items_of = part.reader.items_of_rooms
        if items_of is None or len(self.parts) > 1:
            return 1
        return max(1, len({item.room for item in items_of(part.text)}))

    def _report(self, findings: list[Finding]) -> FileReport:
        account, part = self.account, self.parts[0]
        device, language = _origin_of(part)
        return FileReport(
            name=f"{self.path.name} [{self.number}]" if self.number else self.path.name,
            size_bytes=self.path.stat().st_size,
            format=part.reader.name,
            device=device,
            language=language,
            encoding=part.text.encoding,
            unit="items" if part.reader.name in ITEM_FORMATS else "lines",
            n_lines=account.n_lines,
            lines={kind: n for kind, n in account.lines.items() if n},
            kinds=dict(account.kinds),
            unknown_shapes=dict(account.signatures),
            findings=findings,
        )
