"""Tables of questions and answers -> clean, masked sessions on disk, with an account of every row.

The repetition rules of chats do not apply: an answer that stands in 500 rows is what the desk says.
Only a row whose question and answer are both in an earlier row is dropped, as `repeated`.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from chatbot.conversation import CUSTOMER, DESK, Message, Session
from chatbot.errors import CorpusError
from chatbot.ingest.cleaning.normalization import Normalizer
from chatbot.ingest.cleaning.rules import CONTEXT_RULES, DROP_RULES, first_rule
from chatbot.ingest.masking.masker import Masker, Replacement
from chatbot.ingest.organize.forgetting import ForgetRule
from chatbot.ingest.organize.inbox import zone_of
from chatbot.ingest.qna.prompts import QuestionForm
from chatbot.ingest.qna.table_rows import DamagedRow, TableRow, read_table
from chatbot.ingest.spool import SessionSpool
from chatbot.listener import SILENCE, Listener
from chatbot.settings.qna import QnaPrepareConfig
from chatbot.settings.schema import Config, PreprocessConfig

_N_LISTED = 20  # lines of damaged rows, in the account of a table


class TableAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the rows of a table: `n_rows` = `n_kept` + the sum of `dropped`.

    `damaged_lines`: where the first damaged rows begin.
    """

    n_rows: int
    n_kept: int
    dropped: dict[str, int]
    damaged_lines: list[int]


class DeskSessions(msgspec.Struct, frozen=True):
    """The sessions of all tables in time order, and the account of each table by its id.

    `question`: how their rows ask.
    """

    spool: SessionSpool
    accounts: dict[str, TableAccount]
    masked: Counter[Replacement]
    question: QuestionForm

    @property
    def n_kept(self) -> int:
        """Rows of all tables that became sessions."""
        return sum(account.n_kept for account in self.accounts.values())


MaskerMaker = Callable[[Iterable[str]], Masker | None]


def read_tables(
    config: Config,
    forget: Sequence[ForgetRule],
    make_masker: MaskerMaker,
    folder: Path,
    listener: Listener = SILENCE,
) -> DeskSessions:
    """Clean and mask the rows of `processed.tables` into a spool in `folder`.

    Rows with times are put in their order, those without before them; without any, rows stay as
    they are. Raises CorpusError for a table that is missing or holds no usable row.
    """
    draft = _Draft(folder, config.qna.prepare)
    try:
        with listener.progress(0, "reading rows") as advance:
            for typed in config.processed.tables:
                draft.read(config.path(typed), config, forget, advance)
        draft.spool.close()
        order = draft.order()
        masker = make_masker(_texts(draft.spool))
        spool = SessionSpool(folder / "desk")
        for session in draft.spool.in_order(order):
            spool.add(_masked(session, masker) if masker else session)
        spool.close()
    finally:
        draft.spool.remove()
    masked = masker.replaced if masker else Counter[Replacement]()
    return DeskSessions(spool, draft.accounts(order), masked, draft.question())


def table_id(number: int) -> str:
    """Return the id of a table by its place in the settings; a file name may be private.

    >>> table_id(0)
    'table1'
    """
    return f"table{number + 1}"


def table_messages(config: Config) -> Iterator[Message]:
    """Yield the messages of all tables as they are written, to be looked up."""
    for typed in config.processed.tables:
        for row in read_table(config.path(typed), zone_of(config)):
            if isinstance(row, TableRow):
                yield from messages_of(row)


def messages_of(row: TableRow) -> list[Message]:
    """Return the turns of a row as messages."""
    return [
        Message(DESK if turn.is_desk else CUSTOMER, turn.text, row.asked_at) for turn in row.turns
    ]


