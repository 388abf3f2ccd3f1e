"""Cells of the reference results -> benchmarks/results/reference.json and the tables of the docs.

`python -m benchmarks.reference_report --work FOLDER` after any number of cells. A difference is to
the default of the same scale and room, over the seeds that both have; its 95 % interval is a paired
bootstrap over sessions, with a session's loss averaged over the seeds first, so that it says how
far the sessions speak for it, not how far other seeds would.
"""

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reference_cells import CELLS, DEFAULT
from chatbot.evaluation.intervals import ratio_of_sums
from chatbot.storage.files import write_bytes, write_json

REPOSITORY = Path(__file__).resolve().parent.parent
RESULTS = REPOSITORY / "benchmarks/results/reference.json"
PAGES = {"en": REPOSITORY / "docs/choosing.md", "ko": REPOSITORY / "docs/choosing.ko.md"}
MARKS = ("<!-- reference results: begin -->", "<!-- reference results: end -->")
_MEASURES = ("replies", "persona", "own")
_WORDS = {
    "en": {
        "columns": (
            "choice", "room", "seeds", "steps", "reply bits per byte",
            "difference to the default (95 %)", "the persona's replies alone", "clear",
        ),
        "yes": "yes", "no": "no difference shown", "few": "one seed", "default": "the default",
        "labels": "Label mode", "context": "Context", "size": "Size", "weight": "Loss weight",
        "steps": "Steps", "base": "A pretrained base", "quick": "small network", "full": "nano",
    },
    "ko": {
        "columns": (
            "선택", "방", "시드", "스텝", "답의 바이트당 비트", "기본값과의 차이 (95 %)",
            "닮을 사람의 답만", "뚜렷한가",
        ),
        "yes": "예", "no": "차이가 보이지 않음", "few": "시드 하나", "default": "기본값",
        "labels": "라벨 모드", "context": "문맥 길이", "size": "크기", "weight": "손실 가중치",
        "steps": "스텝 수", "base": "사전학습 모델", "quick": "작은 신경망", "full": "nano",
    },
}  # fmt: skip


