"""Messages of a room -> who writes how much, when, how fast and with which words.

Read once, in order; memory does not grow with the number of messages.
"""

import heapq
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from chatbot.conversation import Message, Session
from chatbot.ingest.cleaning.rules import Cleaner
from chatbot.ingest.cleaning.sessions import split_sessions
from chatbot.ingest.organize.forgetting import read_rules, rules_path, with_aliases
from chatbot.ingest.organize.rooms import Room, RoomTally, read_room
from chatbot.ingest.readers.registry import CUT_CHARS, NOTICES
from chatbot.retrieval.terms import searchable
from chatbot.settings.schema import Config

N_SILENCES = 5
_N_WORDS = 300_000  # counted at once, of all speakers
_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]")
_LAUGH, _TEARS = re.compile("ㅋㅋ|ㅎㅎ"), re.compile("ㅠ|ㅜ")
# Laughs, tears and abbreviations, as NFKC writes them.
_LETTERS_ONLY = re.compile("[\u1100-\u11ffㄱ-ㅣ]+")
_MIN_WORD_CHARS = 2


class FrequentCounts:
    """Counts of keys in bounded memory; keys that were rare for long may be counted too low."""

    def __init__(self, limit: int = _N_WORDS) -> None:
        self._limit, self._floor = limit, 0
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, speaker: str, word: str) -> None:
        """Count a word of a speaker; the rarest words are forgotten when there are too many."""
        self._counts[speaker, word] += 1
        while len(self._counts) > self._limit:
            self._floor += 1
            frequent = {key: n for key, n in self._counts.items() if n > self._floor}
            self._counts = Counter(frequent)

    def most_common(self, speaker: str, n_words: int) -> list[tuple[str, int]]:
        """Return the most frequent words of a speaker with their counts."""
        own = ((word, n) for (name, word), n in self._counts.items() if name == speaker)
        return heapq.nsmallest(n_words, own, key=lambda pair: (-pair[1], pair[0]))


@dataclass
class SpeakerCounts:
    """What a speaker wrote, in messages; a turn is several in a row.

    `turn_sizes`: messages of a turn -> times. `reply_seconds`: seconds until a reply -> times;
    `burst_seconds`: between messages of a turn.
    """

    n_messages: int = 0
    n_chars: int = 0
    n_laughs: int = 0
    n_tears: int = 0
    n_questions: int = 0
    n_opened: int = 0  # sessions begun
    turn_sizes: Counter[int] = field(default_factory=Counter)
    reply_seconds: Counter[int] = field(default_factory=Counter)
    burst_seconds: Counter[int] = field(default_factory=Counter)

    @property
    def chars_per_message(self) -> float:
        """Mean length of a message in characters."""
        return self.n_chars / max(1, self.n_messages)

    @property
    def n_turns(self) -> int:
        """Number of turns."""
        return self.turn_sizes.total()


@dataclass(frozen=True, order=True)
class Silence:
    """A time without messages, and who wrote first after it."""

    length: timedelta
    begin: datetime
    broken_by: str


