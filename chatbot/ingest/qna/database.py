"""A database server (MySQL, MariaDB, or another that SQLAlchemy knows), in a read-only session."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatbot.crypto.secrets import read_secret
from chatbot.errors import AccessError, ChatbotError, ConfigError, ExportError
from chatbot.ingest.qna.sqlite import SqliteDatabase
from chatbot.ingest.qna.tables import (
    BIND,
    Binds,
    Column,
    Database,
    DatabaseAwayError,
    Result,
    Table,
)
from chatbot.settings.schema import Config

if TYPE_CHECKING:
    from sqlalchemy import URL
    from sqlalchemy.exc import DBAPIError

_N_FETCHED = 20  # rows in memory at once: an answer may have 1 MB
_CONNECT_SECONDS = 10
_READ_SECONDS = 600
_NO_ANSWER = "08006"
# Error numbers of MySQL and MariaDB, SQLSTATE of PostgreSQL.
_AWAY = {2002, 2003, 2005, 2006, 2013, 2014, 2055, 1040, 1053, 1077, 1152, 1158, 1159, 1160, 1161,
         1205, 1213, 1927, _NO_ANSWER, "08000", "08003", "53300", "57P01", "57P02", "57P03",
         }  # fmt: skip
_REFUSED = {1044, 1045, 1130, 1142, 1143, 1698, "28000", "28P01", "42501"}
_WRITES = {1290, 1792, 1036, "25006"}
_NO_DATABASE = {1049, "3D000"}
_BAD_QUERY = {1054, 1060, 1064, 1146}
# What PostgreSQL answers to a new connection has no SQLSTATE in psycopg.
_REPLIES = (
    ("password authentication failed", "28P01"),
    ("no pg_hba.conf entry", "28000"),
    ("no password supplied", "28P01"),
    ('" does not exist', "3D000"),
)
_PACKAGES = {"psycopg": "'psycopg[binary]'"}


def open_database(config: Config) -> Database:
    """Open the database that .env names.

    Raises ConfigError if it names none, AccessError for a wrong password, ExportError if no
    server answers.
    """
    address = _address(config)
    if isinstance(address, Path):
        return SqliteDatabase(address)
    return ServerDatabase(address)


def _address(config: Config) -> "Path | URL":
    """Return the path of a SQLite file, or the URL of a server."""
    source, root = config.qna.source, Path(config.root)
    if url := read_secret(root, source.url_env):
        if url.startswith("sqlite"):
            return config.path(url.partition(":///")[2])
        return _parsed(url, source.url_env)
    host, name = read_secret(root, source.host_env), read_secret(root, source.name_env)
    if not name:
        raise ConfigError(
            "no database is named",
            hint=f"put {source.url_env}=mysql://user:password@host/name into .env, or "
            f"{source.name_env} with {source.host_env}, {source.user_env} and "
            f"{source.password_env}; for SQLite, {source.name_env} is the path of the file",
        )
    if not host and (config.path(name).is_file() or "/" in name or name.endswith(".db")):
        return config.path(name)
    return _composed(config, host or "127.0.0.1", name)


def _parsed(text: str, variable: str) -> "URL":
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # The address holds a password: the message must not repeat it, nor its cause.
        raise ConfigError(
            f"{variable} in .env is no address of a database",
            hint="mysql://user:password@host:3306/name; write @ : / # in a password as %40 %3A "
            "%2F %23",
        ) from None
    return _with_driver(url)


def _composed(config: Config, host: str, name: str) -> "URL":
    """Return the URL of the five variables; a host that is a path is a socket."""
    from sqlalchemy import URL

    source, root = config.qna.source, Path(config.root)
    port = read_secret(root, source.port_env) or "3306"
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError(f"{source.port_env} in .env is no port", hint="3306 is the usual one")
    url = URL.create(
        "mysql",
        username=read_secret(root, source.user_env),
        password=read_secret(root, source.password_env),
        host=None if host.startswith("/") else host,
        port=None if host.startswith("/") else int(port),
        database=name,
        query={"unix_socket": host} if host.startswith("/") else {},
    )
    return _with_driver(url)


def _with_driver(url: "URL") -> "URL":
    if url.drivername == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() not in ("mysql", "mariadb"):
        return url
    url = url.set(drivername=f"{url.get_backend_name()}+pymysql")
    return url.update_query_dict({"charset": "utf8mb4"})


class ServerDatabase:
    """A database on a server."""

    def __init__(self, url: "URL") -> None:
        from sqlalchemy import create_engine, event
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError

        self._place = url.host or url.query.get("unix_socket") or "the socket"
        self._is_mysql = url.get_backend_name() in ("mysql", "mariadb")
        limits = {"connect_timeout": _CONNECT_SECONDS, "read_timeout": _READ_SECONDS}
        try:
            self._engine = create_engine(
                url,
                connect_args=limits if self._is_mysql else {},
                hide_parameters=True,
                pool_size=1,
                max_overflow=0,
            )
        except (ArgumentError, NoSuchModuleError):
            raise ConfigError(
                f"no driver for databases of the kind {url.get_backend_name()}",
                hint="mysql://, mariadb://, postgresql:// or sqlite:///",
            ) from None
        except ImportError as error:
            raise ConfigError(
                f"the driver for databases of the kind {url.get_backend_name()} is not installed",
                hint=f"pip install {_PACKAGES.get(error.name or '', error.name or 'it')}",
            ) from None
        event.listen(self._engine, "connect", self._make_read_only)
        with self._explained():
            self._engine.connect().close()

    def _make_read_only(self, connection: Any, _record: object) -> None:
        """Let the server refuse whatever writes."""
        statement = "set session transaction read only"
        if self._engine.dialect.name == "postgresql":
            statement = "set session characteristics as transaction read only"
        cursor = connection.cursor()
        cursor.execute(statement)
        cursor.close()
        connection.commit()

    def table_names(self) -> list[str]:
        """Return the names of all tables and views."""
        from sqlalchemy import inspect

        with self._explained():
            inspector = inspect(self._engine)
            return sorted({*inspector.get_table_names(), *inspector.get_view_names()})

    def table(self, name: str) -> Table:
        """Return the shape of a table."""
        from sqlalchemy import inspect

        with self._explained():
            inspector = inspect(self._engine)
            columns = tuple(
                Column(column["name"], str(column["type"]).lower())
                for column in inspector.get_columns(name)
            )
            key = tuple(inspector.get_pk_constraint(name)["constrained_columns"])
        return Table(name, columns, key)

    def quote(self, name: str) -> str:
        """Return an identifier as SQL writes it."""
        return self._engine.dialect.identifier_preparer.quote_identifier(name)

    @contextmanager
    def select(self, sql: str, binds: Binds) -> Iterator[Result]:
        """Run a SELECT, and fetch its rows in small numbers from the server."""
        from sqlalchemy import text

        # Other colons belong to the user's query.
        marked = sql.replace(":", r"\:").replace(rf"\:{BIND}", f":{BIND}")
        with self._explained(), self._engine.connect() as connection:
            streaming = connection.execution_options(yield_per=_N_FETCHED)
            result = streaming.execute(text(marked), dict(binds))
            cursor = result.cursor
            try:
                yield Result(list(result.keys()), iter(result))
            except BaseException:
                _abandon(cursor)
                connection.invalidate()
                raise
            result.close()

    def close(self) -> None:
        """Close the connection."""
        self._engine.dispose()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Re-raise errors of the driver as sentences without values and passwords."""
        from sqlalchemy.exc import DBAPIError

        try:
            yield
        except DBAPIError as error:
            raise explained_error(error, str(self._place)) from None


