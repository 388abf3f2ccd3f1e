"""Filed exports of a room -> one stream of its messages."""

from collections.abc import Iterator
from pathlib import Path

from chatbot.config import Config
from chatbot.conversation import Message
from chatbot.errors import CorpusError, ExportError
from chatbot.ingest.inbox import zone_of
from chatbot.ingest.manifest import ExportEntry, read_manifest
from chatbot.ingest.merging import Source, by_time, merge_sources
from chatbot.ingest.readers import read_conversations
from chatbot.storage.files import sha256_of

EXPORTER_NAMES = ("회원님", "you", "You", "Me")


def choose_rooms(config: Config) -> dict[str, list[ExportEntry]]:
    """Return the rooms to train on, by folder name, with their exports.

    Raises CorpusError if nothing is organized, or several rooms are and none is chosen.
    """
    rooms = read_manifest(config.path(config.raw.manifest_path)).rooms
    if not rooms:
        raise CorpusError(
            "no export is organized yet",
            hint=f"put a KakaoTalk export into {config.raw.inbox_dir} and run `chatbot organize`",
        )
    wanted = config.processed.rooms
    if wanted == "all":
        return rooms
    if wanted == "auto":
        if len(rooms) > 1:
            sizes = ", ".join(
                f"{exports[0].id} ({sum(entry.n_messages for entry in exports)} messages)"
                for exports in rooms.values()
            )
            raise CorpusError(
                f"{len(rooms)} rooms are organized: {sizes}",
                hint="set processed.rooms in configs/paths.yaml to [id] or to all; "
                "`chatbot organize` shows which is which",
            )
        return rooms
    return {room: rooms[room] for room in (_named_room(name, rooms) for name in wanted)}


def _named_room(name: str, rooms: dict[str, list[ExportEntry]]) -> str:
    for room, exports in rooms.items():
        if name == room or any(name == entry.id for entry in exports):
            return room
    raise CorpusError(
        "processed.rooms names a room that is not organized",
        hint="`chatbot organize` lists rooms and their ids",
    )


def read_room(exports: list[ExportEntry], config: Config) -> Iterator[Message]:
    """Yield the messages of a room, its exports merged, speakers' aliases resolved."""
    sources = []
    for entry in exports:
        messages = _read_export(entry, config)
        if len(exports) > 1 and entry.n_steps_back:
            messages = iter(by_time(messages))
        sources.append(Source(messages, is_lossy=entry.encoding == "cp949"))
    return merge_sources(sources)


def verify_exports(exports: list[ExportEntry], config: Config) -> None:
    """Raise ExportError if a filed export is gone or not the one that was filed."""
    for entry in exports:
        path = config.path(entry.path)
        if not path.is_file():
            raise ExportError(f"export {entry.id} is gone", hint="put it back, or organize anew")
        if sha256_of(path) != entry.sha256:
            raise ExportError(
                f"export {entry.id} has changed since it was filed",
                hint="restore it, or put the new version into the inbox and remove this one",
            )


def _read_export(entry: ExportEntry, config: Config) -> Iterator[Message]:
    aliases = config.raw.aliases
    path = Path(config.path(entry.path))
    for conversation in read_conversations(path, zone=zone_of(config)):
        for message in conversation.messages:
            if message.speaker in aliases:
                message = Message(
                    aliases[message.speaker], message.text, message.sent_at, message.kind
                )
            yield message


def exporter_of(exports: list[ExportEntry]) -> str | None:
    """Name the speaker who made the export, where it tells; None where it does not.

    Older exports call the exporter 회원님 or "you"; a room of two is named after the other one.
    """
    for entry in exports:
        for name in EXPORTER_NAMES:
            if name in entry.speakers:
                return name
        others = [name for name in entry.speakers if name != entry.room_name]
        if len(entry.speakers) == 2 and len(others) == 1 and entry.n_people <= 2:
            return others[0]
    return None
