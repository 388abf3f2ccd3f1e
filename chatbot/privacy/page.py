"""A privacy report -> an HTML page with charts, without any secret."""

import math
from collections.abc import Callable, Sequence
from html import escape
from statistics import median
from typing import Any

import msgspec

from chatbot.evaluation.html_page import (
    DotRow,
    Words,
    document,
    dot_chart,
    grouped_bars,
    item,
    read_words,
    table,
)
from chatbot.privacy.memorization import Attack
from chatbot.privacy.report import ENOUGH
from chatbot.privacy.results import PrivacyReport, Shares

_AUC_TICKS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_BITS_TICKS = (0.0, 2.0, 4.0, 6.0, 8.0)
_CANARY_TICKS = (0.0, 3.0, 6.0, 9.0, 12.0, round(4 * math.log2(10), 1))
_MOST_KINDS = 7


def page(report: PrivacyReport) -> str:
    """Return the report as a self-contained HTML page, in Korean and English."""
    words = read_words("page.yaml", "chatbot.privacy")
    parts = [f"<h1>{words['title']}</h1>", summary(report)]
    for name, draw in _PICTURES.items():
        if numbers := getattr(report, name):
            title, text = words["sections"][name]["title"], words["sections"][name]["text"]
            parts.append(f"<h2>{title}</h2><p>{text}</p>{draw(numbers, words)}")
    parts.append(_facts(words["data"], report.data))
    if report.verbatim:
        parts.append(_facts(words["copied"], report.verbatim))
    missing = "".join(map(item, report.not_measured))
    parts.append(f"<h2>{words['missing']}</h2><ul>{missing}</ul>")
    parts.append(_facts(words["settings"], report.settings))
    return document(words["title"], parts)


def summary(report: PrivacyReport) -> str:
    """Return in plain words whether the model may be shared, and why, as HTML."""
    verdicts = read_words("page.yaml", "chatbot.privacy")["verdicts"]
    if report.warnings:
        rows = "".join(map(item, report.warnings))
        verdict = f'<p class="bad"><b>{verdicts["bad"]}</b></p><ul class="bad">{rows}</ul>'
    elif min(report.n_messages.values()) < ENOUGH:
        verdict = f"<p><b>{verdicts['unknown']}</b></p>"
    else:
        verdict = f'<p class="good"><b>{verdicts["good"]}</b></p>'
    return f"{verdict}<p>{verdicts['always']}</p>"


def _facts(title: str, facts: msgspec.Struct | None) -> str:
    rows = {} if facts is None else msgspec.to_builtins(facts)
    cells = [(str(name), _shown(value)) for name, value in rows.items()]
    return f"<h2>{escape(title)}</h2>{table(('', ''), cells)}"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_shown(part)}" for name, part in value.items())
    return str(value)


def _extraction(shares: dict[str, Shares], words: Words) -> str:
    counts = list(shares["train"])
    series = {title: [shares[split][n] for n in counts] for split, title in words["splits"].items()}
    return grouped_bars([f"n = {n}" for n in counts], series, words["replies"])


def _membership(attacks: dict[str, Attack], words: Words) -> str:
    rows = [
        DotRow(
            f"{name}: {a.auc:.3f}, TPR {a.tpr_at_1_percent:.1%} at 1 % FPR",
            [a.auc],
            (a.auc_interval[0], a.auc_interval[1]),
        )
        for name, a in attacks.items()
    ]
    return dot_chart(rows, _AUC_TICKS, words["auc"])


def _canaries(bits: dict[int, Sequence[float]], words: Words) -> str:
    rows = [
        DotRow(f"{n}{words['times']}", values, (median(values), median(values)))
        for n, values in bits.items()
    ]
    return dot_chart(rows, _CANARY_TICKS, words["bits"])


def _secrets(bits: dict[str, Sequence[float]], words: Words) -> str:
    rows = [DotRow(f"{kind} ({len(values)})", values) for kind, values in sorted(bits.items())]
    return dot_chart(rows[:_MOST_KINDS], _BITS_TICKS, words["bits"])


_PICTURES: dict[str, Callable[[Any, Words], str]] = {
    "extraction": _extraction,
    "membership": _membership,
    "canaries": _canaries,
    "secrets": _secrets,
    "candidates": _secrets,
}
