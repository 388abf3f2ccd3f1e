"""Filed exports of a room -> one stream of its messages."""

import difflib
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from msgspec.structs import replace

from chatbot.conversation import Message
from chatbot.errors import CorpusError, ExportError
from chatbot.ingest.organize.aliases import Aliases, find_aliases
from chatbot.ingest.organize.inbox import zone_of
from chatbot.ingest.organize.manifest import ExportEntry, read_manifest
from chatbot.ingest.organize.merging import MergeTally, Source, by_time, merge_sources
from chatbot.ingest.readers import read_messages
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.registry import EXPORTER_NAMES, MESSENGERS
from chatbot.settings.schema import Config
from chatbot.storage.files import sha256_of

_MIN_COMPARED = 50
_LITTLE_SHARED = 0.5


@dataclass(frozen=True)
class Room:
    """The exports of a room, and the aliases of the names in each of them."""

    exports: list[ExportEntry]
    aliases: Aliases

    @property
    def id(self) -> str:
        """The id of its first export, which lists show instead of a name."""
        return self.exports[0].id

    @property
    def names(self) -> set[str]:
        """Every name that its exports hold."""
        return {name for entry in self.exports for name in entry.speakers}

    @property
    def alias_pairs(self) -> list[tuple[str, str]]:
        """Pairs of (name in an export, resolved name)."""
        return [pair for names in self.aliases.values() for pair in names.items()]


@dataclass
class RoomTally:
    """The counts of reading a room: every line of its exports by class, and merged messages."""

    lines: dict[str, Counter[str]] = field(default_factory=dict)
    n_read: Counter[str] = field(default_factory=Counter)
    merged: MergeTally = field(default_factory=MergeTally)

    def take(self, other: "RoomTally") -> None:
        """Take over the counts of another process."""
        self.lines, self.n_read, self.merged = other.lines, other.n_read, other.merged

    def doubtful(self) -> list[tuple[str, int]]:
        """Return (id, percent shared) of exports with few messages in common over the same time."""
        shares = [
            (export, self.merged.n_shared[number], self.merged.n_compared[number])
            for number, export in enumerate(self.lines)
        ]
        return [
            (export, round(100 * n_shared / n))
            for export, n_shared, n in shares
            if n >= _MIN_COMPARED and n_shared < _LITTLE_SHARED * n
        ]


def open_rooms(
    config: Config, on_doubt: Callable[[str], None] = lambda sentence: None
) -> list[Room]:
    """Return the rooms to train on, with their aliases resolved.

    Raises ExportError if an export is missing or has changed since it was filed.
    """
    rooms = list(choose_rooms(config).values())
    verify_exports([entry for exports in rooms for entry in exports], config)
    return [Room(exports, resolve_aliases(exports, config, on_doubt)) for exports in rooms]


def choose_rooms(config: Config) -> dict[str, list[ExportEntry]]:
    """Return the rooms to train on, by folder name, with their exports.

    With tables (`processed.tables`) there may be none. Otherwise raises CorpusError if nothing is
    organized, or several rooms are and none is chosen.
    """
    chosen, has_tables = config.processed.rooms, bool(config.processed.tables)
    if chosen == "none":
        return _no_rooms(has_tables)
    rooms = read_manifest(config.path(config.raw.manifest_path)).rooms
    if not rooms:
        if has_tables and chosen in ("auto", "all"):
            return {}
        raise CorpusError(
            "no export is organized yet",
            hint=f"put a {MESSENGERS} export into {config.raw.inbox_dir} and run "
            "`chatbot organize`",
        )
    if chosen == "all":
        return rooms
    if chosen == "auto":
        if len(rooms) > 1:
            sizes = ", ".join(
                f"{exports[0].id} ({sum(entry.n_messages for entry in exports)} messages)"
                for exports in rooms.values()
            )
            raise CorpusError(
                f"{len(rooms)} rooms are organized: {sizes}",
                hint="set `processed.rooms` in `configs/paths.yaml` to [id] or to all; "
                "`chatbot organize` shows which is which",
            )
        return rooms
    return {room: rooms[room] for room in (_named_room(name, rooms) for name in chosen)}


def _no_rooms(has_tables: bool) -> dict[str, list[ExportEntry]]:
    if not has_tables:
        raise CorpusError(
            "`processed.rooms` is none and `processed.tables` is empty",
            hint="set `processed.rooms: auto`, or name a table in `processed.tables`",
        )
    return {}


