"""The messages of one export, seen one by one -> the facts that findings rest on."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chatbot.conversation import Message
from chatbot.ingest.doctor.findings import MAX_PLACES
from chatbot.ingest.organize.merging import JITTER_MINUTES
from chatbot.ingest.readers import kakaotalk_grammar, whatsapp_grammar
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.meta import repaired
from chatbot.settings.schema import PreprocessConfig

_JITTER = timedelta(minutes=JITTER_MINUTES)
_FIRST_YEAR = 2009  # WhatsApp's; KakaoTalk's is 2010
_SILENCE = timedelta(days=30)
_N_SILENCES = 3
_TABBED = re.compile(r"\S{0,6}\d{1,2}:\d{2}\S{0,6}\t[^\t]+\t")
_BY_LATIN = re.compile("[\u00c0-\u00f4][\u0080-\u00bf]")  # UTF-8 read as Latin-1


@dataclass
class Places:
    """How often something occurred, and the lines of the first times."""

    n: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        """Count one more."""
        self.n += 1
        if len(self.lines) < MAX_PLACES and line:
            self.lines.append(line)


@dataclass
class Presence:
    """Where somebody spoke: the numbers of the first and the last message, and how many."""

    first: int
    last: int
    n: int = 1


@dataclass(frozen=True)
class Silence:
    """A long time without a message."""

    days: int
    since: str
    until: str


@dataclass
class Observation:
    """Facts about the messages so far; memory grows with the number of speakers only.

    `damaged`: lines with characters that could not be decoded. `headers_inside`: lines inside
    messages that look like the first line of one, in any format.
    `steps_back`: messages dated earlier than the one before by more than clocks differ.
    """

    account: Account
    rules: PreprocessConfig
    cut_chars: int | None
    has_lines: bool  # whether messages come in the order of the file
    has_items: bool  # whether items of JSON are counted in place of lines
    now: datetime
    speakers: dict[str, Presence] = field(default_factory=dict)
    n_messages: int = 0
    n_system: int = 0
    n_undated: int = 0
    n_sessions: int = 0
    n_chars: int = 0
    n_bytes: int = 0
    n_questioned: int = 0  # characters that are "?"
    n_cut: int = 0
    longest_step: timedelta = timedelta()
    headers_inside: Places = field(default_factory=Places)
    steps_back: Places = field(default_factory=Places)
    mojibake: Places = field(default_factory=Places)
    damaged: Places = field(default_factory=Places)
    impossible: Places = field(default_factory=Places)
    silences: list[Silence] = field(default_factory=list)
    _gap: timedelta = field(init=False)
    _last: datetime | None = None
    _n_lines: int = 0

    def __post_init__(self) -> None:
        self._gap = timedelta(minutes=self.rules.session_gap_minutes)

    def see(self, message: Message) -> None:
        """Take the next message, whose lines the account has counted."""
        line = self._place_of(message) if self.has_lines else 0
        self._n_lines = self.account.n_lines
        if message.kind == "system":
            self.n_system += 1
            return
        self._see_time(message.sent_at, line)
        presence = self.speakers.get(message.speaker)
        if presence is None:
            self.speakers[message.speaker] = Presence(self.n_messages, self.n_messages)
        else:
            presence.last = self.n_messages
            presence.n += 1
        self.n_messages += 1
        if message.kind == "message":
            self._see_text(message.text, line)

    def _place_of(self, message: Message) -> int:
        """Return the line of a message: behind all that was counted with the one before."""
        if self._n_lines:
            return self._n_lines + 1
        n_own = 1 if self.has_items else 1 + message.text.count("\n")
        return self.account.n_lines - n_own + 1  # behind the header of the file

    def _see_text(self, text: str, line: int) -> None:
        self.n_chars += len(text)
        if text.isascii():
            self.n_bytes += len(text)
        else:
            self.n_bytes += len(text.encode("utf-8", "replace"))
            if _BY_LATIN.search(text) and repaired(text) != text:
                self.mojibake.add(line)
            if "\ufffd" in text:
                self._see_damage(text, line)
        self.n_questioned += text.count("?")
        self.n_cut += len(text) == self.cut_chars
        if "\n" in text:
            for number in _headers_in(text):
                self.headers_inside.add(line and line + (0 if self.has_items else number))

    def _see_damage(self, text: str, line: int) -> None:
        for number, part in enumerate([text] if self.has_items else text.split("\n")):
            if "\ufffd" in part:
                self.damaged.add(line and line + number)

    def _see_time(self, at: datetime | None, line: int) -> None:
        if at is None:
            self.n_undated += 1
            self.n_sessions += not self.n_messages
            return
        if at.year < _FIRST_YEAR or at > self.now:
            self.impossible.add(line)
        last, self._last = self._last, at
        if last is None:
            self.n_sessions += 1
            return
        if at == last:
            return
        if abs(at - last) > self._gap:
            self.n_sessions += 1
        if at < last - _JITTER:
            self.steps_back.add(line)
            self.longest_step = max(self.longest_step, last - at)
        elif at - last >= _SILENCE:
            self._add_silence(last, at)

    def _add_silence(self, since: datetime, until: datetime) -> None:
        silence = Silence((until - since).days, f"{since:%Y-%m-%d}", f"{until:%Y-%m-%d}")
        longest = sorted([*self.silences, silence], key=lambda each: -each.days)
        self.silences = longest[:_N_SILENCES]


def _headers_in(text: str) -> Iterator[int]:
    """Yield the numbers of lines after the first that look like the first line of a message."""
    for number, line in enumerate(text.split("\n")):
        if number and _is_header(line):
            yield number


def _is_header(line: str) -> bool:
    if kakaotalk_grammar.WINDOWS.match(line) or _TABBED.match(line):
        return True
    for pattern in (kakaotalk_grammar.STAMP_NUMERIC, kakaotalk_grammar.STAMP_ENGLISH):
        if match := pattern.match(line):
            return " : " in line[match.end() :]
    match = whatsapp_grammar.match_head(line)
    return match is not None and ": " in match["rest"]
