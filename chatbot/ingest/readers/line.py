"""LINE's txt exports of phones and PCs -> messages."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta, timezone
from itertools import takewhile

from chatbot.conversation import Message
from chatbot.errors import ExportError
from chatbot.ingest.readers import line_grammar as grammar
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.draft import Draft, parsed
from chatbot.ingest.readers.lookahead import Lookahead
from chatbot.ingest.readers.reader import Reader
from chatbot.ingest.readers.text import Text, clean_name

_N_NAMED = 5  # messages that show which words are a name


def recognizes(head: list[str]) -> bool:
    """Whether a file begins with LINE's header, or with a day and messages under it."""
    lines = [line.lstrip("\ufeff") for line in head if line.strip()]
    if not lines or grammar.room_of_header(lines[0]) is not None:
        return bool(lines)
    if grammar.day_of(lines[0]) is None:
        return False
    behind = lines[1:3]
    return any(map(grammar.tabbed, behind[:1])) or (
        len(behind) > 1 and all(map(grammar.spaced, behind))
    )


def read_messages(text: Text, zone: timezone, account: Account) -> Iterator[Message]:
    """Yield the messages of an export in file order, accounting for every line.

    Memory is bounded by the longest message. Raises ExportError if the file contains two rooms.
    """
    source = Lookahead(text())
    yield from parsed((line.lstrip("\ufeff") for line in source), _Parser(source, zone, account))


class _Parser:
    """Decides what each line is; text of several lines is quoted, or continues without quotes."""

    def __init__(self, source: Lookahead, zone: timezone, account: Account) -> None:
        self._source, self._zone, self._account = source, zone, account
        self._draft = Draft(account.lines, grammar.settle)
        self.finished = self._draft.finished
        self._has_tabs = any("\t" in line and grammar.tabbed(line) for line in source.head)
        self._names = {} if self._has_tabs else _names_in(source.head)
        self._day: date | None = None
        self._is_quoted = False

    def feed(self, line: str) -> None:
        """Take the next line."""
        if self._is_quoted:
            self._draft.add(line, "continuation")
            self._is_quoted = not grammar.ends_quote(line)
        elif not line.strip():
            self._draft.add_blank()
        elif not (self._takes_message(line) or self._takes_day(line) or self._takes_header(line)):
            if self._draft.is_open:
                self._draft.add(line, "continuation")
            else:
                self._account.unparsed(line)

    def close(self) -> None:
        """Finish the last message."""
        self._draft.close()

    def _takes_message(self, line: str) -> bool:
        timed = grammar.tabbed(line) if self._has_tabs else grammar.spaced(line)
        if timed is None:
            return False
        speaker, text = self._speech(timed[1])
        if speaker is None:
            return False
        self._draft.open(clean_name(speaker), self._moment(timed[0]), text, is_system=not speaker)
        self._is_quoted = bool(speaker) and text.startswith('"') and self._is_quote_closed(text)
        return True

    def _speech(self, rest: str) -> tuple[str | None, str]:
        """Split what follows the time; without tabs, a line that begins with no name is text."""
        if self._has_tabs:
            name, tab, text = rest.partition("\t")
            return (name.strip(), text) if tab and clean_name(name) else ("", text or name)
        if grammar.is_event(rest):
            return "", rest
        prefix = self._names.get(rest.partition(" ")[0])
        return prefix, rest[len(prefix) + 1 :] if prefix else rest

    def _is_quote_closed(self, text: str) -> bool:
        """Whether a quoted text goes on below: it closes before the next message."""
        if len(text) > 1 and grammar.ends_quote(text):
            return False
        below = takewhile(lambda line: not self._begins(line), self._source.following())
        return any(map(grammar.ends_quote, below))

    def _begins(self, line: str) -> bool:
        return bool(grammar.tabbed(line) if self._has_tabs else grammar.spaced(line))

    def _moment(self, clock: timedelta) -> datetime | None:
        day = self._day
        if day is None:
            return None
        return datetime(day.year, day.month, day.day, tzinfo=self._zone) + clock

    def _takes_day(self, line: str) -> bool:
        """Read a line that opens a day: a later one, with a message right below it."""
        day = grammar.day_of(line)
        if day is None or (self._day is not None and day <= self._day):
            return False
        following = self._source.next_text()
        if self._draft.is_open and following is not None and not self._begins(following):
            return False
        self._draft.close()
        self._account.lines["day"] += 1
        self._day = day
        return True

    def _takes_header(self, line: str) -> bool:
        """Read the first lines of an export, or of another that was glued behind it."""
        account = self._account
        if not self._draft.is_open and grammar.is_saved_line(line):
            account.lines["header"] += 1
            return True
        room = grammar.room_of_header(line)
        is_start = not self._draft.is_open and self._day is None
        if room is None or not (is_start or grammar.is_saved_line(self._source.next_text() or "")):
            return False
        if account.room and room != account.room:
            raise ExportError(
                f"line {account.n_lines} begins another room",
                hint="export each room to a file of its own",
            )
        self._draft.close()
        account.room = room
        account.lines["header"] += 1
        self._day = None
        return True


def _names_in(head: Iterable[str]) -> dict[str, str]:
    """Find the names in lines without tabs: the words that begin all messages of somebody.

    Returns the first word of each name -> the name.
    """
    texts: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for line in head:
        if (timed := grammar.spaced(line)) and not grammar.is_event(timed[1]):
            words = tuple(timed[1].split(" "))
            texts[words[0]].add(words)
    return {first: _common(first, ways) for first, ways in texts.items()}


def _common(first: str, ways: set[tuple[str, ...]]) -> str:
    if len(ways) < _N_NAMED:
        return first
    words = takewhile(lambda places: len(set(places)) == 1, zip(*ways, strict=False))
    return " ".join(place[0] for place in words)


READER = Reader(
    "line",
    recognizes,
    read_messages,
    grammar.MESSENGER,
    grammar.EXPORT_STEPS,
    grammar.room_of,
)
