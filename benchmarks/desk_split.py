"""A table without times -> a desk whose latest tenth is a fair sample: rows in drawn order.

    python -m benchmarks.desk_split TABLE --root PROJECT [--seed 0]

A public table may be sorted by topic, so that its last tenth asks what the rest never answers. The
rows are put in an order drawn with a fixed seed, and each gets an invented time, a minute after the
one before. Types are left out, as no customer names one in a conversation.
"""

import argparse
import csv
import io
import random
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from chatbot.ingest.qna.prepare import prepare
from chatbot.ingest.qna.rows import (
    HEADER,
    PROMPT_HEADER,
    QnaRow,
    csv_values,
    prompt_record,
    read_rows,
    read_usable_rows,
)
from chatbot.settings.load import load_config
from chatbot.storage.files import write_bytes

PAST = "data/past.csv"
_BEGIN, _PAUSE = datetime(2024, 1, 1), timedelta(minutes=1)


def in_drawn_order(rows: Iterable[QnaRow], seed: int) -> list[QnaRow]:
    """Return rows in random order, with invented times and without types."""
    order = list(rows)
    random.Random(seed).shuffle(order)  # noqa: S311
    return [
        replace(row, kind="", asked_at=_BEGIN + place * _PAUSE) for place, row in enumerate(order)
    ]


def _csv_bytes(header: Iterable[str], rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode()


def split(table: Path, root: Path, seed: int) -> tuple[int, int]:
    """Write the prepared rows of a project, and those before the latest tenth; count both."""
    root.mkdir(parents=True, exist_ok=True)
    config = load_config(root)
    rules = config.qna.prepare
    rows = in_drawn_order(read_usable_rows(table, Counter()), seed)
    extracted = _csv_bytes(HEADER, map(csv_values, rows))
    write_bytes(config.path(config.qna.source.path), extracted, mode=0o600)
    prepare(config)
    prepared = list(read_rows(config.path(rules.csv_path), rules.label))
    past = prepared[: len(prepared) - len(prepared) // 10]
    records = (prompt_record(row, rules.label).values() for row in past)
    write_bytes(config.path(PAST), _csv_bytes(PROMPT_HEADER, records), mode=0o600)
    return len(prepared), len(past)


def main() -> None:
    """Split a table, and print how to train on what is before the latest tenth."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    n_prepared, n_past = split(args.table, args.root, args.seed)
    print(f"{n_prepared:,} rows, {n_past:,} before the latest tenth; train on these with")
    tables = f"--set 'processed.tables=[{PAST}]' --set processed.rooms=none"
    print(f"chatbot preprocess --root {args.root} {tables}")
    print(f"chatbot train --root {args.root} {tables}")


if __name__ == "__main__":
    main()
