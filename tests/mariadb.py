"""A private MariaDB server for tests and benchmarks: on a socket, in a folder of its own."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

SECRET = "g:h/e@i#m"  # noqa: S105 of every kind of character that an address has to escape
_PROGRAMS = ("mariadbd", "mariadb-install-db", "mariadb")
_START_SECONDS = 60


def program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def missing() -> list[str]:
    """Return the programs of the server that are not installed."""
    return [name for name in _PROGRAMS if program(name) is None]


class Server:
    """A server with a database `shop` and a user `desk`, who may SELECT."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.socket = folder, folder / "s"
        self._own = [] if os.getuid() else ["--user=root"]
        command = [program("mariadb-install-db"), "--no-defaults", f"--datadir={folder / 'd'}"]
        command += ["--auth-root-authentication-method=normal", "--skip-test-db", *self._own]
        subprocess.run(command, check=True, capture_output=True)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [
            program("mariadbd"),
            "--no-defaults",
            f"--datadir={self.folder / 'd'}",
            *self._own,
        ]
        command += ["--skip-networking", f"--socket={self.socket}", "--sql-mode="]
        command += ["--max-allowed-packet=64M"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        for _ in range(_START_SECONDS * 10):
            if self._answers():
                return
            time.sleep(0.1)
        raise TimeoutError("mariadbd does not start")

    def _answers(self) -> bool:
        with contextlib.suppress(subprocess.CalledProcessError):
            self.execute("select 1")
            return True
        return False

    def execute(self, sql: str) -> None:
        """Run statements as root."""
        command = [program("mariadb"), "--no-defaults", "-uroot", f"--socket={self.socket}"]
        command += ["--default-character-set=utf8mb4"]
        subprocess.run(command, input=sql.encode(), check=True, capture_output=True)

    def create(self) -> None:
        self.execute(
            "create database shop character set utf8mb4;"
            f"create user desk@localhost identified by '{SECRET}';"
            "grant select on shop.* to desk@localhost"
        )

    def kill(self) -> None:
        """End the server as a power cut does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def env(self, password: str = SECRET) -> str:
        """Return the lines of .env that name this server."""
        return f"DB_USER=desk\nDB_PASSWORD='{password}'\nDB_HOST={self.socket}\nDB_NAME=shop\n"


@contextlib.contextmanager
def private_server():
    """Run a server in a temporary folder, whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="db") as folder:
        server = Server(Path(folder))
        try:
            server.start()
            server.create()
            yield server
        finally:
            server.kill()


@pytest.fixture(scope="session")
def _mariadb():
    if names := missing():
        pytest.skip(f"{', '.join(names)} not installed (apt install mariadb-server)")
    pytest.importorskip("sqlalchemy")
    pytest.importorskip("pymysql")
    with private_server() as server:
        yield server


@pytest.fixture
def mariadb(_mariadb):
    """A running MariaDB server with an empty database."""
    if _mariadb.process is None:
        _mariadb.start()
    _mariadb.execute("drop database shop; create database shop character set utf8mb4")
    return _mariadb
