"""KakaoTalk txt exports of every phone, PC and language -> messages, in one pass."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timezone

from chatbot.conversation import Message
from chatbot.errors import ExportError
from chatbot.ingest.readers import kakaotalk_grammar as grammar
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.draft import Draft, parsed
from chatbot.ingest.readers.kakaotalk_dialect import UNDATED, Dialect, Family, Head
from chatbot.ingest.readers.lookahead import Lookahead
from chatbot.ingest.readers.text import clean_name
from chatbot.ingest.readers.timeline import Timeline

_N_SNIFFED = 40
_N_CLEAR = 8  # headers after a leap in time that show whether it is real
_N_WEIGHED = 64


def recognizes(head: list[str]) -> bool:
    """Whether the first lines of a file contain a message in the form of KakaoTalk txt exports."""
    account = Account()
    lines = [line for line in head if line.strip()][:_N_SNIFFED]
    try:
        messages = list(read_messages(lines, UTC, account))
    except ExportError:
        return True  # reading all of it will report what is wrong
    return bool(messages) or account.lines["header"] > 1


def read_messages(lines: Iterable[str], zone: timezone, account: Account) -> Iterator[Message]:
    """Yield the messages of an export in file order, accounting for every line.

    Memory is bounded by the longest message. Raises ExportError if the file contains two rooms.
    """
    source = Lookahead(lines)
    yield from parsed(source, _Parser(source, Dialect(zone), account))


def _names_with_colons(head: list[str], dialect: Dialect) -> frozenset[str]:
    """List names that contain " : ": the longer prefix recurs, the shorter never occurs alone."""
    if not any(line.count(" : ") > 1 for line in head):
        return frozenset()
    short: Counter[str] = Counter()
    long: Counter[str] = Counter()
    for line in head:
        stamped = dialect.stamped(line) if " : " in line else None
        if stamped is None:
            continue
        parts = stamped[1].split(" : ")
        if len(parts) > 2:
            long[f"{parts[0]} : {parts[1]}"] += 1
        else:
            short[parts[0]] += 1
    return frozenset(
        name for name, n in long.items() if n >= 3 and name.split(" : ")[0] not in short
    )


class _Parser:
    """Decides what each line of an export is, by looking at the following lines as well.

    A sentence inside a message that looks like a date line or a system line stays text.
    """

    def __init__(self, source: Lookahead, dialect: Dialect, account: Account) -> None:
        self._source = source
        self._dialect = dialect
        self._account = account
        self._lines = account.lines
        self._timeline = Timeline()
        self._draft = Draft(account.lines, _settle)
        self.finished = self._draft.finished
        self._colon_names = _names_with_colons(source.head, dialect)
        self._heads: dict[str, Head] = {}  # headers read ahead
        self._names: dict[str, str] = {}
        self._spoke: set[str] = set()

    def feed(self, line: str) -> None:
        """Take the next line."""
        if line[:1] == "\ufeff":
            line = line.lstrip("\ufeff")
        if not line:
            self._draft.add_blank()
            return
        head = self._heads.pop(line, None) or self._dialect.head_of(line)
        if head is not None:
            self._take_head(line, head)
        elif not (
            self._takes_day(line) or self._takes_file_header(line) or self._takes_event(line)
        ):
            self._continue(line, "continuation")

    def close(self) -> None:
        """Finish the last message."""
        self._draft.close()

    def _take_head(self, line: str, head: Head) -> None:
        at, name, text = head
        if name is None and not text:
            self._take_bare_stamp(line, at)
            return
        timeline = self._timeline
        if not timeline.is_next(at) or timeline.last is None:
            if at.year == UNDATED.year and not timeline.is_ahead(at):
                at = self._dialect.start_next_undated_day(at)
            if timeline.is_too_late(at) or not timeline.is_ahead(at) or self._is_outlier(at, head):
                self._continue(line, "imitation")
                return
        timeline.take(at)
        if self._dialect.family is None:
            self._dialect.settle(line)
            self._heads.clear()
        if name is None:
            self._take_rest(at, text)
        else:
            self._open(at, name, text)

    def _is_outlier(self, at: datetime, head: Head) -> bool:
        """Whether a header far in the future was pasted: the next headers would precede it."""
        if self._dialect.family is None:
            return False  # before the first message there is none to paste into
        near = self._headers_behind(_N_CLEAR)
        if not self._timeline.contradicts(at, (moment for _, moment in near)):
            return False
        # A line that also occurs before this one is a quote.
        repeated = self._source.preceding()
        moments = [
            moment for line, moment in self._headers_behind(_N_WEIGHED) if line not in repeated
        ]
        _, name, text = head
        name = text.partition(" : ")[0] if name is None else name
        return self._timeline.is_outlier(at, moments, is_known=clean_name(name) in self._spoke)

    def _headers_behind(self, n_most: int) -> list[tuple[str, datetime]]:
        """List the following headers and their times, as far as their day is known."""
        dialect, heads = self._dialect, self._heads
        is_clocked = dialect.family is not Family.STAMP
        behind: list[tuple[str, datetime]] = []
        if is_clocked and dialect.day is None:
            return behind
        for line in self._source.following():
            head = heads.get(line) or (dialect.head_of(line) if line else None)
            if head is not None:
                heads[line] = head
                behind.append((line, head[0]))
                if len(behind) == n_most:
                    break
            elif is_clocked and line and dialect.day_of(line):
                break
        return behind

    def _take_bare_stamp(self, line: str, at: datetime) -> None:
        """Read a timestamp that opens a day: that of the day's first message, which follows."""
        following = self._source.next_text()
        head = self._dialect.head_of(following) if following else None
        last = self._timeline.last
        is_new_day = last is None or at.date() > last.date()
        if not self._draft.is_open or (head and head[0] == at and is_new_day):
            self._draft.close()
            self._lines["day"] += 1
        else:
            self._continue(line, "continuation")

    def _open(self, at: datetime, name: str, text: str) -> None:
        speaker = self._names.get(name)
        if speaker is None:
            speaker = self._names[name] = clean_name(name)
            self._spoke.add(speaker)
        self._draft.open(speaker, _dated(at), text, is_system=False)

    def _system(self, text: str, at: datetime | None) -> None:
        self._draft.open("", _dated(at), text, is_system=True)

    def _take_rest(self, at: datetime, rest: str) -> None:
        """Read what follows a phone's timestamp: a name and text, or a system line."""
        cut = rest.find(" : ")
        if cut < 0 or self._is_named_event(rest, cut):
            self._take_unnamed(at, rest)
            return
        if self._colon_names:
            longer = rest.find(" : ", cut + 3)
            if longer > 0 and rest[:longer] in self._colon_names:
                cut = longer
        self._open(at, rest[:cut], rest[cut + 3 :])

    def _is_named_event(self, rest: str, cut: int) -> bool:
        """Whether " : " belongs to the name in a join or leave event, or follows another colon."""
        return rest.startswith((grammar.IOS_MARK, ": ")) or (
            grammar.is_event(rest) and clean_name(rest[:cut]) not in self._spoke
        )

    def _take_unnamed(self, at: datetime, rest: str) -> None:
        if rest.startswith(grammar.IOS_MARK):
            self._system(rest[len(grammar.IOS_MARK) :], at)
        elif rest.startswith(": ") or rest == ":":
            self._open(at, "", rest[2:])
        elif rest.endswith(" :"):
            self._open(at, rest[:-2], "")
        else:
            self._system(rest, at)

    def _takes_day(self, line: str) -> bool:
        """Read a line that opens a day; return False if the line is something else."""
        day_line = self._dialect.day_of(line)
        if day_line is None or not self._is_day(day_line):
            return False
        self._draft.close()
        self._lines["day"] += 1
        if self._dialect.family is not Family.STAMP:
            self._heads.clear()
            self._dialect.start_day(day_line)
            self._timeline.start_day(self._dialect.midnight)
        return True

    def _is_day(self, day_line: grammar.DayLine) -> bool:
        """Whether it opens a day: phones repeat the date in the next header, PCs do not."""
        following = self._source.next_text()
        day, last = day_line.day, self._timeline.last
        if self._dialect.family is Family.STAMP:
            stamped = self._dialect.stamped(following) if following else None
            is_new = last is None or day > last.date()
            return is_new and stamped is not None and stamped[0].date() == day
        if not self._timeline.accepts_day(day):
            # A copied chat window may begin in the middle of the previous day.
            is_again = day == self._dialect.day and not day_line.is_dashed
            return is_again and self._begins_something(following)
        return day_line.is_dashed or not self._draft.is_open or self._begins_something(following)

    def _begins_something(self, line: str | None) -> bool:
        return line is not None and bool(
            self._dialect.head_of(line) or self._dialect.day_of(line) or grammar.is_event(line)
        )

    def _takes_file_header(self, line: str) -> bool:
        """Take the first lines of the file, or of a chunk glued behind another."""
        timeline = self._timeline
        saved = grammar.parse_saved_line(line, self._dialect.zone)
        is_start = not self._draft.is_open and timeline.last is None
        if saved and (is_start or (timeline.saved is None and not self._draft.is_open)):
            self._lines["header"] += 1
            timeline.saved = saved if saved.year < 9999 else None
            return True
        header = grammar.parse_room_header(line)
        if header is None:
            return False
        if not is_start and not self._is_saved_later():
            return False
        self._start_chunk(*header)
        return True

    def _is_saved_later(self) -> bool:
        """Whether its saved date is after all messages so far: true for chunks, not for quotes."""
        saved = grammar.parse_saved_line(self._source.next_text() or "", self._dialect.zone)
        last = self._timeline.last
        return saved is not None and (last is None or saved >= last)

    def _start_chunk(self, room: str, n_people: int) -> None:
        self._draft.close()
        self._lines["header"] += 1
        account = self._account
        if room and account.room and room != account.room:
            raise ExportError(
                f"line {account.n_lines} begins another room",
                hint="export each room to a file of its own",
            )
        account.room = account.room or room
        account.n_people = max(account.n_people, n_people)
        self._timeline.restart()
        self._dialect.forget()
        self._heads.clear()

    def _takes_event(self, line: str) -> bool:
        """Read a system line of a PC export, which has no timestamp; a person may quote one."""
        if self._dialect.family is Family.STAMP or not self._is_event(line):
            return False
        following = self._source.next_text()
        is_quoted = following is not None and not self._begins_something(following)
        if self._draft.is_open and is_quoted and not grammar.is_notice(line):
            return False
        self._system(line, self._timeline.last)
        return True

    def _is_event(self, line: str) -> bool:
        # "He left." is also something people say: only after a speaker's name is it an event.
        weak = grammar.SYSTEM_WEAK.fullmatch(line)
        if weak:
            return clean_name(weak["who"]) in self._spoke
        return grammar.is_event(line) and not grammar.is_stamped(line)

    def _continue(self, line: str, line_class: str) -> None:
        if self._draft.is_open:
            self._draft.add(line, line_class)
        else:
            self._account.unparsed(line)


def _dated(at: datetime | None) -> datetime | None:
    return at if at is not None and at.year > UNDATED.year else None


def _settle(text: str) -> tuple[str, str | None]:
    return text, None if "\n" in text else grammar.media_kind(text)
