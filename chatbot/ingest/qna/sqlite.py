"""A SQLite file, opened read-only by Python's own module."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from chatbot.errors import ConfigError, ExportError
from chatbot.ingest.qna.tables import Binds, Column, Result, Table

_HEAD = b"SQLite format 3\x00"
_BUSY_SECONDS = 30


class SqliteDatabase:
    """A SQLite file."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ExportError(
                f"no database file {path}", hint="check DB_URL or DB_NAME in .env, or its path"
            )
        with path.open("rb") as file:
            if file.read(len(_HEAD)) != _HEAD:
                raise ExportError(f"{path.name} is not a SQLite database", hint="check its path")
        address = f"file:{quote(str(path.resolve()))}?mode=ro"
        self._connection = sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS)
        self._connection.text_factory = decoded

    def table_names(self) -> list[str]:
        """Return the names of all tables and views."""
        sql = "select name from sqlite_master where type in ('table', 'view') order by name"
        with self.select(sql, {}) as result:
            return [name for (name,) in result.rows if not name.startswith("sqlite_")]

    def table(self, name: str) -> Table:
        """Return the shape of a table."""
        with self.select(f"pragma table_info({self.quote(name)})", {}) as result:
            rows = list(result.rows)
        columns = tuple(Column(row[1], row[2].lower()) for row in rows)
        key = tuple(row[1] for row in sorted(rows, key=lambda row: row[5]) if row[5])
        return Table(name, columns, key)

    def quote(self, name: str) -> str:
        """Return an identifier as SQL writes it."""
        return f'"{name.replace(chr(34), 2 * chr(34))}"'

    @contextmanager
    def select(self, sql: str, binds: Binds) -> Iterator[Result]:
        """Run a SELECT, and read its rows one by one."""
        try:
            cursor = self._connection.execute(sql, binds)
            try:
                yield Result([column[0] for column in cursor.description or ()], cursor)
            finally:
                cursor.close()
        except sqlite3.Error as error:
            raise _explained(error) from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def decoded(stored: bytes) -> str:
    """Decode stored text: UTF-8, else cp949, else with a mark for what cannot be read."""
    for encoding in ("utf-8", "cp949"):
        try:
            return stored.decode(encoding)
        except UnicodeDecodeError:
            continue
    return stored.decode("utf-8", "replace")


def _explained(error: sqlite3.Error) -> ExportError | ConfigError:
    text = str(error)
    if "readonly" in text or "not authorized" in text:
        return ConfigError("`qna.source.query` would write", hint="only SELECT is allowed")
    if "locked" in text or "busy" in text:
        return ExportError("the database is locked", hint="close the program that writes to it")
    if isinstance(error, sqlite3.OperationalError):
        return ConfigError(
            "the database does not accept the query of `qna.source`",
            hint="check `qna.source.query` and `qna.source.where`",
            private=text,
        )
    return ExportError("the database file is damaged", hint="restore it from a copy")