@dataclass
class RoomStatistics:
    """The counts of a room, without messages that were dropped.

    `id`: that of its first export. `by_hour`, `by_weekday` (0 is Monday) and `by_month` ("2026-01")
    count messages in the time zone of the exports, `session_sizes` sessions by their messages,
    `session_gaps` the minutes between two sessions. `dropped` and `context_only`: messages by the
    rule that applied. `n_merged`: messages that several exports hold.
    """

    id: str
    speakers: dict[str, SpeakerCounts] = field(default_factory=dict)
    by_hour: Counter[int] = field(default_factory=Counter)
    by_weekday: Counter[int] = field(default_factory=Counter)
    by_month: Counter[str] = field(default_factory=Counter)
    session_sizes: Counter[int] = field(default_factory=Counter)
    session_gaps: Counter[int] = field(default_factory=Counter)
    words: FrequentCounts = field(default_factory=FrequentCounts)
    emoji: FrequentCounts = field(default_factory=FrequentCounts)
    silences: list[Silence] = field(default_factory=list)
    begin: datetime | None = None
    end: datetime | None = None
    n_seen: int = 0
    n_merged: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    context_only: Counter[str] = field(default_factory=Counter)

    @property
    def n_messages(self) -> int:
        """Messages that are not dropped."""
        return sum(speaker.n_messages for speaker in self.speakers.values())

    def most_active(self, n_speakers: int) -> list[tuple[str, SpeakerCounts]]:
        """Return the speakers with the most messages."""
        order = sorted(self.speakers.items(), key=lambda pair: (-pair[1].n_messages, pair[0]))
        return order[:n_speakers]

    def add(self, session: Session) -> None:
        """Count the messages of a session."""
        self.session_sizes[len(session.messages)] += 1
        first = session.messages[0]
        self._speaker(first.speaker).n_opened += 1
        if self.end is not None and first.sent_at is not None and first.sent_at > self.end:
            self.session_gaps[int((first.sent_at - self.end).total_seconds() // 60)] += 1
        for name, turn in groupby(session.messages, key=lambda message: message.speaker):
            self._speaker(name).turn_sizes[len(list(turn))] += 1
        previous = None
        for message in session.messages:
            self._add_message(message)
            if previous is not None:
                self._add_pause(previous, message)
            previous = message

    def _speaker(self, name: str) -> SpeakerCounts:
        return self.speakers.setdefault(name, SpeakerCounts())

    def _add_message(self, message: Message) -> None:
        text, speaker = message.text, self._speaker(message.speaker)
        speaker.n_messages += 1
        speaker.n_chars += len(text)
        speaker.n_laughs += _LAUGH.search(text) is not None
        speaker.n_tears += _TEARS.search(text) is not None
        speaker.n_questions += "?" in text
        for word in searchable(text).split():
            if len(word) >= _MIN_WORD_CHARS and not _LETTERS_ONLY.fullmatch(word):
                self.words.add(message.speaker, word)
        for emoji in _EMOJI.findall(text):
            self.emoji.add(message.speaker, emoji)
        if message.sent_at is not None:
            self._add_time(message.sent_at, message.speaker)

    def _add_time(self, sent_at: datetime, speaker: str) -> None:
        self.by_hour[sent_at.hour] += 1
        self.by_weekday[sent_at.weekday()] += 1
        self.by_month[f"{sent_at:%Y-%m}"] += 1
        if self.begin is None or self.end is None:
            self.begin = self.end = sent_at
            return
        if sent_at > self.end:
            self._add_silence(Silence(sent_at - self.end, self.end, speaker))
        self.begin, self.end = min(self.begin, sent_at), max(self.end, sent_at)

    def _add_silence(self, silence: Silence) -> None:
        if len(self.silences) < N_SILENCES:
            heapq.heappush(self.silences, silence)
        elif silence > self.silences[0]:
            heapq.heapreplace(self.silences, silence)

    def _add_pause(self, earlier: Message, later: Message) -> None:
        if earlier.sent_at is None or later.sent_at is None:
            return
        seconds, speaker = int((later.sent_at - earlier.sent_at).total_seconds()), later.speaker
        if seconds >= 0:
            own = self._speaker(speaker)
            pauses = own.burst_seconds if earlier.speaker == speaker else own.reply_seconds
            pauses[seconds] += 1


def read_statistics(
    room: Room, config: Config, on_message: Callable[[], object] = lambda: None
) -> RoomStatistics:
    """Read a room once, cleaned by the rules of training but not masked, and count."""
    rules = config.processed.preprocess
    forget = with_aliases(read_rules(rules_path(config)), room.alias_pairs)
    cleaner = Cleaner(rules, forget, NOTICES, CUT_CHARS)
    tally, statistics = RoomTally(), RoomStatistics(room.id)
    messages = read_room(room.exports, room.aliases, config, tally)
    for session in split_sessions(_cleaned(messages, cleaner, on_message), rules, room.id):
        statistics.add(session)
    statistics.n_seen, statistics.n_merged = cleaner.n_seen, tally.merged.n_merged
    statistics.dropped, statistics.context_only = cleaner.dropped, cleaner.context_only
    statistics.silences.sort(reverse=True)
    return statistics


@dataclass
class Activity:
    """Messages by hour and by weekday (0 is Monday), in the time zone of the exports."""

    by_hour: Counter[int] = field(default_factory=Counter)
    by_weekday: Counter[int] = field(default_factory=Counter)


def read_activity(
    rooms: Iterable[Room], config: Config, on_message: Callable[[], object] = lambda: None
) -> Activity:
    """Read rooms once, and count when people write, dropped messages too."""
    activity = Activity()
    for room in rooms:
        for message in read_room(room.exports, room.aliases, config, RoomTally()):
            on_message()
            if message.speaker and message.sent_at is not None:
                activity.by_hour[message.sent_at.hour] += 1
                activity.by_weekday[message.sent_at.weekday()] += 1
    return activity


def _cleaned(
    messages: Iterable[Message], cleaner: Cleaner, on_message: Callable[[], object]
) -> Iterator[Message]:
    for message in messages:
        on_message()
        cleaned = cleaner.clean(message)
        if cleaned is not None:
            yield cleaned


def quantile(counts: Counter[int], share: float) -> int | None:
    """Return the value that `share` of the counted values do not exceed; None without values.

    >>> quantile(Counter({1: 1, 60: 2}), 0.5)
    60
    """
    n_left = share * counts.total()
    for value in sorted(counts):
        n_left -= counts[value]
        if n_left <= 1e-9:
            return value
    return None