def _named_room(typed: str, rooms: dict[str, list[ExportEntry]]) -> str:
    """Return the room that a setting names: by its folder, an export's id, or its shown name.

    Raises CorpusError with similar names if none or several match.
    """
    names: dict[str, set[str]] = {}
    for room, exports in rooms.items():
        for name in (room, *(name for e in exports for name in (e.id, e.room_name) if name)):
            names.setdefault(_comparable(name), set()).add(room)
    if typed in rooms:
        return typed
    matches = names.get(_comparable(typed), set())
    if len(matches) == 1:
        return next(iter(matches))
    if matches:
        ids = ", ".join(sorted(rooms[room][0].id for room in matches))
        raise CorpusError(
            f"{len(matches)} rooms have the name in `processed.rooms`",
            hint=f"use an id instead: {ids}",
        )
    close = difflib.get_close_matches(_comparable(typed), list(names), n=3, cutoff=0.5)
    near = sorted({room for name in close for room in names[name]})
    raise CorpusError(
        "`processed.rooms` names a room that is not organized",
        hint="`chatbot organize` lists rooms and their ids",
        private=f"did you mean {' or '.join(near)}?" if near else "",
    )


def _comparable(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def resolve_aliases(
    exports: list[ExportEntry],
    config: Config,
    on_doubt: Callable[[str], None] = lambda sentence: None,
) -> Aliases:
    """Return the aliases of each export; `on_doubt` is called with a warning about ambiguous names.

    The user's `raw.aliases` apply everywhere. Raises ExportError if an old phone's 회원님 or "you"
    matches nobody in the other exports, because each of those messages would be doubled.
    """
    resolved = find_aliases(exports, config.raw.aliases, lambda entry: _read_export(entry, config))
    for first, second in resolved.doubts:
        on_doubt(
            f"{first} and {second} use different names for somebody, and their messages do not "
            "show who is who: such messages count twice; list the names in raw.aliases"
        )
    for entry in exports:
        _require_owner(entry, exports, resolved.aliases[entry.id])
    return resolved.aliases


def _require_owner(entry: ExportEntry, exports: list[ExportEntry], names: dict[str, str]) -> None:
    others = [e for e in exports if e is not entry and not _names_exporter(e)]
    for name in entry.speakers:
        if name in EXPORTER_NAMES and others and names.get(name, name) in EXPORTER_NAMES:
            raise ExportError(
                f"export {entry.id} calls its owner {name}, and no other export tells who that is",
                hint=f"set `raw.aliases` in `configs/paths.yaml`: {{{name}: the name elsewhere}}",
            )


def _names_exporter(entry: ExportEntry) -> bool:
    return any(name in EXPORTER_NAMES for name in entry.speakers)


def read_room(
    exports: list[ExportEntry], aliases: Aliases, config: Config, tally: RoomTally | None = None
) -> Iterator[Message]:
    """Yield the messages of a room, its exports merged, speakers' aliases resolved."""
    tally = tally if tally is not None else RoomTally()
    sources = []
    for entry in exports:
        messages = _renamed(_tallied(entry, config, tally), aliases[entry.id])
        if len(exports) > 1 and entry.n_steps_back:
            messages = iter(by_time(messages))
        sources.append(Source(messages, is_lossy=entry.encoding == "cp949"))
    return merge_sources(sources, tally.merged)


def _tallied(entry: ExportEntry, config: Config, tally: RoomTally) -> Iterator[Message]:
    account = Account()
    tally.lines[entry.id] = account.lines
    return _counted(entry.id, _read_export(entry, config, account), tally.n_read)


def _counted(export: str, messages: Iterator[Message], n_read: Counter[str]) -> Iterator[Message]:
    for message in messages:
        n_read[export] += 1
        yield message


def verify_exports(exports: list[ExportEntry], config: Config) -> None:
    """Raise ExportError if a filed export is missing or has changed."""
    for entry in exports:
        path = config.path(entry.path)
        if not path.is_file():
            raise ExportError(
                f"export {entry.id} is missing",
                hint="put it back, or run `chatbot organize` to continue without it",
            )
        if sha256_of(path) != entry.sha256:
            raise ExportError(
                f"export {entry.id} has changed since it was filed",
                hint="restore it, or move it to the inbox and run `chatbot organize`",
            )


def _read_export(
    entry: ExportEntry, config: Config, account: Account | None = None
) -> Iterator[Message]:
    path = config.path(entry.path)
    return read_messages(path, raw=config.raw, zone=zone_of(config), account=account)


def _renamed(messages: Iterator[Message], aliases: dict[str, str]) -> Iterator[Message]:
    for message in messages:
        alias = aliases.get(message.speaker)
        if alias is None:
            yield message
        else:
            yield replace(message, speaker=alias)


def exporter_of(exports: list[ExportEntry], aliases: Aliases) -> str | None:
    """Return the speaker who made the export; None if unknown.

    Older exports call the exporter 회원님 or "you"; a room of two is named after the other person.
    """
    for entry in exports:
        for name in EXPORTER_NAMES:
            if name in entry.speakers:
                return aliases[entry.id].get(name, name)
        others = [name for name in entry.speakers if name != entry.room_name]
        if len(entry.speakers) == 2 and len(others) == 1 and entry.n_people <= 2:
            return aliases[entry.id].get(others[0], others[0])
    return None
