"""Organized exports and tables -> clean, masked sessions on disk, with an account of all."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain, islice

import msgspec
from msgspec.structs import replace

from chatbot.conversation import CUSTOMER, DESK, Message
from chatbot.crypto.secrets import project_key, speaker_key
from chatbot.errors import CorpusError
from chatbot.ingest.cleaning.rules import Cleaner, Prepared
from chatbot.ingest.cleaning.sessions import merge_bursts, split_sessions
from chatbot.ingest.masking.masker import Masker, Replacement
from chatbot.ingest.masking.names import N_TO_DECIDE, NamePattern, words_among
from chatbot.ingest.masking.owner import asked_of, pseudonyms_of
from chatbot.ingest.masking.sealing import count_kinds, seal_masked
from chatbot.ingest.organize.forgetting import read_rules, rules_path, with_aliases
from chatbot.ingest.organize.rooms import Room, RoomTally, exporter_of, open_rooms, read_room
from chatbot.ingest.qna.prompts import QuestionForm
from chatbot.ingest.qna.sessions import MaskerMaker, TableAccount, read_tables
from chatbot.ingest.readers.registry import CUT_CHARS, NOTICES
from chatbot.ingest.spool import SessionSpool
from chatbot.ingest.workers import Reading, choose_processes, prepare_room
from chatbot.listener import SILENCE, Listener
from chatbot.settings.schema import Config
from chatbot.storage.files import part_of

_OF_MESSAGES = ("message", "media", "system")


class MessageAccount(msgspec.Struct, kw_only=True):
    """What became of every line, message and row; `corpus.store.Stats` explains the fields."""

    exports: dict[str, dict[str, int]]
    merged: dict[str, int]
    messages: dict[str, int]
    dropped: dict[str, int]
    context_only: dict[str, int]
    masked: dict[str, int]
    tables: dict[str, TableAccount]
    question: QuestionForm

    @property
    def n_learned(self) -> int:
        """Messages kept that are more than context; a row of a table is two."""
        n_rows = sum(account.n_kept for account in self.tables.values())
        return self.messages["kept"] - sum(self.context_only.values()) + 2 * n_rows


@dataclass(frozen=True)
class CleanRooms:
    """The cleaned rooms: sessions on disk, one spool for each room, and facts about them.

    All tables are one room, of a customer and the desk.

    `n_said`: speaker -> number of messages that can be trained. `exporter`: who made the exports,
    if known. `pseudonyms`: the replacements of masked values. `sealed`: their encrypted list.
    `speaker_key`: secret key of the speaker hashes in models.
    """

    spools: list[SessionSpool]
    account: MessageAccount
    n_said: Counter[str]
    exporter: str | None
    pseudonyms: frozenset[str]
    sealed: bytes | None
    speaker_key: bytes

    @property
    def n_sessions(self) -> int:
        """Sessions of all rooms and tables."""
        return sum(len(spool.n_turns) for spool in self.spools)


@contextmanager
def read_sessions(
    config: Config, listener: Listener = SILENCE, n_most_processes: int = 1
) -> Iterator[CleanRooms]:
    """Read, clean and mask the rooms of a project; leaving the context deletes the spools.

    The result does not depend on `n_most_processes`; a script that allows more than one must be
    importable (`if __name__ == "__main__"`), because each imports it.

    Raises CorpusError or ExportError if there is nothing to read, or a filed export has changed.
    """
    rooms = open_rooms(config, listener.warn)
    remove_spools(config)
    ingestion = _Ingestion(rooms, config, n_most_processes)
    try:
        n_messages = sum(entry.n_messages for room in rooms for entry in room.exports)
        with listener.progress(n_messages, "reading messages") as advance:
            for room in rooms:
                ingestion.read(room, advance)
        if config.processed.tables:
            ingestion.read_tables(listener)
        for sentence in ingestion.doubts():
            listener.warn(sentence)
        yield ingestion.finish()
    finally:
        for spool in ingestion.spools:
            spool.close()
        remove_spools(config)


def project_masker(config: Config) -> Masker | None:
    """Return what masks the text of this project outside of its rooms, as that of its rooms.

    Without rooms no names are known. None if nothing is to be masked.
    """
    try:
        rooms = open_rooms(config)
    except CorpusError:  # a model that somebody else trained
        rooms = []
    messages = chain.from_iterable(read_room(room.exports, room.aliases, config) for room in rooms)
    return _masker_maker(rooms, config)(message.text for message in messages)


def remove_spools(config: Config) -> None:
    """Remove temporary files of this or of a killed process: they contain private text."""
    for path in config.processed_dir.parent.glob(f"{config.processed_dir.name}.*.part"):
        shutil.rmtree(path)


class _Ingestion:
    """Reads rooms into spools and counts their lines and messages."""

    def __init__(self, rooms: list[Room], config: Config, n_most_processes: int) -> None:
        self.spools: list[SessionSpool] = []
        self._n_most_processes = n_most_processes
        self._rooms, self._config = rooms, config
        self._rules = config.processed.preprocess
        pairs = [pair for room in rooms for pair in room.alias_pairs]
        self._forget = with_aliases(read_rules(rules_path(config)), pairs)
        self._make_masker = _masker_maker(rooms, config)
        self._folder = part_of(config.processed_dir.with_name(f"{config.processed_dir.name}.spool"))
        self._tables: dict[str, TableAccount] = {}
        self._question = QuestionForm()
        self._tallies: dict[str, RoomTally] = {}
        self._n_said: Counter[str] = Counter()
        self._n_seen = self._n_kept = 0
        self._dropped: Counter[str] = Counter()
        self._context_only: Counter[str] = Counter()
        self._masked: Counter[Replacement] = Counter()

    def read(self, room: Room, advance: Callable[[], object]) -> None:
        """Clean and mask a room into a spool of its own."""
        cleaner = Cleaner(self._rules, self._forget, NOTICES, CUT_CHARS)
        unread = read_room(room.exports, room.aliases, self._config)
        masker = self._make_masker(message.text for message in unread)
        spool = SessionSpool(self._folder / room.id)
        self.spools.append(spool)
        tally = self._tallies[room.id] = RoomTally()
        n_messages = sum(entry.n_messages for entry in room.exports)
        n_processes = choose_processes(n_messages, self._n_most_processes)
        reading = Reading(room, self._config, cleaner.preparation)
        with closing(prepare_room(reading, tally, n_processes)) as batches:
            clean = self._clean(chain.from_iterable(batches), cleaner, masker, advance)
            for session in split_sessions(clean, self._rules, room.id):
                spool.add(merge_bursts(session, self._rules))
        spool.close()
        self._n_seen += cleaner.n_seen
        self._n_kept += cleaner.n_kept
        self._dropped += cleaner.dropped
        self._context_only += cleaner.context_only
        self._masked += masker.replaced if masker else Counter()
        _require_all_read(tally, cleaner.n_seen)

    def read_tables(self, listener: Listener) -> None:
        """Clean and mask the rows of all tables into a spool of their own."""
        desk = read_tables(self._config, self._forget, self._make_masker, self._folder, listener)
        self.spools.append(desk.spool)
        self._tables = desk.accounts
        if not self._rooms:  # in a room nobody writes prompts
            self._question = desk.question
        self._masked += desk.masked
        # As many as there are rows, so that nobody counts as silent.
        self._n_said |= Counter({DESK: desk.n_kept, CUSTOMER: desk.n_kept})

    def _clean(
        self,
        messages: Iterator[Prepared],
        cleaner: Cleaner,
        masker: Masker | None,
        advance: Callable[[], object],
    ) -> Iterator[Message]:
        for message in messages:
            advance()
            cleaned = cleaner.take(message)
            if cleaned is not None:
                # A speaker who only repeats gets an id as well, but repetitions do not count for
                # the persona.
                self._n_said[cleaned.speaker] += cleaned.kind == "message"
                yield replace(cleaned, text=masker.mask(cleaned.text)) if masker else cleaned

    def doubts(self) -> Iterator[str]:
        """Yield a warning for each export that may not belong to its room."""
        for tally in self._tallies.values():
            for export, percent in tally.doubtful():
                yield (
                    f"{export} shares {percent} % of its messages with the other exports of "
                    "its room, over the same days: is it another room, or are names or the time "
                    "zone others there (raw.aliases, raw.utc_offset_hours)?"
                )

    def finish(self) -> CleanRooms:
        """Return the cleaned rooms, after checking that no message is lost."""
        if self._n_seen != self._n_kept + self._dropped.total():
            raise _missing("cleaning")
        n_turns = sum(sum(spool.n_turns) for spool in self.spools)
        tallies = self._tallies.items()
        account = MessageAccount(
            exports={
                export: {**classes, "total": classes.total()}
                for _, tally in tallies
                for export, classes in tally.lines.items()
            },
            merged={room: tally.merged.n_merged for room, tally in tallies},
            messages={"seen": self._n_seen, "kept": self._n_kept, "turns": n_turns},
            dropped=dict(self._dropped),
            context_only=dict(self._context_only),
            masked=count_kinds(self._masked),
            tables=self._tables,
            question=self._question,
        )
        sealed = seal_masked(self._masked, self._config) if self._rules.mask_personal else None
        key = speaker_key(project_key(self._config))
        exporter = _exporter(self._rooms)
        pseudonyms = frozenset(replacement.pseudonym for replacement in self._masked)
        return CleanRooms(self.spools, account, self._n_said, exporter, pseudonyms, sealed, key)


def _exporter(rooms: list[Room]) -> str | None:
    """Return who made the exports; None if unknown or if rooms disagree."""
    names = {exporter_of(room.exports, room.aliases) for room in rooms} - {None}
    return names.pop() if len(names) == 1 else None


def _require_all_read(tally: RoomTally, n_seen: int) -> None:
    """Check that every message line of the exports was read, and was kept or merged."""
    n_lines = sum(classes[kind] for classes in tally.lines.values() for kind in _OF_MESSAGES)
    if not n_lines == tally.n_read.total() == n_seen + tally.merged.n_merged:
        raise _missing("merging")


def _missing(step: str) -> CorpusError:
    return CorpusError(f"messages went missing while {step}", hint="this is a bug; report it")


def _masker_maker(rooms: list[Room], config: Config) -> MaskerMaker:
    """Return a factory of maskers for the texts of a room; all share pseudonyms and names."""
    if not config.processed.preprocess.mask_personal:
        return lambda _texts: None
    pseudonyms, (asked, secrets) = pseudonyms_of(config), asked_of(config)
    names = asked | set(config.raw.aliases.values())
    names |= {name for room in rooms for name in room.names}

    def make(texts: Iterable[str]) -> Masker:
        pattern = NamePattern(names, words_among(names - asked, islice(texts, N_TO_DECIDE)))
        return Masker(pseudonyms, pattern, secrets, config.processed.preprocess.public)

    return make
