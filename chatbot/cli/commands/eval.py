"""Measure how good models are on the held-out sessions, with intervals."""

import argparse
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from chatbot.cli.keys import ask_model_key
from chatbot.cli.screen import advance, display, progress, say, table
from chatbot.settings.schema import Config

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatbot.evaluation.imitation import ImitationReport
    from chatbot.evaluation.intervals import Estimate
    from chatbot.evaluation.model_run import ModelReport
    from chatbot.evaluation.style import StyleScore

_N_REPLIES = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the models, --replies, --json."""
    parser.add_argument(
        "models", nargs="*", metavar="RUN|MODEL", help="runs or model files (default: this run's)"
    )
    parser.add_argument(
        "--replies", type=int, default=_N_REPLIES, metavar="N", help="to rank and to generate"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for other programs")


def run(args: argparse.Namespace, config: Config) -> None:
    """Print a table, a model or a baseline per column, or JSON."""
    from chatbot.evaluation.model_run import evaluate_models
    from chatbot.inference.loading import find_model, named_model

    paths = [named_model(name, config) for name in args.models] or [find_model(config)]
    with progress(0, "measuring") as bar:
        measured = evaluate_models(paths, config, args.replies, ask_model_key, lambda: advance(bar))
        reports = list(measured)
    if args.json:
        display(msgspec.json.encode(reports).decode())
        return
    names = [["", *_names(reports)]]
    columns = [_rows(report) for report in reports]
    display(table([*names, *([name, *(c.get(name, "-") for c in columns)] for name in columns[0])]))
    _show_styles(reports)
    _show_bags(reports)
    first = reports[0]
    if first.likelihood is not None:
        say(
            f"intervals: 95 %, over {first.likelihood.reply_bpb.n} sessions or {first.n_replies} "
            f"replies; past up to {first.likelihood.n_past_tokens} tokens"
        )


def _names(reports: "Sequence[ModelReport]") -> list[str]:
    """Return the name of each column: the run, with its file where a run has several models."""
    runs = Counter(report.run_name for report in reports)
    return [
        report.run_name
        if report.run_name and runs[report.run_name] == 1
        else f"{report.run_name} {report.model}".strip()
        for report in reports
    ]


def _rows(report: "ModelReport") -> dict[str, str]:
    rows = {}
    if report.likelihood is not None:
        rows["reply bits/byte"] = _shown(report.likelihood.reply_bpb)
        rows["perplexity"] = _shown(report.likelihood.perplexity, ".1f")
    for ranking in report.rankings:
        among = f"of {ranking.n_distractors + 1}"
        rows[f"hits@1 {among}"] = _shown(ranking.hits_at_1, ".1%")
        rows[f"hits@10 {among}"] = _shown(ranking.hits_at_10, ".1%")
    if report.ends is not None:
        rows["expected ends per end"] = _shown(report.ends.expected_per_end)
        rows["calibration error of ends"] = f"{report.ends.calibration_error:.3f}"
    return rows


def _imitations(reports: "Sequence[ModelReport]") -> "dict[str, ImitationReport]":
    """Return who replied -> how alike it is to the persona."""
    named = zip(_names(reports), reports, strict=True)
    return {name: report.imitation for name, report in named if report.imitation is not None}


def _show_styles(reports: "Sequence[ModelReport]") -> None:
    """Print the features of style, and for each that replied its value and its place."""
    imitations = _imitations(reports)
    if not imitations:
        return
    columns = [_style_column(imitation) for imitation in imitations.values()]
    heads = ("persona", "later", "other", *(name for n in imitations for name in (n, "place")))
    first = next(iter(imitations.values()))
    rows = [["style", *heads]]
    for style in first.styles:
        references = (style.persona, style.ceiling, style.floor)
        own = (cell for column in columns for cell in column[style.feature])
        rows.append([style.feature, *(f"{value:.3f}" for value in references), *own])
    copied = (cell for each in imitations.values() for cell in (f"{each.copies.bot:.3f}", "-"))
    later, other = (f"{value:.3f}" for value in (first.copies.ceiling, first.copies.floor))
    rows.append(["copies training", "-", later, other, *copied])
    display()
    display(table(rows))
    say("place: 1 as near to the persona as the persona later, 0 as far as the other member")


def _style_column(imitation: "ImitationReport") -> dict[str, tuple[str, str]]:
    return {style.feature: (f"{style.bot:.3f}", _place(style)) for style in imitation.styles}


def _place(style: "StyleScore") -> str:
    if style.place is None:
        return "-"
    return _shown(style.place, ".2f") if style.is_certain else "not enough replies"


def _show_bags(reports: "Sequence[ModelReport]") -> None:
    """Print how often bags are taken for the persona's, over their size."""
    shares: dict[str, dict[int, Estimate]] = {}
    for name, imitation in _imitations(reports).items():
        for bag in imitation.bags:
            group = name if bag.group == "bot" else bag.group
            shares.setdefault(group, {})[bag.n_messages] = bag.as_persona
    if not shares:
        return
    sizes = sorted({size for own in shares.values() for size in own})
    rows = [["taken for the persona", *(f"{size} messages" for size in sizes)]]
    for group, own in shares.items():
        rows.append([group, *(_shown(own[size], ".0%") if size in own else "-" for size in sizes)])
    display()
    display(table(rows))


def _shown(estimate: "Estimate", form: str = ".3f") -> str:
    if estimate.low == estimate.high:
        return f"{estimate.value:{form}}"
    return estimate.shown(form)
