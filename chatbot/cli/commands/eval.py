"""Measure how good models are on the held-out sessions, with intervals."""

import argparse
from typing import TYPE_CHECKING

import msgspec

from chatbot.cli.keys import ask_model_key
from chatbot.cli.screen import advance, display, progress, say, table
from chatbot.settings.schema import Config

if TYPE_CHECKING:
    from chatbot.evaluation.imitation import ImitationReport
    from chatbot.evaluation.intervals import Estimate
    from chatbot.evaluation.model_run import ModelReport

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
    """Print a table, a model per column, or JSON."""
    from chatbot.evaluation.model_run import evaluate_model
    from chatbot.inference.loading import find_model, named_model

    paths = [named_model(name, config) for name in args.models] or [find_model(config)]
    reports = []
    for path in paths:
        with progress(0, "measuring") as bar:
            reports.append(
                evaluate_model(path, config, args.replies, ask_model_key, lambda: advance(bar))
            )
    if args.json:
        display(msgspec.json.encode(reports).decode())
        return
    names = [["", *(f"{report.run_name} {report.model}".strip() for report in reports)]]
    columns = [_rows(report) for report in reports]
    display(table([*names, *([name, *(c.get(name, "-") for c in columns)] for name in columns[0])]))
    for report in reports:
        if report.imitation is not None:
            _show_imitation(report.imitation)
    first = reports[0]
    say(
        f"intervals: 95 %, over {first.likelihood.reply_bpb.n} sessions or {first.n_replies} "
        f"replies; past up to {first.likelihood.n_past_tokens} tokens"
    )


def _rows(report: "ModelReport") -> dict[str, str]:
    likelihood = report.likelihood
    rows = {
        "reply bits/byte": _shown(likelihood.reply_bpb),
        "perplexity": _shown(likelihood.perplexity, ".1f"),
    }
    for ranking in report.rankings:
        among = f"of {ranking.n_distractors + 1}"
        rows[f"hits@1 {among}"] = _shown(ranking.hits_at_1, ".1%")
        rows[f"hits@10 {among}"] = _shown(ranking.hits_at_10, ".1%")
    if report.ends is not None:
        rows["expected ends per end"] = _shown(report.ends.expected_per_end)
        rows["calibration error of ends"] = f"{report.ends.calibration_error:.3f}"
    return rows


def _show_imitation(imitation: "ImitationReport") -> None:
    """Print the styles with their places, the copies, and the curve over the size of bags."""
    rows = [["style", "persona", "later", "other", "bot", "place (1 later, 0 other)"]]
    for style in imitation.styles:
        values = (style.persona, style.ceiling, style.floor, style.bot)
        place = "-" if style.place is None else f"{style.place:.2f}"
        rows.append([style.feature, *(f"{value:.3f}" for value in values), place])
    copies = (imitation.copies.ceiling, imitation.copies.floor, imitation.copies.bot)
    rows.append(["copies training", "-", *(f"{value:.3f}" for value in copies), "-"])
    display()
    display(table(rows))
    bags = {(bag.group, bag.n_messages): bag.as_persona for bag in imitation.bags}
    sizes = sorted({size for _, size in bags})
    rows = [["taken for the persona", *(f"{size} messages" for size in sizes)]]
    for group in dict.fromkeys(group for group, _ in bags):
        shares = (bags.get((group, size)) for size in sizes)
        rows.append([group, *("-" if share is None else _shown(share, ".0%") for share in shares)])
    display()
    display(table(rows))


def _shown(estimate: "Estimate", form: str = ".3f") -> str:
    return f"{estimate.value:{form}} ({estimate.low:{form}} to {estimate.high:{form}})"
