"""`qna.source` -> SELECT statements; names come from the database's own list, values are bound."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chatbot.errors import ConfigError
from chatbot.ingest.qna.readonly import require_select
from chatbot.ingest.qna.tables import BIND, Database, Table, require_table, unknown_name
from chatbot.settings.qna import QnaSourceConfig

PARTS = ("id", "question", "answer", "type", "time", "deleted")
_JOIN = re.compile(r"\s*([^.=]+?)\.([^=]+?)\s*=\s*([^.=]+?)\.([^=]+?)\s*")
_CONDITION = re.compile(r"(?P<column>.+?)(?: +(?P<sign>=|!=|<>|<=|>=|<|>))?")
_LAST, _UPPER = f":{BIND}last", f":{BIND}upper"


@dataclass(frozen=True)
class Plan:
    """The statements that read a table: columns in the order of PARTS, the last may be missing.

    `rows`: every row. With a key, `page` are the rows after `last` up to `upper`, `upper` the key
    of the end of the next page, `without_key` the number of rows whose key is NULL; empty without.
    """

    rows: str
    binds: dict[str, Any] = field(default_factory=dict)
    page: str = ""
    first_page: str = ""
    upper: str = ""
    first_upper: str = ""
    without_key: str = ""


def plan_of(source: QnaSourceConfig, database: Database) -> Plan:
    """Return the statements for a source; raises ConfigError for names that do not exist."""
    if not source.columns.question or not source.columns.answer:
        raise ConfigError(
            "`qna.source.columns.question` and `qna.source.columns.answer` are not set",
            hint="`chatbot qna inspect` prints a proposal to paste into `configs/qna.yaml`",
        )
    if source.query:
        return _of_query(source, database)
    if not source.table:
        raise ConfigError("`qna.source.table` is not set", hint="`chatbot qna inspect` proposes it")
    return _Selection(source, database).plan()


class _Selection:
    """A table with its joined tables, whose names are all checked."""

    def __init__(self, source: QnaSourceConfig, database: Database) -> None:
        self._source, self._quote = source, database.quote
        self._main = require_table(database, source.table, "qna.source.table")
        self._tables = {self._main.name: self._main}
        self._joins = [self._join(text, database) for text in source.joins]
        self._binds: dict[str, Any] = {}

    def plan(self) -> Plan:
        """Return the statements."""
        columns = {part: self._part(part) for part in PARTS}
        key = columns["id"]
        tables = " ".join([self._quote(self._main.name), *self._joins])
        select = f"select {_listed(columns)} from {tables}"
        conditions = list(self._conditions())
        if not key:
            return Plan(_where(select, conditions), self._binds)
        # A table alone is read along its index, without sorting long answers.
        within = [columns["time"], *self._joined_keys()] if self._joins else []
        order = ", ".join(filter(None, [key, *within]))
        return _paged(select, key, self._quote(self._main.name), conditions, order, self._binds)

    def _part(self, part: str) -> str:
        """Return the column of a part of a row; the key of a table that names none is its own."""
        name, setting = getattr(self._source.columns, part), f"qna.source.columns.{part}"
        if not name:
            return self._column(self._main.key[0], setting) if self._has_key(part) else ""
        if part == "id" and self._table_of(name)[0] is not self._main:
            raise ConfigError(
                f"`{setting}` is not a column of {self._main.name}",
                hint="rows are read in the order of `qna.source.table`",
            )
        return self._column(name, setting)

    def _has_key(self, part: str) -> bool:
        return part == "id" and len(self._main.key) == 1

    def _table_of(self, name: str) -> tuple[Table, str]:
        """Split `table.column`, or `column` of the main table."""
        table, dot, column = name.partition(".")
        return (
            (self._tables[table], column) if dot and table in self._tables else (self._main, name)
        )

    def _column(self, name: str, setting: str) -> str:
        table, column = self._table_of(name)
        return f"{self._quote(table.name)}.{self._quote(table.column(column, setting).name)}"

    def _join(self, text: str, database: Database) -> str:
        match = _JOIN.fullmatch(text)
        sides = [(match[1], match[2]), (match[3], match[4])] if match else []
        new = [side for side in sides if side[0] not in self._tables]
        if match is None or len(new) != 1:
            raise ConfigError(
                "`qna.source.joins` does not join a new table to one before it",
                hint="answers.question_id = questions.id",
            )
        name = new[0][0]
        self._tables[name] = require_table(database, name, "qna.source.joins")
        left, right = (self._column(".".join(side), "qna.source.joins") for side in sides)
        return f"left join {self._quote(name)} on {left} = {right}"

    def _joined_keys(self) -> Iterator[str]:
        """Yield the keys of the joined tables: the order of several answers to one question."""
        for table in self._tables.values():
            if table is not self._main:
                yield from (f"{self._quote(table.name)}.{self._quote(name)}" for name in table.key)

    def _conditions(self) -> Iterator[str]:
        for text, value in self._source.where.items():
            match = _CONDITION.fullmatch(text.strip())
            if match is None:
                raise ConfigError("`qna.source.where` has an empty column", hint="{status: done}")
            column = self._column(match["column"], "qna.source.where")
            yield self._condition(column, match["sign"] or "=", value)

    def _condition(self, column: str, sign: str, value: Any) -> str:
        is_equal, is_unequal = sign == "=", sign in ("!=", "<>")
        if isinstance(value, list) or value is None:
            if not is_equal and not is_unequal:
                raise ConfigError(
                    f"`qna.source.where` compares by {sign} with a list or null", hint="use = or !="
                )
            negated = "not " if is_unequal else ""
            if value is None:
                return f"{column} is {negated}null"
            names = ", ".join(self._bound(item) for item in value)
            return f"{column} {negated}in ({names or 'null'})"
        return f"{column} {sign} {self._bound(value)}"

    def _bound(self, value: Any) -> str:
        name = f"{BIND}{len(self._binds)}"
        self._binds[name] = value
        return f":{name}"


def _paged(
    select: str, key: str, table: str, conditions: list[str], order: str, binds: dict[str, Any]
) -> Plan:
    """Return the statements of a selection that is read in pages, in the order of its key."""
    up_to, after = f"{key} <= {_UPPER}", f"{key} > {_LAST}"
    ends = f"select {key} as k from {table}"
    limit = f"order by {key} limit :{BIND}page"
    first_end = f"{ends} where {key} is not null {limit}"
    return Plan(
        _where(select, conditions),
        binds,
        page=f"{_where(select, [after, up_to, *conditions])} order by {order}",
        first_page=f"{_where(select, [up_to, *conditions])} order by {order}",
        upper=f"select max(k) from ({ends} where {after} {limit}) as page",
        first_upper=f"select max(k) from ({first_end}) as page",
        without_key=f"select count(*) from {table} where {key} is null",
    )


def _of_query(source: QnaSourceConfig, database: Database) -> Plan:
    """Return the statements for a query of the settings: in pages if it has an id."""
    query = require_select(source.query)
    if source.table or source.joins or source.where:
        raise ConfigError(
            "`qna.source.query` is set beside `qna.source.table`, `qna.source.joins` or "
            "`qna.source.where`",
            hint="a query stands for all three",
        )
    table = f"({query}) as {database.quote('asked')}"
    with database.select(f"select * from {table} where 1 = 0", {}) as result:
        names = list(result.names)
    columns = {}
    for part in PARTS:
        name = getattr(source.columns, part)
        if name and name not in names:
            setting = f"qna.source.columns.{part}"
            raise unknown_name("column", name, names, "the result of `qna.source.query`", setting)
        columns[part] = database.quote(name) if name else ""
    select, key = f"select {_listed(columns)} from {table}", columns["id"]
    if not key:
        return Plan(select)
    order = ", ".join(filter(None, (key, columns["time"])))
    return _paged(select, key, table, [], order, {})


def _listed(columns: Mapping[str, str]) -> str:
    """Return the columns of a SELECT; one for deleted rows only if there is one: it costs time."""
    return ", ".join(
        f"{column or 'null'} as {part}"
        for part, column in columns.items()
        if column or part != "deleted"
    )


def _where(select: str, conditions: Iterable[str]) -> str:
    text = " and ".join(conditions)
    return f"{select} where {text}" if text else select