def read_cells(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the results of every cell, by scale."""
    scales = sorted(path for path in folder.iterdir() if path.is_dir())
    return {
        scale.name: [json.loads(path.read_text("utf-8")) for path in sorted(scale.rglob("*.json"))]
        for scale in scales
    }


def summary(cells: Sequence[dict[str, Any]], scale: str) -> list[dict[str, Any]]:
    """Return a row for each choice and room, in the order of the cells."""
    runs: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for cell in cells:
        runs[cell["room"], cell["group"], cell["name"]].append(cell)
    rooms = list(dict.fromkeys(cell["room"] for cell in cells))
    return [
        {"scale": scale, **_row(own, runs.get((room, "labels", DEFAULT), []))}
        for cell in CELLS
        for room in rooms
        if (own := runs.get((room, cell.group, cell.name)))
    ]


def _row(own: Sequence[dict[str, Any]], default: Sequence[dict[str, Any]]) -> dict[str, Any]:
    first = own[0]
    names = ("group", "name", "room", "settings", "n_steps", "n_epochs", "n_params")
    row = {name: first[name] for name in names}
    row["seeds"] = sorted(run["seed"] for run in own)
    row["n_positions"] = round(float(np.mean([run["n_positions"] for run in own])))
    row["seconds"] = round(float(np.median([run["seconds"] for run in own])), 1)
    for measure in _MEASURES:
        if measure in first:
            row[measure] = {
                "bits_per_byte": [round(_bits_per_byte(run[measure]), 4) for run in own],
                **_difference(own, default, measure),
            }
    return row


def _bits_per_byte(rows: Sequence[Sequence[float]]) -> float:
    nats, sizes = np.asarray(rows).sum(axis=0)
    return float(nats / math.log(2) / sizes)


def _difference(
    own: Sequence[dict[str, Any]], default: Sequence[dict[str, Any]], measure: str
) -> dict[str, Any]:
    """Return the difference to the default on the same seeds; nothing for the default itself.

    `own` context is compared with all replies of the default, whose context is the protocol's.
    """
    others = {run["seed"]: run for run in default}
    pairs = [(run, others[run["seed"]]) for run in own if run["seed"] in others]
    if not pairs or (own[0]["group"] == "labels" and own[0]["name"] == DEFAULT):
        return {}
    reference = "replies" if measure == "own" else measure
    rows = np.array([[run[measure], other[reference]] for run, other in pairs])  # (N, 2, S, 2)
    sizes = rows[0, 0, :, 1]
    assert (rows[..., 1] == sizes).all(), "other sessions"
    bits = (rows[:, 0, :, 0] - rows[:, 1, :, 0]) / math.log(2)
    estimate = ratio_of_sums(np.stack([bits.mean(axis=0), sizes], axis=1), np.random.default_rng(0))
    return {
        "difference": [
            round(number, 4) for number in (estimate.value, estimate.low, estimate.high)
        ],
        "by_seed": [round(float(number), 4) for number in bits.sum(axis=1) / sizes.sum()],
    }


def is_clear(measure: dict[str, Any]) -> bool:
    """Tell whether an interval excludes 0 and at least two seeds agree on the side."""
    _, low, high = measure["difference"]
    signs = {number > 0 for number in measure["by_seed"]}
    return low * high > 0 and len(measure["by_seed"]) > 1 and len(signs) == 1


def table(rows: Iterable[dict[str, Any]], language: str) -> str:
    """Return the rows as Markdown tables, one for each scale and group."""
    words = _WORDS[language]
    parts: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        title = f"**{words[row['group']]}** ({words[row['scale']]})"
        parts[title].append(f"| {' | '.join(_cells(row, words))} |")
    head = f"| {' | '.join(words['columns'])} |\n|{'---|' * len(words['columns'])}"
    return "\n\n".join("\n".join([title, "", head, *lines]) for title, lines in parts.items())


def _cells(row: dict[str, Any], words: dict[str, Any]) -> list[str]:
    replies = row["replies"]
    own = row.get("own")
    mean = f"{_mean(replies):.3f}"
    if own:
        mean += f" ({_mean(own):.3f})"
    if "difference" not in replies:
        differences = [words["default"], f"{_mean(row['persona']):.3f}", ""]
    else:
        few = len(replies["by_seed"]) < 2
        verdict = "few" if few else "yes" if is_clear(replies) else "no"
        differences = [
            _signed(replies),
            _signed(row["persona"]) if "persona" in row else "",
            words[verdict],
        ]
    name, n_seeds = f"`{row['name']}`", str(len(row["seeds"]))
    return [name, row["room"], n_seeds, str(row["n_steps"]), mean, *differences]


def _mean(measure: dict[str, Any]) -> float:
    return float(np.mean(measure["bits_per_byte"]))


def _signed(measure: dict[str, Any]) -> str:
    value, low, high = measure["difference"]
    return f"{value:+.3f} ({low:+.3f} to {high:+.3f})".replace("-", "−")


def write_tables(rows: Sequence[dict[str, Any]]) -> None:
    """Replace the tables between the marks of both pages."""
    for language, path in PAGES.items():
        before, rest = path.read_text(encoding="utf-8").split(MARKS[0])
        after = rest.split(MARKS[1])[1]
        text = f"{before}{MARKS[0]}\n{table(rows, language)}\n{MARKS[1]}{after}"
        write_bytes(path, text.encode())


def main() -> None:
    """Write the results and the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path, required=True)
    args = parser.parse_args()
    rows = [
        row
        for scale, cells in read_cells(args.work / "cells").items()
        for row in summary(cells, scale)
    ]
    write_json(RESULTS, rows)
    write_tables(rows)
    print(table(rows, "en"))


if __name__ == "__main__":
    main()
