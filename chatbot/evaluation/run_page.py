"""The records of a run -> an HTML page with its curves and sample replies."""

from collections.abc import Sequence
from html import escape

from chatbot.evaluation.html_page import Series, document, item, line_chart, read_words, table
from chatbot.training.folder import Metrics, RunFolder, read_metrics

_CHARTS = {
    "losses": ("loss", "val_loss"),
    "bits": ("val_bits_per_byte",),
    "learning_rate": ("learning_rate",),
    "grad_norm": ("grad_norm",),
}


def run_page(folder: RunFolder, facts: Sequence[tuple[str, str]]) -> str:
    """Return the page of a run, in Korean and English. `facts`: names and values at its top."""
    words, metrics = read_words("run_page.yaml"), read_metrics(folder)
    parts = [f"<h1>{words['title']}</h1>", table(("", ""), facts)]
    for name, keys in _CHARTS.items():
        series = [Series(words["lines"][key], _points(metrics, key)) for key in keys]
        if chart := line_chart([line for line in series if line.points], "step"):
            parts.append(f"<h2>{escape(words['charts'][name])}</h2>{chart}")
    if folder.samples.is_file():
        lines = folder.samples.read_text(encoding="utf-8", errors="replace").splitlines()
        parts.append(f"<h2>{words['samples']}</h2><ul>{''.join(map(item, lines))}</ul>")
    return document(words["title"], parts)


def _points(metrics: Sequence[Metrics], key: str) -> list[tuple[float, float]]:
    return [(line["step"], line[key]) for line in metrics if isinstance(line.get(key), float)]
