"""Learn from the choices between replies that were stored; count, show or delete them."""

import argparse
from typing import TYPE_CHECKING

from chatbot.cli.keys import require_owner
from chatbot.cli.screen import advance, display, progress, say, table
from chatbot.corpus.preferences import (
    Preference,
    count_kinds,
    delete_preferences,
    read_preferences,
)
from chatbot.errors import CheckpointError
from chatbot.settings.schema import Config

if TYPE_CHECKING:
    from pathlib import Path

    from chatbot.evaluation.preferences import PreferenceReport
    from chatbot.training.prepare import PreparedRun


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --list, --show, --delete and --run."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="count what is stored")
    what.add_argument("--show", action="store_true", help="show what is stored, with its text")
    what.add_argument("--delete", action="store_true", help="delete all that is stored")
    what.add_argument(
        "--run", metavar="NAME", help="name of the new run (default: this run's, and -preferred)"
    )


def run(args: argparse.Namespace, config: Config) -> None:
    """Train a new run on what is stored, or do what an option says."""
    require_owner(config)
    if args.delete:
        delete_preferences(config)
        say("deleted: nothing is stored")
        return
    rows = read_preferences(config)
    if args.show:
        _show(rows)
    elif args.list:
        _count(rows)
    else:
        _train(rows, args.run or f"{config.run_name}-preferred", config)


def _count(rows: list[Preference]) -> None:
    counts = count_kinds(rows)
    lines = [[kind, str(pairs), str(alone)] for kind, (pairs, alone) in counts.items()]
    display(table([["by", "pairs", "rejected only"], *lines]))


def _show(rows: list[Preference]) -> None:
    lines = [["at", "by", "before it", "chosen", "rejected"]]
    for row in rows:
        before = row.context[-1][1] if row.context else ""
        texts = (before, row.chosen or "-", row.rejected)
        lines.append([row.at[:16], row.kind, *(text.replace("\n", " / ") for text in texts)])
    display(table(lines))


def _train(rows: list[Preference], run_name: str, config: Config) -> None:
    """Train, measure before and after, and say whether the new run is better."""
    from chatbot.evaluation.preferences import compare_models, open_task
    from chatbot.inference.loading import run_model_path
    from chatbot.training.families import run_folder
    from chatbot.training.folder import locked_run
    from chatbot.training.preference_run import prepare_preferences
    from chatbot.training.run import FINISHED

    before = run_model_path(config)
    task = open_task(rows, before, run_name, config)
    folder = run_folder(task.config)
    status = folder.read_status()
    if status is not None and status.state == "finished":
        raise CheckpointError(
            f"run {run_name} already exists", hint="name another with `chatbot prefer --run NAME`"
        )
    with locked_run(folder):
        reason = _run(prepare_preferences(task.config, task.corpus, folder, before, task.pairs))
    if reason not in FINISHED:
        say("saved: `chatbot prefer` continues")
        return
    after = folder.models()[0]
    with progress(0, "measuring") as bar:
        report = compare_models(before, after, task.pairs.held_out, config, lambda: advance(bar))
    _report(report)
    if objections := report.objections(config.preferences.max_worse):
        raise CheckpointError(
            f"run {run_name} is not better: {'; '.join(objections)}",
            hint="nothing changed: the bot replies as before; more pairs, a higher "
            "`preferences.beta` or fewer `preferences.epochs` may help",
        )
    _say_how_to_use(after, config)


def _run(run: "PreparedRun") -> str:
    """Train to the end or a stop, and return the reason."""
    from chatbot.cli.training_screen import TrainingScreen
    from chatbot.training.run import Training

    for sentence in run.sentences:
        say(sentence)
    with TrainingScreen(run, run.config) as screen:
        return Training(run).run(screen.hooks())


def _report(report: "PreferenceReport") -> None:
    bits = [each.shown(".3f") for each in (report.bits_before, report.bits_after)]
    likelier = [each.shown(".0%") for each in (report.likelier_before, report.likelier_after)]
    display(
        table(
            [
                ["held out", "before", "after"],
                ["chosen reply is the likelier", *likelier],
                ["moved towards the chosen reply", "-", report.moved.shown(".0%")],
                ["reply bits/byte", *bits],
                ["change of bits/byte", "-", report.worse.shown("+.2%")],
            ]
        )
    )
    say(f"intervals: 95 %, over {report.moved.n} pairs or {report.bits_before.n} sessions")


def _say_how_to_use(model: "Path", config: Config) -> None:
    path = model.relative_to(config.root) if model.is_relative_to(config.root) else model
    say("the new run is better on what was held out; the old one is as it was. To use it, write")
    say(f"`dialogue.model: {path.as_posix()}` into `configs/gen.yaml`")
