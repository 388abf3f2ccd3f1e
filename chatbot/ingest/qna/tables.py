"""What a database offers to read: its tables, and rows of a SELECT; names are checked here."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from chatbot.errors import ConfigError, ExportError

Binds: TypeAlias = Mapping[str, Any]
# Before the names of bound values, so that a colon in a user's query is no bound value.
BIND = "qna_"


class DatabaseAwayError(ExportError):
    """The server does not answer, or the connection to it is lost: worth another attempt."""


@dataclass(frozen=True)
class Column:
    """A column: its name, and its type as the database writes it."""

    name: str
    type: str


@dataclass(frozen=True)
class Table:
    """A table or view: its columns, and those of its primary key."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    def column(self, name: str, setting: str) -> Column:
        """Return a column by its name; raises ConfigError, which proposes similar ones."""
        for column in self.columns:
            if column.name == name:
                return column
        names = [column.name for column in self.columns]
        raise unknown_name("column", name, names, f"table {self.name}", setting)


@dataclass(frozen=True)
class Result:
    """The column names and the rows of a SELECT; rows are read while they are iterated over."""

    names: Sequence[str]
    rows: Iterator[Sequence[Any]]


class Database(Protocol):
    """A database that is only read."""

    def table_names(self) -> list[str]:
        """Return the names of all tables and views."""

    def table(self, name: str) -> Table:
        """Return a table that `table_names` lists."""

    def quote(self, name: str) -> str:
        """Return an identifier as SQL writes it."""

    def select(self, sql: str, binds: Binds) -> AbstractContextManager[Result]:
        """Run a SELECT with bound values (`:qna_name`), without reading all its rows at once.

        Raises DatabaseAwayError, also while rows are read, if the connection is lost.
        """

    def close(self) -> None:
        """Close the connection."""


def require_table(database: Database, name: str, setting: str) -> Table:
    """Return a table by its name; raises ConfigError, which proposes similar ones."""
    names = database.table_names()
    if name not in names:
        raise unknown_name("table", name, names, "the database", setting)
    return database.table(name)


def unknown_name(
    kind: str, name: str, names: Sequence[str], place: str, setting: str
) -> ConfigError:
    """Return the error about a table or column that does not exist, with similar ones."""
    near = difflib.get_close_matches(name.lower(), [other.lower() for other in names], 3, 0.5)
    guesses = [other for other in names if other.lower() in near]
    hint = f"did you mean {' or '.join(guesses)}?" if guesses else "`chatbot qna inspect` lists all"
    return ConfigError(f"{place} has no {kind} {name!r} (`{setting}`)", hint=hint)
