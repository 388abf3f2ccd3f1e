"""Find exports, recognize and fingerprint them, file each under its room."""

import re
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta, timezone
from pathlib import Path

from msgspec.structs import replace

from chatbot.errors import ExportError
from chatbot.ingest.organize.inspection import inspect_export
from chatbot.ingest.organize.manifest import (
    NAMES_FILE,
    ExportEntry,
    Manifest,
    read_filed_names,
    read_manifest,
    write_filed_names,
    write_manifest,
)
from chatbot.ingest.organize.sketch import shared_share
from chatbot.ingest.organize.splitting import split_rooms
from chatbot.ingest.readers import find_parts
from chatbot.ingest.readers.recognize import binary_kind
from chatbot.ingest.readers.registry import chunk_of
from chatbot.settings.schema import Config
from chatbot.storage.files import move, sha256_of

_ENDINGS = {".txt", ".csv", ".zip"}
_FILED_ENDINGS = _ENDINGS | {".json", ".jsonl", ".md"}  # in a project's root they may be anything
_LEFT_BY_SYSTEMS = {"thumbs.db", "desktop.ini"}
# Below the archive: exports of several rooms, and those that were filed already.
ASIDE = SPLIT, DUPLICATES = ("split", "duplicates")
_MIN_COMPARED = 8
_SAME_ROOM_SHARE = 0.3


@dataclass(frozen=True)
class Unrecognized:
    """A file in the inbox that no reader recognizes; `reason` never quotes its text."""

    path: Path
    reason: str
    advice: str


@dataclass(frozen=True)
class Split:
    """An export of several rooms, which are filed one by one; `n_empty` have no message."""

    path: Path
    digest: str
    n_rooms: int
    n_empty: int


@dataclass
class FilingPlan:
    """The plan of `organize`; nothing is moved yet."""

    kept: list[ExportEntry]
    gone: list[ExportEntry] = field(default_factory=list)
    filed: list[tuple[Path, ExportEntry]] = field(default_factory=list)
    duplicates: list[tuple[Path, ExportEntry]] = field(default_factory=list)
    unrecognized: list[Unrecognized] = field(default_factory=list)
    split: list[Split] = field(default_factory=list)

    @property
    def entries(self) -> list[ExportEntry]:
        """The entries of the manifest after filing."""
        return [*self.kept, *(entry for _, entry in self.filed)]


def zone_of(config: Config) -> timezone:
    """The time zone of exports, which do not contain one."""
    return timezone(timedelta(hours=config.raw.utc_offset_hours))


def find_candidates(config: Config) -> Iterator[tuple[Path, bool]]:
    """Yield files that may be exports, and whether it is an error if they are not.

    Only the inbox is reserved for exports; other files in the project's root, and among files filed
    before a crash, are ignored.
    """
    filed = {config.path(entry.path) for entry in read_manifest(_manifest_path(config)).exports}
    for path in sorted(config.path(config.raw.organized_dir).rglob("*")):
        if path not in filed and _may_be_export(path, _FILED_ENDINGS) and path.name != NAMES_FILE:
            yield path, False
    for path in sorted(config.path(config.raw.inbox_dir).rglob("*")):
        if (path.is_file() or path.is_symlink()) and not _is_hidden(path):
            yield path, True
    for path in sorted(Path(config.root).glob("*")):
        if _may_be_export(path, _ENDINGS) and path.name != "constraints.txt":
            yield path, False


def _may_be_export(path: Path, endings: set[str]) -> bool:
    return path.suffix.lower() in endings and path.is_file()


def _is_hidden(path: Path) -> bool:
    """Whether a file is hidden, or created by the system in every folder."""
    return path.name.startswith(".") or path.name.lower() in _LEFT_BY_SYSTEMS


def _manifest_path(config: Config) -> Path:
    return config.path(config.raw.manifest_path)


