"""Show the state of the run: step, losses, speed, time left, and whether a trainer is running."""

import argparse
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from chatbot.cli.screen import (
    TERMINAL,
    clear_terminal,
    display,
    duration,
    print_rows,
    say,
    sparkline,
)
from chatbot.errors import ChatbotError, CheckpointError
from chatbot.settings import run_files
from chatbot.settings.schema import Config
from chatbot.storage.files import write_bytes
from chatbot.training.families import run_folder
from chatbot.training.folder import Status, read_metrics
from chatbot.training.stages import current_stage

if TYPE_CHECKING:
    from chatbot.evaluation.room import Activity

_LIVE = ("starting", "running")
_PAUSE_SECONDS = 2
_CURVES = (("training", "loss"), ("validation", "val_loss"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --watch and --html."""
    parser.add_argument(
        "--watch", action="store_true", help="show it again every few seconds until the run ends"
    )
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="also write a page about the run and its data"
    )


def run(args: argparse.Namespace, config: Config) -> None:
    """Print the status of the run, once or until it ends."""
    config = current_stage(config)
    if args.watch:
        clear_terminal()
    while _show(config) in _LIVE and args.watch:
        time.sleep(_PAUSE_SECONDS)
        clear_terminal()
    if args.html is not None:
        _write_page(args.html, config)


def _write_page(path: Path, config: Config) -> None:
    from chatbot.evaluation.leaderboard import summarize_run
    from chatbot.evaluation.run_page import read_run_data, run_page

    folder = run_folder(config)
    facts = _rows(config.run_name, folder.read_status() or Status())
    fingerprint = summarize_run(folder.path, Path(config.root), []).about.data_fingerprint
    data = read_run_data(config.processed_dir, fingerprint)
    activity = None if data is None else _activity(config)
    text = run_page(folder, facts, data, activity, _privacy(config))
    write_bytes(path, text.encode(), mode=0o600)
    say(f"written to {path}, readable by you only; it holds replies of the model")


def _activity(config: Config) -> "Activity | None":
    """Count when people write; None if the rooms are gone: their data is all that a run needs."""
    from chatbot.evaluation.room import read_activity
    from chatbot.ingest.organize.rooms import open_rooms

    try:
        rooms = open_rooms(config)
    except ChatbotError:
        return None
    n_messages = sum(entry.n_messages for room in rooms for entry in room.exports)
    with TERMINAL.progress(n_messages, "reading messages") as advance:
        return read_activity(rooms, config, advance)


def _privacy(config: Config) -> str:
    from chatbot.privacy.page import summary
    from chatbot.privacy.results import read_report

    report = read_report(config.run_dir / run_files.PRIVACY)
    return "" if report is None else summary(report)


def _show(config: Config) -> str:
    """Print the status and the curves; return the state."""
    folder = run_folder(config)
    status = folder.read_status()
    if status is None:
        raise CheckpointError(
            f"run {config.run_name} has not begun", hint="start it with `chatbot train`"
        )
    print_rows(_rows(config.run_name, status))
    metrics = read_metrics(folder)
    for name, key in _CURVES:
        curve = [line[key] for line in metrics if key in line]
        if len(curve) > 1:
            display(f"{name:<11} {sparkline(curve)}  {curve[0]:.2f} -> {curve[-1]:.2f}")
    return status.state


def _rows(run_name: str, status: Status) -> list[tuple[str, str]]:
    state = status.state + (f" ({status.reason})" if status.reason else "")
    rows = [
        ("run", run_name),
        ("state", state),
        ("step", f"{status.step:,} of {status.max_steps:,}, epoch {status.epoch + 1}"),
        (
            "trained",
            f"{duration(status.trained_seconds)}, {status.tokens_per_second:,.0f} tokens/s",
        ),
    ]
    if status.state == "running":
        rows += [("left", duration(status.seconds_left)), ("process", str(status.pid))]
    if status.loss is not None:
        rows.append(("loss", f"{status.loss:.3f}"))
    if status.val_loss is not None:
        best = "" if status.best_loss is None else f", best {status.best_loss:.3f}"
        bits = status.val_bits_per_byte or 0
        rows.append(("held out", f"{status.val_loss:.3f} ({bits:.3f} bits/byte){best}"))
    moment = datetime.fromtimestamp(status.updated_at).strftime("%Y-%m-%d %H:%M:%S")
    return [*rows, ("as of", moment)]
