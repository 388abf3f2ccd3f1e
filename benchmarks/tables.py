"""Time and peak memory of `preprocess` on a large table of questions and answers.

`python benchmarks/tables.py --table FILE [--rows N]` repeats a real table, each time with other
numbers in its questions, so that no row recurs; answers recur as often as there are rounds.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

from chatbot.ingest.qna.rows import read_rows

_SETTING = "processed.tables=[rows.csv]"
_CODE = "import sys; from chatbot.cli.main import main; sys.exit(main(sys.argv[1:]))"


def repeated(table: Path) -> Iterator[tuple[str, str]]:
    """Yield the rows of a table again and again, with the number of the round in the question."""
    rows = list(read_rows(table))
    for number in count():
        for row in rows:
            yield f"{row.question} {number}번", row.answer


def main() -> None:
    """Write the table, preprocess it, and print what it took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=100_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("question", "answer"))
            writer.writerows(islice(repeated(args.table), args.rows))
        size = path.stat().st_size / 1e6
        began = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, "-c", _CODE, "preprocess", "--root", folder, "--set", _SETTING]
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
        print(
            f"{args.rows:,} rows, {size:.0f} MB: {seconds:.1f} s, "
            f"{args.rows / seconds:,.0f} rows/s, {usage.ru_maxrss * 1024 / 1e6:.0f} MB"
        )


if __name__ == "__main__":
    main()