def plan_filing(config: Config, on_file: Callable[[Path], None] = lambda path: None) -> FilingPlan:
    """Read every candidate and decide which room it belongs to.

    Filed exports that are missing are dropped.
    """
    plan = FilingPlan([])
    discard_staged(config)
    for entry in read_manifest(_manifest_path(config)).exports:
        (plan.kept if config.path(entry.path).is_file() else plan.gone).append(entry)
    for path, is_expected in find_candidates(config):
        on_file(path)
        try:
            _plan_file(path, plan, config)
        except ExportError as error:
            # The project's root may contain any text file; a zip or csv there is an export.
            if is_expected or path.suffix.lower() != ".txt":
                plan.unrecognized.append(Unrecognized(path, str(error), error.hint))
        except OSError as error:
            reason = f"it cannot be read ({error.strerror})"
            plan.unrecognized.append(Unrecognized(path, reason, "check its permissions"))
    return plan


def _plan_file(path: Path, plan: FilingPlan, config: Config) -> None:
    if not path.is_file():
        raise ExportError("it is a broken link", hint="put the file or folder itself here")
    if kind := binary_kind(path):  # no need to read a long video
        raise ExportError(f"it is {kind.name}", hint=kind.advice)
    digest = sha256_of(path)
    earlier = next((entry for entry in plan.entries if entry.sha256 == digest), None)
    if earlier is None:
        parts = find_parts(path, config.raw)
        rooms = split_rooms(parts, _staging(config) / digest[:12])
        if rooms:
            _plan_split(path, digest, rooms, plan, config)
            return
        entry = inspect_export(path, digest, parts, zone_of(config))
        plan.filed.append((path, _with_room(path, entry, plan, config)))
    elif config.path(earlier.path) != path:
        plan.duplicates.append((path, earlier))


def _plan_split(
    path: Path, digest: str, rooms: list[Path], plan: FilingPlan, config: Config
) -> None:
    """Plan to file each room of an export that has several."""
    n_empty = 0
    for room in rooms:
        room_digest = sha256_of(room)
        if any(entry.sha256 == room_digest for entry in plan.entries):
            continue
        try:
            parts = find_parts(room, config.raw)
            entry = inspect_export(room, room_digest, parts, zone_of(config))
        except ExportError:
            n_empty += 1
            continue
        entry = replace(entry, original_name=path.name)
        plan.filed.append((room, _with_room(room, entry, plan, config)))
    plan.split.append(Split(path, digest, len(rooms), n_empty))


def _staging(config: Config) -> Path:
    """The folder of rooms that are split off and not filed yet."""
    return config.path(config.raw.organized_dir).with_name(".rooms.part")


def discard_staged(config: Config) -> None:
    """Delete the rooms that were split off and not filed, of this or of a killed process."""
    shutil.rmtree(_staging(config), ignore_errors=True)


def _with_room(path: Path, entry: ExportEntry, plan: FilingPlan, config: Config) -> ExportEntry:
    organized = config.path(config.raw.organized_dir)
    if organized in path.parents:  # filed before, but missing in the manifest
        return _as_filed(path, entry, config)
    room = (
        _matching_room(entry, plan.entries)
        or _room_of_chunk(path, entry, plan.filed)
        or _new_room(entry, plan.entries)
    )
    suffix = path.suffix.lower() if _may_be_export(path, _FILED_ENDINGS) else _ending_of(path)
    filed = f"{config.raw.organized_dir}/{room}/{entry.last or 'undated'}_{entry.id}{suffix}"
    return replace(entry, room=room, path=filed)


def _as_filed(path: Path, entry: ExportEntry, config: Config) -> ExportEntry:
    """Return the entry of an export that is already in a room's folder."""
    room = path.relative_to(config.path(config.raw.organized_dir)).parts[0]
    names = read_filed_names(path.parent).get(entry.id)
    return replace(
        entry,
        room=room,
        path=str(path.relative_to(config.root)),
        original_name=names.original_name if names else entry.original_name,
        room_name=names.room_name if names else entry.room_name,
    )


