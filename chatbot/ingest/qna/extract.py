"""Rows of a database -> a csv of questions and answers, in pages; a stopped one continues.

The rules, all counted: a deleted row is dropped first; then a row without an answer or a question;
then, of several answers to one question (rows of one id), all but the chosen.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import count
from typing import Any

from chatbot.errors import ConfigError, CorpusError, ExportError
from chatbot.ingest.qna.progress import Account, Output
from chatbot.ingest.qna.rows import QnaRow
from chatbot.ingest.qna.select import Plan, plan_of
from chatbot.ingest.qna.tables import BIND, Database, DatabaseAwayError
from chatbot.ingest.qna.text import is_clean, is_lost, plain_text, repaired, time_of
from chatbot.listener import SILENCE, Listener
from chatbot.settings.schema import Config
from chatbot.storage.lock import FileLock, LockHeldError

_NOT_DELETED = ("", "0", "0.0", "n", "no", "f", "false", "none", "null")
_PAUSE_SECONDS, _LONGEST_PAUSE = 1.0, 30.0
_N_BETWEEN = 50_000  # rows between two reports


def extract(
    config: Config, open_database: Callable[[Config], Database], listener: Listener = SILENCE
) -> Account:
    """Write the rows that `qna.source` selects to its `path`, from where an earlier call stopped.

    Raises CorpusError if no row is left, ExportError if the database stays away.
    """
    path = config.path(config.qna.source.path)
    try:
        with FileLock(path.with_name(f"{path.name}.lock")):
            database = open_database(config)
            try:
                with Output(path, config.qna.source) as output:
                    return _Extraction(config, database, output, listener).run()
            finally:
                database.close()
    except LockHeldError as error:
        raise ExportError(
            f"process {error.holder.process} is extracting at this moment", hint="wait for its end"
        ) from None


class _Extraction:
    """Reads pages until there are none; counts what becomes of each row."""

    def __init__(
        self, config: Config, database: Database, output: Output, listener: Listener
    ) -> None:
        self._config, self._source, self._database = config, config.qna.source, database
        self._output, self._listener = output, listener
        self._numbers = count(1)

    def run(self) -> Account:
        """Read all rows; return their account."""
        if self._output.is_continued:
            n = self._output.account.n_read
            self._listener.say(f"continuing after {n:,} rows; they are not read again")
        self._patiently(self._read)
        account = self._output.account
        if not account.n_written:
            reasons = ", ".join(f"{n} {reason}" for reason, n in account.dropped.items())
            raise CorpusError(
                f"no row has a question and an answer ({account.n_read} rows"
                f"{': ' if reasons else ''}{reasons})",
                hint="check `qna.source.columns` and `qna.source.where`; `chatbot qna inspect` "
                "shows what the tables hold",
            )
        self._output.finish()
        return account

    def _patiently(self, read: Callable[[Plan], None]) -> None:
        """Call until it ends without a lost connection, with growing pauses in between."""
        plan = plan_of(self._source, self._database)
        if not plan.page:
            self._listener.say(
                "without `qna.source.columns.id` there are no pages: after a lost connection all "
                "rows are read again"
            )
        pause_seconds, n_left = _PAUSE_SECONDS, self._source.retries
        while True:
            before = self._output.progress.last
            try:
                return read(plan)
            except DatabaseAwayError as error:
                self._output.rewind()
                if self._output.progress.last != before:
                    pause_seconds, n_left = _PAUSE_SECONDS, self._source.retries
                if not n_left:
                    raise _stopped(error, self._output) from None
                self._listener.warn(f"{error}; trying again in {pause_seconds:.0f} s")
                time.sleep(pause_seconds)
                pause_seconds, n_left = min(2 * pause_seconds, _LONGEST_PAUSE), n_left - 1

    def _read(self, plan: Plan) -> None:
        if not plan.page:
            self._numbers = count(1)
            with self._database.select(plan.rows, plan.binds) as result:
                self._output.add(self._chosen(result.rows))
            return
        if self._output.progress.last is None:
            n_without = self._value(plan.without_key, {})
            self._output.account.n_read += n_without
            self._output.account.drop("without an id", n_without)
        while (upper := self._next_upper(plan)) is not None:
            self._read_page(plan, upper)

    def _next_upper(self, plan: Plan) -> int | str | None:
        """Return the key of the end of the next page; None after the last."""
        last, size = self._output.progress.last, self._source.page_rows
        page = {f"{BIND}page": size}
        if last is None:
            return _key(self._value(plan.first_upper, page))
        return _key(self._value(plan.upper, page | {f"{BIND}last": last}))

    def _value(self, sql: str, binds: dict[str, Any]) -> Any:
        with self._database.select(sql, binds) as result:
            return next(iter(result.rows))[0]

    def _read_page(self, plan: Plan, upper: int | str) -> None:
        last, account = self._output.progress.last, self._output.account
        binds = plan.binds | {f"{BIND}upper": upper}
        n_before = account.n_read
        sql = plan.first_page if last is None else plan.page
        with self._database.select(
            sql, binds | ({} if last is None else {f"{BIND}last": last})
        ) as result:
            self._output.add(self._chosen(result.rows))
        self._output.save(upper)
        if account.n_read // _N_BETWEEN > n_before // _N_BETWEEN:
            self._listener.say(f"{account.n_read:,} rows read")

    def _chosen(self, rows: Iterable[Sequence[Any]]) -> Iterator[QnaRow]:
        """Yield the rows to write, of several answers to one question the chosen ones."""
        clean = (row for values in rows if (row := self._row(values)) is not None)
        if self._source.several_answers == "all":
            yield from clean
            return
        chosen, is_last = None, self._source.several_answers == "last"
        for row in clean:
            if chosen is None:
                chosen = row
            elif row.id != chosen.id:
                yield chosen
                chosen = row
            else:
                self._output.account.drop("another answer is used")
                chosen = row if is_last else chosen
        if chosen is not None:
            yield chosen

    def _row(self, values: Sequence[Any]) -> QnaRow | None:
        """Return a row in clean text; None if it is dropped."""
        key, question, answer, kind, asked_at, *flag = values
        account = self._output.account
        account.n_read += 1
        is_deleted = bool(flag) and flag[0] is not None and _word(flag[0]) not in _NOT_DELETED
        asked, answered = ("", "") if is_deleted else (self._text(question), self._text(answer))
        if reason := "deleted" if is_deleted else _fault(asked, answered):
            account.drop(reason)
            return None
        moment = time_of(asked_at, self._config.raw.utc_offset_hours)
        if moment is None and self._source.columns.time:
            account.note("without a time")
        return QnaRow(
            id=str(next(self._numbers) if key is None else key),
            kind=self._text(kind),
            question=asked,
            answer=answered,
            asked_at=moment,
        )

    def _text(self, value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, str) and is_clean(value):
            return value
        stored = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        plain = plain_text(text := repaired(stored))
        account = self._output.account
        if text != stored:
            account.note("encoding repaired")
        if plain != text:
            account.note("HTML or spaces cleaned")
        return plain


def _fault(question: str, answer: str) -> str:
    """Return why a row cannot be used; "" if it can."""
    if not answer:
        return "unanswered"
    if not question:
        return "without a question"
    return "letters lost when stored" if is_lost(question) or is_lost(answer) else ""


def _word(value: Any) -> str:
    stored = value.decode("latin-1").strip("\0") if isinstance(value, bytes) else str(value)
    return stored.strip().lower()


def _key(value: Any) -> int | str | None:
    """Return a key as it is saved; raises ConfigError for a type that cannot be continued from."""
    if isinstance(value, Decimal) and value == int(value):
        return int(value)
    if value is None or isinstance(value, int | str):
        return value
    raise ConfigError(
        f"`qna.source.columns.id` holds {type(value).__name__}",
        hint="choose a column of whole numbers or text",
    )


def _stopped(error: DatabaseAwayError, output: Output) -> ExportError:
    if output.progress.last is None:
        again = "`chatbot qna extract` starts again when the server answers"
    else:
        again = (
            f"`chatbot qna extract` continues after row {output.progress.account.n_read:,} when "
            "the server answers"
        )
    return ExportError(f"{error}, after {output.account.n_read:,} rows", hint=again)
