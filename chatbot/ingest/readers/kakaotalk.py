"""KakaoTalk txt exports of every phone, PC and language -> messages, in one pass."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import chain, islice, zip_longest

from chatbot.conversation import Kind, Message
from chatbot.errors import ExportError
from chatbot.ingest.readers import kakaotalk_grammar as grammar
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.text import clean_name

_JITTER = timedelta(minutes=10)  # how far back a phone's clock may step between two messages
_LEAP = timedelta(days=1)
_UNDATED = date(1900, 1, 1)  # stands in where no day line was seen yet
_DIGITS = frozenset("0123456789")
_MONTH_INITIALS = frozenset("JFMASOND")
_CACHE_SIZE = 4096
_HEAD_LINES = 20_000
_N_SNIFFED = 40


def recognizes(head: list[str]) -> bool:
    """Whether the first lines of a file hold a message as KakaoTalk txt exports write it."""
    account = Account()
    parser = _Parser(UTC, account, frozenset())
    lines = [line for line in head if line.strip()][:_N_SNIFFED]
    try:
        for line, following in zip_longest(lines, lines[1:]):
            parser.feed(line, following)
    except ExportError:
        return True  # reading it whole says what is wrong with it
    parser.close()
    return bool(parser.finished) or account.lines["header"] > 1


def read_messages(lines: Iterable[str], zone: timezone, account: Account) -> Iterator[Message]:
    """Yield the messages of an export in file order, accounting for every line.

    Memory is bounded by the longest message. Raises ExportError if the file holds two rooms.
    """
    source = iter(lines)
    head = list(islice(source, _HEAD_LINES))
    parser = _Parser(zone, account, _names_with_colons(head, zone))
    line: str | None = None
    for following in chain(head, source, (None,)):
        if line is not None:
            parser.feed(line, following)
            if parser.finished:
                yield from parser.finished
                parser.finished.clear()
        line = following
    parser.close()
    yield from parser.finished


def _names_with_colons(head: list[str], zone: timezone) -> frozenset[str]:
    """Find names that hold " : " themselves: the longer prefix recurs, the shorter never alone."""
    if not any(line.count(" : ") > 1 for line in head):
        return frozenset()
    parser = _Parser(zone, Account(), frozenset())
    short: Counter[str] = Counter()
    long: Counter[str] = Counter()
    for line in head:
        found = parser.stamped(line) if " : " in line else None
        if found is None:
            continue
        parts = found[1].split(" : ")
        if len(parts) > 2:
            long[f"{parts[0]} : {parts[1]}"] += 1
        else:
            short[parts[0]] += 1
    return frozenset(
        name for name, n in long.items() if n >= 3 and name.split(" : ")[0] not in short
    )


class _Parser:
    """The state of one export: the open message, the day, what was said when.

    `feed` decides with the line after it in view, so that a sentence which looks like a day or
    system line inside a message stays in the message.
    """

    def __init__(self, zone: timezone, account: Account, colon_names: frozenset[str]) -> None:
        self.finished: list[Message] = []
        self._zone = zone
        self._account = account
        self._lines = account.lines
        self._colon_names = colon_names
        self._stamps: dict[str, datetime | None] = {}
        self._clocks: dict[str, datetime | None] = {}
        self._names: dict[str, str] = {}
        self._spoke: set[str] = set()
        self._is_stamped = False
        self._day: date | None = None
        self._undated = _UNDATED
        self._last: datetime | None = None
        self._before_last: datetime | None = None
        self._saved: datetime | None = None
        # The open message: its speaker, moment and lines; blank lines wait for another line.
        self._speaker = ""
        self._at: datetime | None = None
        self._parts: list[str] = []
        self._blanks = 0

    def feed(self, line: str, following: str | None) -> None:
        """Take the next line; `following` is the one after it, None at the end of the file."""
        if line[:1] == "\ufeff":
            line = line.lstrip("\ufeff")
        if not line:
            self._blank()
            return
        head = self.header_of(line)
        if head is not None:
            self._take_head(line, *head)
        elif not self._is_structure(line, following):
            self._continue(line, "continuation")

    def _take_head(self, line: str, at: datetime, name: str | None, text: str) -> None:
        if self._day is None and at.year == _UNDATED.year and not self._is_possible(at):
            at = self._next_undated_day(at)
        if not self._is_possible(at):
            self._continue(line, "imitation")
            return
        self._before_last, self._last = self._last, at
        if name is None:
            self._is_stamped = self._is_stamped or line[0] != "오"
            self._stamped_rest(at, text)
        else:
            self._open(at, name, text)

    def header_of(self, line: str) -> tuple[datetime, str | None, str] | None:
        """Split a message header: (moment, name, text); name is None where no name stands."""
        first = line[0]
        if first == "[":
            found = grammar.WINDOWS.match(line)
            if found:
                name, clock, text = found.groups()
                at = self._on_day(clock)
                return (at, name, text or "") if at else None
        elif first in _DIGITS or first in _MONTH_INITIALS:
            stamped = self.stamped(line)
            if stamped:
                return stamped[0], None, stamped[1]
        if not self._is_stamped and self._day and (clock_only := grammar.CLOCK_ONLY.match(line)):
            at = self._on_day(clock_only[1])
            return (at, None, line[clock_only.end() :]) if at else None
        return None

    def stamped(self, line: str) -> tuple[datetime, str] | None:
        """Split a line that begins with a full stamp: (moment, ", "-less rest or ": "-rest)."""
        is_numeric = line[:1] in _DIGITS
        pattern = grammar.STAMP_NUMERIC if is_numeric else grammar.STAMP_ENGLISH
        found = pattern.match(line)
        if found is None:
            return None
        stamp, mark = found.groups()
        try:
            at = self._stamps[stamp]
        except KeyError:
            if len(self._stamps) > _CACHE_SIZE:
                self._stamps.clear()
            at = self._stamps[stamp] = grammar.parse_stamp(stamp, self._zone)
        if at is None:
            return None
        return at, mark + line[found.end() :] if mark == ": " else line[found.end() :]

    def close(self) -> None:
        """Finish the last message."""
        self._finish()

    def _on_day(self, clock: str) -> datetime | None:
        try:
            return self._clocks[clock]
        except KeyError:
            since = grammar.parse_clock(clock)
            day = self._day or self._undated
            midnight = datetime(day.year, day.month, day.day, tzinfo=self._zone)
            at = self._clocks[clock] = None if since is None else midnight + since
            return at

    def _is_possible(self, at: datetime) -> bool:
        """Whether a header's moment can follow; a transcript pasted into a message goes back."""
        if self._saved is not None and at > self._saved + _LEAP:
            return False
        if self._last is None or at >= self._last - _JITTER:
            return True
        # The last header itself may have been the impossible one, far in the future.
        before = self._before_last
        return before is not None and self._last - before > _LEAP and at >= before - _JITTER

    def _next_undated_day(self, at: datetime) -> datetime:
        """Midnight passed where no day line tells the day."""
        self._undated += timedelta(days=1)
        self._clocks.clear()
        return at + timedelta(days=1)

    def _open(self, at: datetime, name: str, text: str) -> None:
        if self._parts:
            self._finish()
        speaker = self._names.get(name)
        if speaker is None:
            speaker = self._names[name] = clean_name(name)
        self._speaker = speaker
        self._spoke.add(speaker)
        self._at = at if at.year > _UNDATED.year else None
        self._parts.append(text)

    def _stamped_rest(self, at: datetime, rest: str) -> None:
        """Take what follows a phone's stamp: a name and text, a system line, or nothing."""
        if not rest:
            self._finish()
            self._lines["day"] += 1
            return
        cut = rest.find(" : ")
        if cut < 0 or self._is_named_event(rest, cut):
            self._unnamed_rest(at, rest)
            return
        if self._colon_names:
            longer = rest.find(" : ", cut + 3)
            if longer > 0 and rest[:longer] in self._colon_names:
                cut = longer
        self._open(at, rest[:cut], rest[cut + 3 :])

    def _is_named_event(self, rest: str, cut: int) -> bool:
        """Whether " : " belongs to the name of who came or left, or follows an iOS colon."""
        if rest.startswith(": "):
            return True
        is_event = grammar.may_be_system(rest) and grammar.SYSTEM_STRONG.fullmatch(rest)
        return bool(is_event) and clean_name(rest[:cut]) not in self._spoke

    def _unnamed_rest(self, at: datetime, rest: str) -> None:
        if rest.startswith(": "):
            self._system(rest[2:], at)
        elif rest.endswith(" :"):
            self._open(at, rest[:-2], "")
        else:
            self._system(rest, at)

    def _is_structure(self, line: str, following: str | None) -> bool:
        """Take a day line, a header of the file or a bare system line; False if it is none."""
        day = grammar.parse_day_line(line) if self._may_open_day(line) else None
        if day is not None and self._is_day(day[0], day[1], following):
            self._finish()
            self._lines["day"] += 1
            self._start_day(day[0])
            return True
        return self._is_file_header(line, following) or self._is_bare_event(line, following)

    @staticmethod
    def _may_open_day(line: str) -> bool:
        return line[0] in "-[0123456789SMTWFJAOND"

    def _start_day(self, day: date) -> None:
        if day != self._day:
            self._day = day
            self._clocks.clear()
        midnight = datetime(day.year, day.month, day.day, tzinfo=self._zone)
        if self._last is None or midnight > self._last:
            self._before_last, self._last = self._last, midnight

    def _is_day(self, day: date, is_dashed: bool, following: str | None) -> bool:
        """A day never goes back; one without dashes is a day only before a line of that day."""
        known = self._day or (self._last.date() if self._last else None)
        if known and known.year > _UNDATED.year and day < known:
            return False
        if is_dashed or following is None or not self._parts:
            return True
        if not following:
            return False
        stamped = self.stamped(following)
        if stamped:
            return stamped[0].date() == day
        return bool(
            grammar.WINDOWS.match(following)
            or grammar.CLOCK_ONLY.match(following)
            or grammar.SYSTEM_STRONG.fullmatch(following)
        )

    def _is_file_header(self, line: str, following: str | None) -> bool:
        """Take the first lines of the file, or of a chunk glued behind another."""
        saved = grammar.parse_saved_line(line, self._zone)
        is_start = not self._parts and self._last is None
        if saved and (is_start or (self._saved is None and not self._parts)):
            self._lines["header"] += 1
            self._saved = saved if saved.year < 9999 else None
            return True
        header = grammar.parse_room_header(line)
        if header is None:
            return False
        next_saved = grammar.parse_saved_line(following or "", self._zone)
        if not is_start and (next_saved is None or not self._is_later(next_saved)):
            return False
        self._start_chunk(*header)
        return True

    def _is_later(self, saved: datetime) -> bool:
        """A chunk was saved after all that stands before it; a pasted export, before."""
        return self._last is None or saved >= self._last

    def _start_chunk(self, room: str, n_people: int) -> None:
        self._finish()
        self._lines["header"] += 1
        account = self._account
        if room and account.room and room != account.room:
            raise ExportError(
                f"line {account.n_lines} begins another room",
                hint="export each room to a file of its own",
            )
        account.room = account.room or room
        account.n_people = max(account.n_people, n_people)
        self._day = self._last = self._before_last = self._saved = None
        self._clocks.clear()

    def _is_bare_event(self, line: str, following: str | None) -> bool:
        """Take a system line of a PC export, which has no stamp; a person may quote one."""
        if self._is_stamped or not grammar.may_be_system(line):
            return False
        weak = grammar.SYSTEM_WEAK.fullmatch(line)
        if not (
            grammar.SYSTEM_STRONG.fullmatch(line)
            or (weak and clean_name(weak["who"]) in self._spoke)
        ):
            return False
        if following and self._parts and not self._begins_something(following):
            return False
        self._system(line, self._last)
        return True

    def _begins_something(self, line: str) -> bool:
        return bool(
            grammar.WINDOWS.match(line)
            or (self._may_open_day(line) and grammar.parse_day_line(line))
            or grammar.SYSTEM_STRONG.fullmatch(line)
        )

    def _system(self, text: str, at: datetime | None) -> None:
        self._finish()
        self._lines["system"] += 1
        known = at if at is not None and at.year > _UNDATED.year else None
        self.finished.append(Message("", text, known, "system"))

    def _blank(self) -> None:
        self._lines["blank"] += 1
        if self._parts:
            self._blanks += 1

    def _continue(self, line: str, kind: str) -> None:
        if not self._parts:
            self._account.unparsed(line)
            return
        if self._blanks:
            self._lines["blank"] -= self._blanks
            self._lines["continuation"] += self._blanks
            self._parts.extend([""] * self._blanks)
            self._blanks = 0
        self._lines[kind] += 1
        self._parts.append(line)

    def _finish(self) -> None:
        """Close the open message; only now is it known whether it was a lone media word."""
        parts = self._parts
        if not parts:
            return
        text = parts[0] if len(parts) == 1 else "\n".join(parts)
        is_media = len(parts) == 1 and grammar.media_kind(text)
        kind: Kind = "media" if is_media else "message"
        self._lines[kind] += 1
        self.finished.append(Message(self._speaker, text, self._at, kind))
        parts.clear()
        self._blanks = 0
