"""Lines, some of which begin a message with a full timestamp -> messages, in one pass."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from chatbot.conversation import Message
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.draft import Draft, parsed
from chatbot.ingest.readers.lookahead import Lookahead
from chatbot.ingest.readers.timeline import Timeline

_N_CLEAR = 8  # headers after a leap in time that show whether it is real
_N_WEIGHED = 64


class Head(NamedTuple):
    """The first line of a message; `speaker` is "" for a system line.

    `is_foreign`: it is written in the form of another export, so somebody pasted it.
    """

    at: datetime
    speaker: str
    text: str
    is_foreign: bool = False


HeadOf = Callable[[str], Head | None]
Settle = Callable[[str], tuple[str, str | None]]


def read_stamped(
    lines: Iterable[str], head_of: HeadOf, settle: Settle, account: Account
) -> Iterator[Message]:
    """Yield the messages of a file in its order, accounting for every line.

    `head_of` reads the first line of a message, `settle` a whole text (see Draft). Memory is
    bounded by the longest message.
    """
    source = Lookahead(lines)
    yield from parsed(source, _Parser(source, head_of, Draft(account.lines, settle), account))


class _Parser:
    """Decides which lines begin a message: one that was pasted breaks the order of times.

    Servers deliver some messages late, and clocks go back in autumn, so a time that steps back is
    real if its speaker is one of this chat and the line is no quote of an earlier one.
    """

    def __init__(self, source: Lookahead, head_of: HeadOf, draft: Draft, account: Account) -> None:
        self._source, self._head_of, self._draft = source, head_of, draft
        self._account = account
        self._timeline = Timeline()
        self._heads: dict[str, Head] = {}  # headers read ahead
        self._spoke: set[str] = set()
        self.finished = draft.finished

    def feed(self, line: str) -> None:
        """Take the next line."""
        if not line:
            self._draft.add_blank()
            return
        head = self._heads.pop(line, None) or self._head_of(line)
        if head is None:
            self._continue(line, "continuation")
        elif head.is_foreign or not self._accepts(line, head):
            self._continue(line, "imitation")
        else:
            self._timeline.take(head.at)
            self._spoke.add(head.speaker)
            self._draft.open(head.speaker, head.at, head.text, is_system=not head.speaker)

    def close(self) -> None:
        """Finish the last message."""
        self._draft.close()

    def _continue(self, line: str, line_class: str) -> None:
        if self._draft.is_open:
            self._draft.add(line, line_class)
        else:
            self._account.unparsed(line)

    def _accepts(self, line: str, head: Head) -> bool:
        timeline, at = self._timeline, head.at
        if timeline.last is None or timeline.is_next(at):
            return True
        behind = [moment for _, moment in self._heads_behind(_N_CLEAR)]
        if not timeline.is_ahead(at):
            return self._may_step_back(line, head)
        if not timeline.contradicts(at, behind):
            return True
        repeated = self._source.preceding()
        moments = [m for text, m in self._heads_behind(_N_WEIGHED) if text not in repeated]
        return not timeline.is_outlier(at, moments, is_known=head.speaker in self._spoke)

    def _may_step_back(self, line: str, head: Head) -> bool:
        if line in self._source.preceding():
            return False
        if not head.speaker or head.speaker in self._spoke:
            return True
        # Somebody new: real if the clock of all that follows was set back too.
        moments = [moment for _, moment in self._heads_behind(_N_WEIGHED)]
        return len(moments) >= _N_CLEAR and all(map(self._timeline.is_behind, moments))

    def _heads_behind(self, n_most: int) -> list[tuple[str, datetime]]:
        """List the following headers and their times."""
        behind: list[tuple[str, datetime]] = []
        for line in self._source.following():
            head = self._heads.get(line) or (self._head_of(line) if line else None)
            if head is None or head.is_foreign:
                continue
            self._heads[line] = head
            behind.append((line, head.at))
            if len(behind) == n_most:
                break
        return behind
