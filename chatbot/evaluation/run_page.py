"""The records of a run and of its data -> an HTML page, which holds replies of the model."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import numpy as np

from chatbot.corpus.hf_tokenizer import open_tokenizer
from chatbot.corpus.store import Stats, open_store, read_stats, session_bounds
from chatbot.corpus.template import find_turns
from chatbot.errors import ChatbotError
from chatbot.evaluation.html_page import (
    Series,
    Words,
    bar_chart,
    binned,
    document,
    line_chart,
    read_words,
    table,
)
from chatbot.evaluation.room import Activity
from chatbot.evaluation.room_page import WEEKDAYS
from chatbot.training.folder import MEMORY, SPEED, Metrics, RunFolder, read_metrics

_CHARTS = {
    "losses": ("loss", "val_loss"),
    "bits": ("val_bits_per_byte",),
    "learning_rate": ("learning_rate",),
    "grad_norm": ("grad_norm",),
    "speed": (SPEED,),
    "memory": (MEMORY,),
}
_LOWS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
_SAMPLE = re.compile(r"step (\d+): (.*)")


@dataclass(frozen=True)
class RunData:
    """What a run learns from; lengths of training sessions -> how many."""

    stats: Stats
    n_tokens: Counter[int] = field(default_factory=Counter)
    n_turns: Counter[int] = field(default_factory=Counter)


def read_run_data(folder: Path, fingerprint: str) -> RunData | None:
    """Read the processed data of a run; None if they are missing, or not those of the run."""
    try:
        stats = read_stats(folder)
        if stats.fingerprint != fingerprint:
            return None
        store, tokenizer = open_store(folder, "train", stats.dtype), open_tokenizer(folder)
    except (ChatbotError, OSError):
        return None
    starts, ends = session_bounds(store.tokens, tokenizer.bos_id)
    places, _ = find_turns(store.tokens, tokenizer)
    n_turns = np.searchsorted(places, ends) - np.searchsorted(places, starts)
    return RunData(stats, Counter((ends - starts).tolist()), Counter(n_turns.tolist()))


def run_page(
    folder: RunFolder,
    facts: Sequence[tuple[str, str]],
    data: RunData | None = None,
    activity: Activity | None = None,
    privacy: str = "",
) -> str:
    """Return the page of a run, in Korean and English.

    `facts`: names and values at its top. `privacy`: HTML about what the model remembers. Sections
    without records are left out.
    """
    words, metrics = read_words("run_page.yaml"), read_metrics(folder)
    parts = [f"<h1>{words['title']}</h1><p>{words['lead']}</p>", table(("", ""), facts)]
    parts += _curves(metrics, words)
    if data is not None:
        parts += _data(data, words)
    if activity is not None and activity.by_hour:
        parts += _activity(activity, words)
    parts.append(f"<h2>{words['privacy']}</h2>{privacy or words['no_privacy']}")
    if folder.samples.is_file():
        lines = folder.samples.read_text(encoding="utf-8", errors="replace").splitlines()
        samples = table(words["sample_heads"], map(_sample, lines))
        parts.append(f"<h2>{words['samples']}</h2>{samples}")
    return document(words["title"], parts)


def _curves(metrics: Sequence[Metrics], words: Words) -> Iterator[str]:
    for name, keys in _CHARTS.items():
        series = [Series(words["lines"][key], _points(metrics, key)) for key in keys]
        if chart := line_chart([line for line in series if line.points], "step"):
            yield f"<h2>{escape(words['charts'][name])}</h2>{chart}"


def _points(metrics: Sequence[Metrics], key: str) -> list[tuple[float, float]]:
    return [(line["step"], line[key]) for line in metrics if isinstance(line.get(key), int | float)]


def _data(data: RunData, words: Words) -> Iterator[str]:
    """Yield the lengths of sessions, and what became of the messages."""
    for name, counts in (("tokens", data.n_tokens), ("turns", data.n_turns)):
        longest = max(counts, default=1)
        lows = [low for low in _LOWS if low <= longest]
        yield f"<h2>{words[name]}</h2>{bar_chart(binned(counts, lows), words['n_sessions'])}"
    rows = list(_account(data.stats, read_words("room_page.yaml"), words))
    yield f"<h2>{words['account']}</h2>{table(words['account_heads'], rows)}"


def _account(stats: Stats, of_room: Words, words: Words) -> Iterator[tuple[str, str, str]]:
    """Yield what became of the messages: what, by which rule, how many."""
    names, rules = of_room["account"], of_room["rules"]
    yield names["seen"], "", f"{stats.messages.get('seen', 0):,}"
    yield names["kept"], "", f"{stats.messages.get('kept', 0):,}"
    for kind, counts in (("dropped", stats.dropped), ("context", stats.context_only or {})):
        for rule, n in sorted(counts.items(), key=lambda pair: -pair[1]):
            yield names[kind], rules.get(rule, rule), f"{n:,}"
    if n_merged := sum(stats.merged.values()):
        yield names["merged"], rules["several exports"], f"{n_merged:,}"
    for kind, n in stats.masked.items():
        yield words["masked"], kind, f"{n:,}"


def _activity(activity: Activity, words: Words) -> Iterator[str]:
    hours = [(str(hour), float(activity.by_hour[hour])) for hour in range(24)]
    days = [(name, float(activity.by_weekday[day])) for day, name in enumerate(WEEKDAYS)]
    for name, values in (("hours", hours), ("weekdays", days)):
        yield f"<h2>{words[name]}</h2>{bar_chart(values, words['n_messages'])}"


def _sample(line: str) -> tuple[str, str]:
    match = _SAMPLE.fullmatch(line)
    return (match[1], match[2]) if match else ("", line)
