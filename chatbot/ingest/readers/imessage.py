"""The txt files that imessage-exporter writes, one for each conversation -> messages."""

import re
from collections.abc import Iterator
from datetime import datetime, timezone

from chatbot.conversation import Message
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.attachments import kind_of_file
from chatbot.ingest.readers.draft import Draft, parsed
from chatbot.ingest.readers.lookahead import Lookahead
from chatbot.ingest.readers.reader import Reader
from chatbot.ingest.readers.text import Text, clean_name
from chatbot.ingest.readers.timeline import Timeline

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_HEAD = re.compile(
    r"(?P<month>[A-Z][a-z]{2}) (?P<day>\d{1,2}), (?P<year>\d{4}) {1,2}"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2}):(?P<second>\d{2})[ \u202f](?P<half>[AP])M"
    r"(?P<receipt> \([^()\n]{1,200}\))?(?P<notice> .+)?$"
)
_INDENT = "    "
_REACTIONS = ("Tapbacks:", "Reactions:")
_ANSWERS = "This message responded to an earlier message."
_FILE = re.compile(
    r"(?:[/~]|attachments/|\.\./|[A-Z]:\\)[^\n]{0,300}?(?P<name>[^/\\\n]{1,200}\.\w{1,5})$"
)


def recognizes(head: list[str]) -> bool:
    """Whether a file begins with the date of a message and a line that names its sender."""
    lines = [line for line in head if line.strip()][:2]
    match = _HEAD.match(lines[0]) if len(lines) > 1 else None
    return match is not None and (bool(match["notice"]) or not _HEAD.match(lines[1]))


def read_messages(text: Text, zone: timezone, account: Account) -> Iterator[Message]:
    """Yield the messages of a conversation in file order, accounting for every line.

    Replies stand twice in a file: indented under what they answer, which is left out, and in their
    own place.
    """
    source = Lookahead(text())
    yield from parsed(source, _Parser(source, zone, account))


class _Parser:
    """Decides what each line is: a date behind a blank line begins a message."""

    def __init__(self, source: Lookahead, zone: timezone, account: Account) -> None:
        self._source, self._zone, self._account = source, zone, account
        self._draft = Draft(account.lines, settle)
        self._timeline = Timeline()
        self._spoke: set[str] = set()
        self._is_sender_next = False
        self._is_behind_blank = True
        self.finished = self._draft.finished

    def feed(self, line: str) -> None:
        """Take the next line."""
        if self._is_sender_next:
            self._account.lines["header"] += 1
            self._is_sender_next = False
        elif not line:
            self._draft.add_blank()
        elif not (self._is_behind_blank and self._takes_head(line)):
            if self._draft.is_open:
                self._draft.add(line, "continuation")
            else:
                self._account.unparsed(line)
        self._is_behind_blank = not line

    def close(self) -> None:
        """Finish the last message."""
        self._draft.close()

    def _takes_head(self, line: str) -> bool:
        match = _HEAD.match(line)
        at = _moment(match, self._zone) if match else None
        if match is None or at is None:
            return False
        notice = (match["notice"] or "").strip()
        speaker = "" if notice else clean_name(next(self._source.following(), ""))
        if not (notice or speaker) or not self._accepts(at, speaker):
            return False
        self._timeline.take(at)
        self._draft.open(speaker, at, notice, is_system=not speaker)
        if speaker:
            self._spoke.add(speaker)
            self._is_sender_next = True
        return True

    def _accepts(self, at: datetime, speaker: str) -> bool:
        """Whether a time can be real: only of somebody who is here may it step back."""
        timeline = self._timeline
        return timeline.is_next(at) or timeline.is_ahead(at) or speaker in self._spoke


def _moment(match: re.Match[str], zone: timezone) -> datetime | None:
    if match["month"] not in _MONTHS or not 1 <= int(match["hour"]) <= 12:
        return None
    hour = int(match["hour"]) % 12 + (12 if match["half"] == "P" else 0)
    numbers = (int(match[part]) for part in ("year", "day", "minute", "second"))
    year, day, minute, second = numbers
    try:
        month = _MONTHS.index(match["month"]) + 1
        return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None


def settle(text: str) -> tuple[str, str | None]:
    """Return what somebody wrote: no reactions, no replies under it, no paths of files.

    >>> settle("\\n/Users/a/1.jpg"), settle("\\n네!\\nTapbacks:\\n    Loved by 가람")
    (('/Users/a/1.jpg', 'photo'), ('네!', None))
    """
    lines = text.split("\n")[1:]  # the first stands for the line of the date
    end = next((n for n in range(len(lines)) if _ends(lines, n)), len(lines))
    shown = [line for line in lines[:end] if line.strip() != _ANSWERS]
    files = [match for line in shown if (match := _FILE.match(line))]
    written = [line for line in shown if not _FILE.match(line)] if files else shown
    if files and not "".join(written).strip():
        return "\n".join(shown), kind_of_file(files[0]["name"])
    return "\n".join(written).rstrip("\n"), None


def _ends(lines: list[str], number: int) -> bool:
    """Whether a line begins what imessage-exporter puts under a text."""
    line = lines[number]
    if line in _REACTIONS:
        return number + 1 < len(lines) and lines[number + 1].startswith(_INDENT)
    return line.startswith(_INDENT) and _HEAD.match(line.lstrip()) is not None


READER = Reader(
    "imessage",
    recognizes,
    read_messages,
    "iMessage",
    "with imessage-exporter: format txt",
    exporter_names=("Me",),
)