def explained_error(error: "DBAPIError", place: str) -> ChatbotError:
    """Return an error of a driver in words, without values and passwords."""
    code, kind = _code_of(error), type(error.orig).__name__
    arguments = getattr(error.orig, "args", ())
    reason = str(arguments[-1]) if arguments else ""
    if error.connection_invalidated or code in _AWAY:
        return DatabaseAwayError(
            f"no database answers at {place}", hint="start the server, or check DB_HOST"
        )
    if code in _REFUSED:
        return AccessError(
            f"the database refuses this user or password (error {code})",
            hint="check DB_USER and DB_PASSWORD in .env, and that the user may SELECT",
        )
    if code in _WRITES:
        return ConfigError("`qna.source.query` would write", hint="only SELECT is allowed")
    if code in _NO_DATABASE:
        return ConfigError("the server has no database of this name", hint="check DB_NAME")
    if kind == "ProgrammingError" or code in _BAD_QUERY or str(code).startswith("42"):
        return ConfigError(
            f"the database does not accept the query of `qna.source` (error {code})",
            hint="check `qna.source.query` and `qna.source.where`",
            private=reason,
        )
    return ExportError(
        f"the database reports {kind} {code}", hint="see its own log", private=reason
    )


def _code_of(error: "DBAPIError") -> int | str:
    """Return the number or the SQLSTATE of an error; 0 if it has none."""
    arguments = getattr(error.orig, "args", ())
    if arguments and isinstance(arguments[0], int):
        return arguments[0]  # says more than the SQLSTATE that PyMySQL has too
    if state := getattr(error.orig, "sqlstate", None):
        return str(state)
    if not hasattr(error.orig, "sqlstate") or type(error.orig).__name__ != "OperationalError":
        return 0
    return next((code for words, code in _REPLIES if words in str(error.orig)), _NO_ANSWER)


def _abandon(cursor: Any) -> None:
    """Keep PyMySQL from reading the rest of a result when its cursor is closed or deleted."""
    if (unread := getattr(cursor, "_result", None)) is not None:
        unread.unbuffered_active = False
