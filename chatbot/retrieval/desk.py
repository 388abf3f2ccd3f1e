"""The prepared table of a desk -> its index and its promise on disk -> its answers."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from chatbot.errors import CorpusError
from chatbot.ingest.organize.forgetting import read_rules, rules_path
from chatbot.ingest.organize.inbox import zone_of
from chatbot.ingest.qna.rows import QnaRow, read_rows
from chatbot.ingest.qna.sessions import messages_of
from chatbot.ingest.qna.table_rows import TableRow
from chatbot.retrieval.grounding import Desk, earlier_outcomes, later_outcomes
from chatbot.retrieval.index import WARRANTY, About, Row, build_index, open_index
from chatbot.retrieval.warranty import Warranty, fit_warranty
from chatbot.settings.schema import Config
from chatbot.storage.files import sha256_of, write_bytes

COMMAND = "chatbot qna index"
_LATER_SHARE = 5  # at most a fifth of the rows is kept out of the index
_N_EARLIER = 2000  # rows of the index that choose which thresholds to try
_LEAST_ROWS = 10


class DeskTable(msgspec.Struct, frozen=True):
    """The rows of a desk in time order, and the fingerprint of their file.

    Without times their order in the file is taken for it.
    """

    rows: list[Row]
    fingerprint: str
    has_times: bool


class IndexedDesk(msgspec.Struct, frozen=True):
    """What was indexed, and what was promised on later rows."""

    about: About
    warranty: Warranty
    has_times: bool


def read_desk_table(config: Config) -> DeskTable:
    """Read the prepared rows that are not forgotten.

    Raises CorpusError if there are none, or too few to measure.
    """
    path = config.path(config.qna.prepare.csv_path)
    if not path.is_file():
        raise CorpusError(f"no prepared rows at {path}", hint="run `chatbot qna prepare` first")
    rows = list(read_rows(path, config.qna.prepare.label, _is_forgotten(config)))
    if len(rows) < _LEAST_ROWS:
        raise CorpusError(
            f"{len(rows)} rows are too few for a desk", hint=f"give at least {_LEAST_ROWS}"
        )
    has_times = any(row.asked_at for row in rows)
    rows.sort(key=lambda row: row.asked_at or datetime.min)
    return DeskTable(_identified(rows), _fingerprint(config), has_times)


def _is_forgotten(config: Config) -> Callable[[TableRow], bool]:
    """Return whether a row holds what `chatbot forget` leaves out."""
    rules, zone = read_rules(rules_path(config)), zone_of(config)

    def is_forgotten(row: TableRow) -> bool:
        at = row.asked_at and row.asked_at.replace(tzinfo=zone)
        messages = messages_of(msgspec.structs.replace(row, asked_at=at))
        return any(rule.applies(message) for rule in rules for message in messages)

    return is_forgotten


def _fingerprint(config: Config) -> str:
    """Return what changes with the table, and with what is forgotten."""
    rules = rules_path(config)
    of_table = sha256_of(config.path(config.qna.prepare.csv_path))
    return f"{of_table} {sha256_of(rules)}" if rules.is_file() else of_table


def _identified(rows: list[QnaRow]) -> list[Row]:
    """Return rows with ids that differ: where one is missing or comes again, by its place."""
    ids: set[str] = set()
    identified = []
    for place, row in enumerate(rows, 1):
        own = row.id if row.id and row.id not in ids else f"#{place}"
        ids.add(own)
        identified.append(Row(own, row.question, row.answer))
    return identified


def index_desk(config: Config) -> IndexedDesk:
    """Index the earlier rows of a desk, and fit the threshold on the later ones."""
    settings, table = config.qna.answering, read_desk_table(config)
    n_indexed = len(table.rows) - min(settings.n_later, len(table.rows) // _LATER_SHARE)
    folder = config.path(settings.index_dir)
    about = build_index(folder, table.rows[:n_indexed], settings.index, table.fingerprint)
    index = open_index(folder, table.fingerprint, COMMAND)
    warranty = fit_warranty(
        earlier_outcomes(index, _N_EARLIER),
        later_outcomes(index, table.rows[n_indexed:]),
        settings.max_wrong,
        settings.confidence,
    )
    write_bytes(folder / WARRANTY, msgspec.json.encode(warranty), mode=0o600)
    return IndexedDesk(about, warranty, table.has_times)


def open_desk(config: Config) -> Desk:
    """Open the desk that `index_desk` wrote.

    Raises CorpusError if it is missing, of other rows or of other settings. Where the table itself
    is not on this computer, its index is trusted.
    """
    settings = config.qna.answering
    folder, table = config.path(settings.index_dir), config.path(config.qna.prepare.csv_path)
    fingerprint = _fingerprint(config) if table.is_file() else None
    index = open_index(folder, fingerprint, COMMAND)
    warranty = _read_warranty(folder)
    measured = (index.about.kind, warranty.max_wrong, warranty.confidence)
    if measured != (settings.index, settings.max_wrong, settings.confidence):
        raise CorpusError(
            "the index of the desk is of other settings of `qna.answering`",
            hint=f"run `{COMMAND}` again",
        )
    threshold = warranty.threshold if settings.threshold == "auto" else settings.threshold
    return Desk(index, settings.n_nearest, threshold)


def _read_warranty(folder: Path) -> Warranty:
    try:
        return msgspec.json.decode((folder / WARRANTY).read_bytes(), type=Warranty)
    except (OSError, msgspec.DecodeError) as error:
        message = f"the index in {folder} has no measured promise"
        raise CorpusError(message, hint=f"run `{COMMAND}`") from error
