"""Measure how good models are on the held-out sessions, with intervals."""

import argparse
from typing import TYPE_CHECKING

import msgspec

from chatbot.cli.keys import ask_model_key
from chatbot.cli.screen import advance, display, progress, say, table
from chatbot.settings.schema import Config

if TYPE_CHECKING:
    from chatbot.evaluation.intervals import Estimate
    from chatbot.evaluation.model_run import ModelReport

_N_REPLIES = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the models, --replies, --json."""
    parser.add_argument(
        "models", nargs="*", metavar="RUN|MODEL", help="runs or model files (default: this run's)"
    )
    parser.add_argument(
        "--replies", type=int, default=_N_REPLIES, metavar="N", help="to rank among distractors"
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


def _shown(estimate: "Estimate", form: str = ".3f") -> str:
    return f"{estimate.value:{form}} ({estimate.low:{form}} to {estimate.high:{form}})"
