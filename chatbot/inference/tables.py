"""A table of new questions -> their answers, many at once, continued where a stopped job was."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import tzinfo
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any, TypeAlias

import msgspec
from msgspec.structs import replace

from chatbot.errors import ConfigError
from chatbot.inference.engine import Engine
from chatbot.inference.journal import Answer, Entry, Journal
from chatbot.inference.loading import LoadedModel
from chatbot.ingest.qna.table_rows import DamagedRow, TableRow, read_table
from chatbot.storage.files import atomic_write

# A row without the desk's answer, and a seed -> its answer. Called by several threads at once.
Answerer: TypeAlias = Callable[[TableRow, int], Answer]
_HEADER = ("id", "type", "question", "answer", "seed", "sources", "handed_over")


@dataclass
class AnsweredTable:
    """What became of the rows: all = answered + `dropped`; `n_continued` were answered before."""

    n_rows: int = 0
    n_answered: int = 0
    n_continued: int = 0
    n_handed_over: int = 0
    n_cut: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    damaged_lines: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class TableJob:
    """A table to answer: its file, the file of answers (csv or jsonl), and the seed of all.

    `answerer_hash`: stands for the model and the settings that answer. `zone`: of times without a
    zone.
    """

    source: Path
    target: Path
    answerer_hash: str
    seed: int
    n_at_once: int
    zone: tzinfo

    @property
    def unfinished(self) -> Path:
        """Where the answers of a stopped job are."""
        return self.target.with_name(f"{self.target.name}.unfinished.jsonl")


# ---------------------------------------------------------------- who answers
@contextmanager
def answering(loaded: LoadedModel, n_at_once: int) -> Iterator[Answerer]:
    """Yield what answers rows with a model; leaving the context ends answers that are not done.

    Answers are computed together: the rounding of one, and rarely its text, may depend on which
    others are computed at the same time.
    """
    engine = Engine(loaded.model, n_at_once)

    def answer(row: TableRow, seed: int) -> Answer:
        with engine.lease("table") as reader:
            sampling = replace(loaded.settings.sampling, seed=seed)
            bot = loaded.bot(reader, sampling=sampling)
            for turn in row.turns:
                bot.hear(turn.text, bot.number if turn.is_desk else None)
            text = bot.reply().text
            return Answer(text, is_cut=bot.record.ending == "length")

    try:
        yield answer
    finally:
        engine.close()


def hash_of_answerer(loaded: LoadedModel, seed: int) -> str:
    """Return a hash of a model, the settings of its replies and the seed."""
    settings = loaded.settings
    parts = [loaded.about, settings.sampling, settings.output, settings.dialogue, seed]
    return blake2b(msgspec.json.encode(parts), digest_size=16).hexdigest()


# ---------------------------------------------------------------- a table
def count_rows(job: TableJob) -> int:
    """Count the rows of a table, for a progress bar."""
    return sum(1 for _ in read_table(job.source, job.zone))


def answer_table(
    job: TableJob,
    answer: Answerer,
    prompt_of: Callable[[TableRow], TableRow] = lambda row: row,
    advance: Callable[[], object] = lambda: None,
) -> AnsweredTable:
    """Answer every question of a table, and write the answers in its order.

    Rows that the target, or a stopped job, has answers for are not asked again. `prompt_of`: the
    row as the model is asked. Raises ConfigError for a target that is no csv or jsonl file, or that
    another model began.
    """
    _require_target(job)
    journal = Journal(job.unfinished, job.answerer_hash)
    try:
        _take_over(job, journal)
        result = AnsweredTable(n_continued=len(journal))
        questions = _asked(_questions(job, result), journal, advance)
        for entry in _answers(questions, lambda row, seed: answer(prompt_of(row), seed), job):
            journal.add(entry)
            advance()
        _write(job, journal, result)
    except BaseException:
        journal.close()
        raise
    journal.remove()
    return result


def _require_target(job: TableJob) -> None:
    if job.target.suffix.lower() not in (".csv", ".jsonl"):
        raise ConfigError(
            f"{job.target} is neither a csv nor a jsonl file", hint="end its name with .csv"
        )
    if job.target.exists() and job.target.samefile(job.source):
        raise ConfigError(
            f"{job.target} is the table of the questions", hint="--output names another file"
        )


def _take_over(job: TableJob, journal: Journal) -> None:
    """Keep the answers that the target holds already."""
    if not job.target.exists():
        return
    for row in read_table(job.target, job.zone):
        if isinstance(row, TableRow) and row.answer and (key := _key(row)) not in journal:
            journal.add(Entry(key, _seed_of(key, job.seed), Answer(row.answer)))


def _questions(job: TableJob, result: AnsweredTable) -> Iterator[TableRow]:
    """Yield the rows without what follows their last question; count all of them."""
    for row in read_table(job.source, job.zone):
        result.n_rows += 1
        if isinstance(row, DamagedRow):
            result.dropped["damaged"] += 1
            result.damaged_lines.append(row.line)
            continue
        turns = list(row.turns)
        while turns and turns[-1].is_desk:
            turns.pop()
        if not turns or not turns[-1].text:
            result.dropped["empty"] += 1
            continue
        yield replace(row, turns=tuple(turns))


def _asked(
    rows: Iterable[TableRow], journal: Journal, advance: Callable[[], object]
) -> Iterator[TableRow]:
    """Yield the rows that are not answered yet, each once."""
    waiting: set[str] = set()
    for row in rows:
        key = _key(row)
        if key in journal or key in waiting:
            advance()
        else:
            waiting.add(key)
            yield row


def _key(row: TableRow) -> str:
    """Return what identifies a row in both tables: its id and its last question."""
    return blake2b(f"{row.id}\0{_question_of(row)}".encode(), digest_size=12).hexdigest()


def _question_of(row: TableRow) -> str:
    """Return the last question of a row."""
    return [turn.text for turn in row.turns if not turn.is_desk][-1]


def _seed_of(key: str, seed: int) -> int:
    """Return the seed of a row, which does not depend on the other rows."""
    digest = blake2b(f"{seed} {key}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little") >> 1


def _answers(rows: Iterator[TableRow], answer: Answerer, job: TableJob) -> Iterator[Entry]:
    """Yield the answers as they are done; at most twice `n_at_once` rows are read ahead."""

    def entry_of(row: TableRow) -> Entry:
        key = _key(row)
        seed = _seed_of(key, job.seed)
        return Entry(key, seed, answer(row, seed))

    pool = ThreadPoolExecutor(job.n_at_once, thread_name_prefix="answer")
    running: set[Future[Entry]] = set()
    try:
        for row in rows:
            running.add(pool.submit(entry_of, row))
            if len(running) >= 2 * job.n_at_once:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from _results(done)
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from _results(done)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _results(done: set[Future[Entry]]) -> Iterator[Entry]:
    """Yield what is done; an error comes last, so that no answer is lost with it."""
    for future in sorted(done, key=lambda future: future.exception() is not None):
        yield future.result()


# ---------------------------------------------------------------- the answers
def _write(job: TableJob, journal: Journal, result: AnsweredTable) -> None:
    """Write all answers in the order of the questions, and count them."""
    counted = AnsweredTable()
    with atomic_write(job.target, mode=0o600) as file:
        add = _csv_writer(file) if job.target.suffix.lower() == ".csv" else _jsonl_writer(file)
        for row in _questions(job, counted):
            entry = journal[_key(row)]
            counted.n_answered += 1
            counted.n_handed_over += entry.answer.is_handed_over
            counted.n_cut += entry.answer.is_cut
            add(_record(row, entry))
    result.n_answered, result.n_cut = counted.n_answered, counted.n_cut
    result.n_handed_over = counted.n_handed_over


def _record(row: TableRow, entry: Entry) -> dict[str, Any]:
    answer = entry.answer
    sources, handed_over = " ".join(answer.sources), "yes" if answer.is_handed_over else ""
    values = row.id, row.kind, _question_of(row), answer.text, entry.seed, sources, handed_over
    return dict(zip(_HEADER, values, strict=True))


def _csv_writer(file: IO[bytes]) -> Callable[[dict[str, Any]], object]:
    file.write(_csv_line(_HEADER))
    return lambda record: file.write(_csv_line(record.values()))


def _csv_line(values: Iterable[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue().encode()


def _jsonl_writer(file: IO[bytes]) -> Callable[[dict[str, Any]], object]:
    return lambda record: file.write(msgspec.json.encode(record) + b"\n")
