"""data/raw/manifest.json: where exports are filed, and facts about them."""

from pathlib import Path

import msgspec

from chatbot.errors import ExportError
from chatbot.ingest.organize.sketch import Sketch
from chatbot.storage.files import write_bytes

VERSION = 1
NAMES_FILE = "names.json"


class ExportEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A filed export. It contains names and never leaves data/."""

    id: str
    sha256: str
    size_bytes: int
    room: str
    path: str
    original_name: str
    dialect: str
    encoding: str
    room_name: str
    n_people: int
    lines: dict[str, int]
    n_messages: int
    n_steps_back: int
    n_undecodable: int
    first: str
    last: str
    speakers: dict[str, int]
    sketch: Sketch
    kinds: dict[str, int] = {}
    signatures: dict[str, int] = {}
    is_cut: bool = False


class Manifest(msgspec.Struct, frozen=True):
    """All filed exports, in the order they were filed."""

    exports: list[ExportEntry] = []
    version: int = VERSION

    @property
    def rooms(self) -> dict[str, list[ExportEntry]]:
        """Exports by room folder, oldest message first."""
        rooms: dict[str, list[ExportEntry]] = {}
        for entry in sorted(self.exports, key=lambda entry: (entry.sketch.first, entry.path)):
            rooms.setdefault(entry.room, []).append(entry)
        return rooms


def read_manifest(path: Path) -> Manifest:
    """Read the manifest; an absent one is empty, a damaged one an error."""
    if not path.exists():
        return Manifest()
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except msgspec.DecodeError as error:
        raise ExportError(
            f"{path.name} is damaged",
            hint="move it away and run `chatbot organize`: it is rebuilt from the filed exports",
        ) from error
    if manifest.version > VERSION:
        raise ExportError(f"{path.name} is of a newer version", hint="update this program")
    return manifest


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write the manifest atomically."""
    write_bytes(path, msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")


class FiledNames(msgspec.Struct, frozen=True):
    """The original names of an export, which its content may not contain."""

    original_name: str = ""
    room_name: str = ""


def read_filed_names(folder: Path) -> dict[str, FiledNames]:
    """Read the names of the exports filed in a room's folder, by id; without them, none."""
    try:
        content = (folder / NAMES_FILE).read_bytes()
        return msgspec.json.decode(content, type=dict[str, FiledNames])
    except (OSError, msgspec.DecodeError):
        return {}  # only needed to rebuild a lost manifest


def write_filed_names(folder: Path, entry: ExportEntry) -> None:
    """Write the original names of an export next to it, to rebuild a lost manifest."""
    names = read_filed_names(folder)
    names[entry.id] = FiledNames(entry.original_name, entry.room_name)
    content = msgspec.json.format(msgspec.json.encode(names), indent=1)
    write_bytes(folder / NAMES_FILE, content + b"\n")