class _Draft:
    """The clean rows of all tables in file order, unmasked, with what orders them."""

    def __init__(self, folder: Path, prepared: QnaPrepareConfig) -> None:
        self.spool = SessionSpool(folder / "desk.draft")
        self._times, self._keys, self._tables = array("d"), array("Q"), array("I")
        self._dropped: list[Counter[str]] = []
        self._damaged: list[list[int]] = []
        self._prepared, self._kinds = prepared, Counter[str | None]()

    def read(
        self,
        path: Path,
        config: Config,
        forget: Sequence[ForgetRule],
        advance: Callable[[], object],
    ) -> None:
        """Add the rows of a table."""
        cleaner = RowCleaner(config.processed.preprocess, forget, config.qna.prepare)
        number, damaged = len(self._dropped), []
        n_before, n_rows = len(self._times), 0
        dropped: Counter[str] = Counter()
        for row in read_table(path, zone_of(config)):
            advance()
            n_rows += 1
            if isinstance(row, DamagedRow):
                damaged.append(row.line)
                continue
            messages = cleaner.clean(messages_of(row))
            if isinstance(messages, str):
                dropped[messages] += 1
            else:
                self._add(messages, number)
        if damaged:
            dropped["damaged"] = len(damaged)
        self._dropped.append(dropped)
        self._damaged.append(damaged[:_N_LISTED])
        if len(self._times) == n_before:
            raise _nothing_usable(path, n_rows, dropped)

    def _add(self, messages: list[Message], table: int) -> None:
        at = messages[0].sent_at
        text = "\0".join(f"{message.speaker}\0{message.text}" for message in messages)
        key = blake2b(text.encode(), digest_size=8).digest()
        self._times.append(-np.inf if at is None else at.timestamp())
        self._keys.append(int.from_bytes(key, "little"))
        self._tables.append(table)
        self.spool.add(Session(tuple(messages), table_id(table)))
        label = QuestionForm(self._prepared.label).labelled.match(messages[0].text)
        self._kinds[(label[1] or "") if label else None] += 1

    def question(self) -> QuestionForm:
        """Return how the rows ask, for questions without a type: as prompts, if all of them do."""
        if None in self._kinds:
            return QuestionForm()
        kinds = {kind or "" for kind in self._kinds}
        default = self._prepared.default_type
        kind = kinds.pop() if len(kinds) == 1 else default if default in kinds else ""
        return QuestionForm(self._prepared.label, kind)

    def order(self) -> npt.NDArray[np.int64]:
        """Return which rows become sessions, in which order: each text at its first time."""
        by_time = np.argsort(np.asarray(self._times), kind="stable")
        _, first = np.unique(np.asarray(self._keys)[by_time], return_index=True)
        return by_time[np.sort(first)]

    def accounts(self, order: npt.NDArray[np.int64]) -> dict[str, TableAccount]:
        """Return the account of every table."""
        tables = np.asarray(self._tables)
        n_tables = len(self._dropped)
        n_clean = np.bincount(tables, minlength=n_tables)
        n_kept = np.bincount(tables[order], minlength=n_tables)
        accounts = {}
        for number, dropped in enumerate(self._dropped):
            repeated = int(n_clean[number] - n_kept[number])
            accounts[table_id(number)] = TableAccount(
                n_rows=int(n_clean[number]) + dropped.total(),
                n_kept=int(n_kept[number]),
                dropped=dict(dropped) | ({"repeated": repeated} if repeated else {}),
                damaged_lines=self._damaged[number],
            )
        return accounts


class RowCleaner:
    """Cleans the messages of a row; a row with a message that cannot be trained is dropped.

    Answers of a desk are longer than messages of a chat: what `qna prepare` lets pass is not too
    long here, and the labels of a prompt do not count.
    """

    def __init__(
        self, rules: PreprocessConfig, forget: Sequence[ForgetRule], prepared: QnaPrepareConfig
    ) -> None:
        longest = max(rules.max_message_chars, prepared.max_chars)
        self._rules, self._forget = replace(rules, max_message_chars=longest), forget
        self._normalizer = Normalizer(rules)
        self._form = QuestionForm(prepared.label)

    def clean(self, messages: Sequence[Message]) -> list[Message] | str:
        """Return the messages with clean text, or the reason to drop their row.

        Questions after the last answer are left out.
        """
        if any(rule.applies(message) for rule in self._forget for message in messages):
            return "forgotten"
        clean = [replace(m, text=self._normalizer.normalize(m.text)) for m in messages]
        while clean and clean[-1].speaker != DESK:
            clean.pop()
        if not clean:
            return "unanswered"
        for message in clean:
            for rules in (DROP_RULES, CONTEXT_RULES):
                _, text = self._form.split(message.text)
                if reason := first_rule(rules, message, text, self._rules):
                    return reason
        return clean


def _nothing_usable(path: Path, n_rows: int, dropped: Counter[str]) -> CorpusError:
    reasons = ", ".join(f"{n:,} {reason}" for reason, n in sorted(dropped.items()))
    return CorpusError(
        f"{path} holds no usable row: {n_rows:,} rows" + (f", {reasons}" if reasons else ""),
        hint="a row needs a question and an answer: columns question,answer or prompt,response",
    )


def _texts(spool: SessionSpool) -> Iterator[str]:
    return (message.text for session in spool for message in session.messages)


def _masked(session: Session, masker: Masker) -> Session:
    """Mask a row; the rows before it are about other people."""
    masker.begin_session()
    messages = (replace(m, text=masker.mask(m.text)) for m in session.messages)
    return Session(tuple(messages), session.source)
