"""Examined files and the filed exports -> copies, overlaps, missing parts, people of two names."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import combinations
from pathlib import Path

from msgspec.structs import replace

from chatbot.conversation import Message
from chatbot.ingest.doctor.examination import Examined
from chatbot.ingest.doctor.findings import Finding, attention, note
from chatbot.ingest.organize.aliases import find_aliases
from chatbot.ingest.organize.inbox import zone_of
from chatbot.ingest.organize.manifest import ExportEntry, read_manifest
from chatbot.ingest.organize.sketch import shared_share
from chatbot.ingest.readers import read_messages
from chatbot.ingest.readers.registry import chunk_of
from chatbot.settings.schema import Config
from chatbot.storage.files import sha256_of

_MIN_COMPARED = 8
_SOME = 0.05  # less is chance: people of two rooms write "ㅋㅋ" in the same minute
_LITTLE = 0.5  # exports of one room share nearly all
_ALL = 0.99


@dataclass(frozen=True)
class _Source:
    """A file or a filed export: what it is called, and where it is."""

    name: str
    path: Path
    entry: ExportEntry
    is_examined: bool = True


def compare(examined: Sequence[Examined], config: Config) -> list[Finding]:
    """Return what concerns more than one file, of the examined ones and those in the project."""
    filed = read_manifest(config.path(config.raw.manifest_path)).exports
    copies = list(_copies(examined, filed, config))
    doubled = {finding.others[0] for finding in copies}
    sources = [
        _Source(each.report.name, each.path, replace(each.entry, id=f"file {number}"))
        for number, each in enumerate(examined)
        if each.entry is not None and each.report.name not in doubled
    ]
    paths = {each.path.resolve() for each in examined}
    sources += [
        _Source(entry.id, path, entry, is_examined=False)
        for entry in filed
        if (path := config.path(entry.path)).is_file() and path.resolve() not in paths
    ]
    return [*copies, *_missing_parts(examined), *_overlaps(sources, config)]


def _copies(
    examined: Sequence[Examined], filed: Iterable[ExportEntry], config: Config
) -> Iterator[Finding]:
    """Find files of the same bytes; only files of one size are read again."""
    sizes = [each.path.stat().st_size for each in examined if each.entry is not None]
    seen = {entry.sha256: (entry.id, config.path(entry.path)) for entry in filed}
    filed_sizes = {entry.size_bytes for entry in filed}
    for each in examined:
        if each.entry is None or each.report.name != each.path.name:
            continue
        size = each.path.stat().st_size
        if not size or (sizes.count(size) < 2 and size not in filed_sizes):
            continue
        other, path = seen.setdefault(sha256_of(each.path), (each.report.name, each.path))
        if path.resolve() != each.path.resolve():
            yield replace(note("copy"), others=[each.report.name, other])


def _missing_parts(examined: Sequence[Examined]) -> Iterator[Finding]:
    """Find exports in parts of which some are not among the files."""
    parts: dict[tuple[Path, str], set[int]] = {}
    for each in examined:
        if each.entry is not None and (chunk := chunk_of(each.path.stem)):
            parts.setdefault((each.path.parent, chunk[0]), set()).add(chunk[1])
    for numbers in parts.values():
        missing = sorted(set(range(1, max(numbers))) - numbers)
        if missing:
            yield attention("missing_parts", parts=", ".join(map(str, missing[:20])))


def _overlaps(sources: Sequence[_Source], config: Config) -> Iterator[Finding]:
    """Compare sketches of exports; the texts are read again only where names differ.

    Of exports that are alike, each is named with one other: a room may have a hundred.
    """
    groups = {source.entry.id: {source.entry.id} for source in sources}
    for one, other in combinations(sources, 2):
        group = groups[one.entry.id]
        if other.entry.id in group or not (one.is_examined or other.is_examined):
            continue
        n_compared, share = shared_share(one.entry.sketch, other.entry.sketch)
        if n_compared < _MIN_COMPARED or share < _SOME:
            continue
        names = list(_names(one, other, config))
        yield from names
        is_explained = any(finding.code == "names_joined" for finding in names)
        finding = _overlap(one, other, share, config, is_explained)
        yield replace(finding, others=[one.name, other.name])
        group |= groups[other.entry.id]
        groups |= dict.fromkeys(group, group)


def _overlap(
    one: _Source, other: _Source, share: float, config: Config, is_explained: bool
) -> Finding:
    first = max(one.entry.sketch.first, other.entry.sketch.first)
    last = min(one.entry.sketch.last, other.entry.sketch.last)
    zone = zone_of(config)
    since, until = _day(first, zone), _day(last, zone)
    percent = round(100 * share)
    if share < _LITTLE and not is_explained:
        return attention("doubtful_overlap", percent=percent, since=since, until=until)
    is_inside = any(
        (s.entry.sketch.first, s.entry.sketch.last) == (first, last) for s in (one, other)
    )
    code = "same_messages" if share >= _ALL and is_inside else "overlap"
    return note(code, percent=percent, since=since, until=until)


def _day(minute: int, zone: timezone) -> str:
    return f"{datetime.fromtimestamp(60 * minute, zone):%Y-%m-%d}"


def _names(one: _Source, other: _Source, config: Config) -> Iterator[Finding]:
    paths = {source.entry.id: source.path for source in (one, other)}

    def read(entry: ExportEntry) -> Iterator[Message]:
        return read_messages(paths[entry.id], raw=config.raw, zone=zone_of(config))

    resolved = find_aliases([one.entry, other.entry], config.raw.aliases, read)
    aliases = {
        raw: shown
        for names in resolved.aliases.values()
        for raw, shown in names.items()
        if config.raw.aliases.get(raw) != shown
    }
    if aliases:
        yield replace(note("names_joined"), others=[one.name, other.name], aliases=aliases)
    if resolved.doubts:
        yield replace(attention("names_unclear"), others=[one.name, other.name])
