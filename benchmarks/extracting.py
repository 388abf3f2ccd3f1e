"""Rows from a MariaDB server: `chatbot qna extract` beside plain SQLAlchemy.

    python benchmarks/extracting.py --rows 1000000 --table ChatbotData.csv

The table's questions and answers (columns Q, A, label) are repeated to the number of rows. Prints
rows/s and the peak memory (RSS) of each process.
"""

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chatbot.storage.files import write_bytes
from tests.mariadb import Server, missing, private_server

SETTINGS = """qna:
  source:
    table: qna
    columns: {id: no, question: body, answer: reply, type: category, time: asked}
"""
EXTRACT = "import sys; from chatbot.cli.main import main; sys.exit(main(sys.argv[1:]))"
PLAIN = """
import csv, sys
from sqlalchemy import create_engine, text
engine = create_engine(sys.argv[1])
options = {"yield_per": int(sys.argv[3])} if sys.argv[3] != "0" else {}
with engine.connect() as connection, open(sys.argv[2], "w", encoding="utf-8", newline="") as file:
    query = text("select no, category, body, reply, asked from qna")
    csv.writer(file).writerows(connection.execution_options(**options).execute(query))
"""


def fill(server: Server, table: Path, n_rows: int) -> None:
    """Repeat the rows of a table of questions and answers in the server's."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = [(row["Q"], row["A"], row["label"]) for row in csv.DictReader(file)]

    def quoted(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"

    values = ",".join(f"({','.join(map(quoted, row))})" for row in rows)
    n_times = -(-n_rows // len(rows))
    server.execute(
        "use shop; create table one (n int auto_increment primary key, q text, a text, k text);"
        f"insert into one (q, a, k) values {values};"
        "create table qna (no int auto_increment primary key, category varchar(20), body text,"
        " reply text, asked datetime);"
        "insert into qna (category, body, reply, asked) select k, q, a, '2020-01-01' + interval "
        f"seq * 20000 + n minute from one, seq_0_to_{n_times - 1} order by seq, n limit {n_rows}"
    )


def measured(*command: str) -> tuple[float, float]:
    """Run a process; return its seconds and its peak memory in MB."""
    start = time.perf_counter()
    code = (
        "import resource, subprocess, sys; r = subprocess.run(sys.argv[1:], stderr=2).returncode;"
    )
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(r)"
    shown = subprocess.run(
        [sys.executable, "-c", code, *command], check=True, stdout=subprocess.PIPE, text=True
    )
    return time.perf_counter() - start, int(shown.stdout.split()[-1]) / 1000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--table", type=Path, required=True)
    args = parser.parse_args()
    if names := missing():
        sys.exit(f"not installed: {', '.join(names)} (apt install mariadb-server)")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with private_server() as server, tempfile.TemporaryDirectory() as name:
        fill(server, args.table, args.rows)
        project = Path(name)
        (project / "configs").mkdir()
        (project / "configs/qna.yaml").write_text(SETTINGS)
        write_bytes(project / ".env", server.env().encode(), mode=0o600)
        address = f"mysql+pymysql://root@/shop?unix_socket={server.socket}&charset=utf8mb4"
        plain = [sys.executable, "-c", PLAIN, address, str(project / "plain.csv")]
        ways = {
            "plain SQLAlchemy": [*plain, "0"],
            "plain SQLAlchemy, yield_per=1000": [*plain, "1000"],
            "chatbot qna extract": [
                sys.executable,
                "-c",
                EXTRACT,
                "qna",
                "--root",
                name,
                "extract",
            ],
        }
        for way, command in ways.items():
            seconds, peak_mb = measured(*command)
            print(
                f"{way:<34} {args.rows / seconds:>9,.0f} rows/s {seconds:6.1f} s {peak_mb:6.0f} MB"
            )
        require_every_row(project, args.rows)
        with ThreadPoolExecutor() as pool:
            killed = pool.submit(kill_half_way, server, project, args.rows)
            seconds, _ = measured(*ways["chatbot qna extract"])
            print(f"the server killed after {killed.result():,} rows, and started: {seconds:.1f} s")
        require_every_row(project, args.rows)
        print("every row is there once, each time")


def kill_half_way(server: Server, project: Path, n_rows: int) -> int:
    """Kill the server when half of the rows are read, and start it; return the rows read."""
    progress = project / "data/qna_dataset_sample.csv.progress"
    n_read = 0
    while n_read < n_rows // 2:
        time.sleep(0.05)
        if progress.exists():
            n_read = json.loads(progress.read_text())["account"]["n_read"]
    server.kill()
    server.start()
    return n_read


def require_every_row(project: Path, n_rows: int) -> None:
    """Check the output: every row once, in order."""
    with (project / "data/qna_dataset_sample.csv").open(encoding="utf-8", newline="") as file:
        ids = [int(row["id"]) for row in csv.DictReader(file)]
    assert ids == list(range(1, n_rows + 1)), "rows are lost or doubled"


if __name__ == "__main__":
    main()
