"""Turn organized exports and tables into tokens and loss masks in data/processed/."""

import argparse
import os

from chatbot.cli.arguments import positive
from chatbot.cli.keys import require_owner
from chatbot.cli.reports import print_samples, print_stats
from chatbot.cli.review import review
from chatbot.cli.screen import TERMINAL, display, say, table
from chatbot.corpus.pipeline import build_corpora
from chatbot.errors import CorpusError
from chatbot.ingest.masking.sealing import read_masked
from chatbot.ingest.organize.manifest import read_manifest
from chatbot.settings.schema import Config
from chatbot.training.families import corpora_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --review, --show and --show-masked."""
    parser.add_argument(
        "--review",
        action="store_true",
        help="review possible secrets that no masking rule covers, and decide yourself",
    )
    parser.add_argument(
        "--show-masked", action="store_true", help="list the masked values, for your eyes only"
    )
    parser.add_argument(
        "--show",
        nargs="?",
        type=positive,
        const=3,
        metavar="N",
        help="print N samples of the processed data, trained text in green",
    )


def run(args: argparse.Namespace, config: Config) -> None:
    """Process the exports, or show the processed data."""
    if args.show is not None or args.show_masked or args.review:
        _require_begun(config)
        require_owner(config)
    if args.show is not None:
        print_samples(config, args.show)
    elif args.show_masked:
        _show_masked(config)
    elif args.review:
        review(config)
    else:
        specs = corpora_of(config, TERMINAL)
        print_stats(build_corpora(config, specs, TERMINAL, n_most_processes=os.cpu_count() or 1))


def _require_begun(config: Config) -> None:
    """Raise CorpusError, which lists the commands to run first, if there is no data."""
    is_organized = bool(read_manifest(config.path(config.raw.manifest_path)).exports)
    is_organized = is_organized or bool(config.processed.tables)
    if not is_organized and not (config.processed_dir / "stats.json").exists():
        raise CorpusError(
            "there is no data to show yet",
            hint=f"put an export into {config.raw.inbox_dir}, run `chatbot organize`, "
            "then `chatbot preprocess`",
        )


def _show_masked(config: Config) -> None:
    """List what was masked."""
    values = read_masked(config)
    if not values:
        raise CorpusError("nothing was masked here", hint="run `chatbot preprocess` first")
    head = ["kind", "times", "value", "pseudonym"]
    display(table([head] + [[v.kind, str(v.n_times), v.value, v.pseudonym] for v in values]))
    say("only you see this: the list is encrypted in data/ by the key in .env")