def _ending_of(path: Path) -> str:
    return ".zip" if zipfile.is_zipfile(path) else ".txt"


def _matching_room(entry: ExportEntry, others: list[ExportEntry]) -> str | None:
    """Return the known room with the same messages, else of the same name, else members.

    Rooms of the same name stay apart if their exports share no message over common days.
    """
    named: str | None = None
    for other in others:
        n_compared, share = shared_share(entry.sketch, other.sketch)
        if n_compared >= _MIN_COMPARED and share >= _SAME_ROOM_SHARE:
            return other.room
        is_other_room = n_compared >= _MIN_COMPARED
        if not is_other_room and _looks_like(entry, other):
            named = named or other.room
    return named


def _room_of_chunk(
    path: Path, entry: ExportEntry, filed: list[tuple[Path, ExportEntry]]
) -> str | None:
    """Return the room of another part of the same export: phones cut long ones into files.

    Parts are in one folder and follow each other in time; their room names must not differ.
    """
    chunk = chunk_of(path.stem)
    for other_path, other in filed:
        other_chunk = chunk_of(other_path.stem)
        if not chunk or not other_chunk or other_path.parent != path.parent:
            continue
        earlier, later = (other, entry) if other_chunk[1] < chunk[1] else (entry, other)
        is_next = chunk[1] != other_chunk[1] and earlier.sketch.last <= later.sketch.first
        is_named_alike = not (entry.room_name and other.room_name) or _looks_like(entry, other)
        if chunk[0] == other_chunk[0] and is_next and is_named_alike:
            return other.room
    return None


def _looks_like(entry: ExportEntry, other: ExportEntry) -> bool:
    if entry.room_name and other.room_name:
        return entry.room_name.casefold() == other.room_name.casefold()
    return set(entry.speakers) == set(other.speakers)


def _named_by_hand(entry: ExportEntry) -> str:
    """Return the file name of a csv, its only hint of a room; "" for other exports."""
    path = Path(entry.original_name)
    return path.stem if path.suffix.lower() == ".csv" and chunk_of(path.stem) is None else ""


def _new_room(entry: ExportEntry, others: Iterable[ExportEntry]) -> str:
    name = re.sub(r"[^\w가-힣-]+", "_", entry.room_name or _named_by_hand(entry)).strip("_")[:60]
    taken = {other.room for other in others}
    if name and name not in taken:
        return name
    return f"{name or 'room'}-{entry.id}"


def file_exports(plan: FilingPlan, config: Config) -> None:
    """Carry out a plan: move each export to its room, duplicates aside, then write the manifest."""
    manifest_path = _manifest_path(config)
    entries = list(plan.kept)
    for path, entry in plan.filed:
        if path != config.path(entry.path):
            write_filed_names(config.path(entry.path).parent, entry)
            _move_content(path, config.path(entry.path))
        entries.append(entry)
        write_manifest(manifest_path, Manifest(entries))
    if plan.gone and not plan.filed:
        write_manifest(manifest_path, Manifest(entries))
    archive = config.path(config.storage.archive_dir)
    for split in plan.split:
        _move_aside(split.path, archive / SPLIT, f"x{split.digest[:7]}")
    discard_staged(config)
    for path, entry in plan.duplicates:
        _move_aside(path, archive / DUPLICATES, entry.id)


def _move_aside(path: Path, folder: Path, export: str) -> None:
    n_before = len(list(folder.glob(f"{export}*"))) if folder.exists() else 0
    _move_content(path, folder / f"{export}-{n_before + 1}{path.suffix.lower()}")


def _move_content(path: Path, target: Path) -> None:
    """Move a file; copy the target of a link, because a relative link breaks when moved."""
    if path.is_symlink():
        part = path.with_name(f".{path.name}.part")
        try:
            shutil.copyfile(path, part)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    move(path, target)
