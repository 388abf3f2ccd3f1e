"""Examine exports: what they are, what is wrong, whether they are enough; and this computer."""

import argparse
import contextlib
import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import msgspec

from chatbot.cli.doctor_screen import Words, print_diagnosis
from chatbot.cli.environment import check_environment
from chatbot.cli.language import LANGUAGES, language_of
from chatbot.cli.screen import display, reading
from chatbot.ingest.doctor.diagnosis import diagnose, diagnose_project, files_in
from chatbot.settings.schema import Config

_LARGE_BYTES = 20_000_000  # takes seconds to read


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files, --json and --language."""
    parser.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar="FILE",
        help="exports or folders of them (default: all of this project, and the computer)",
    )
    parser.add_argument("--json", action="store_true", help="print the diagnosis for programs")
    parser.add_argument(
        "--language", choices=LANGUAGES, help="of the sentences (default: the terminal's)"
    )


def run(args: argparse.Namespace, config: Config) -> int:
    """Print the diagnosis; return 1 if anything needs attention."""
    if args.files:
        paths = [path for named in args.files for path in files_in(named)]
        diagnosis = diagnose(paths, config, [], _progress)
    else:
        diagnosis = diagnose_project(config, check_environment(config), _progress)
    if args.json:
        display(msgspec.json.format(msgspec.json.encode(diagnosis)).decode())
    else:
        words = Words.read(args.language or language_of(os.environ))
        print_diagnosis(diagnosis, words, config.raw.inbox_dir)
    return 0 if diagnosis.is_fine else 1


@contextlib.contextmanager
def _progress(path: Path) -> Iterator[Callable[[int], object]]:
    """Show how far a large file is read."""
    size_bytes = path.stat().st_size if path.is_file() else 0
    if size_bytes < _LARGE_BYTES or find_spec("tqdm") is None:
        yield lambda _n_bytes: None
        return
    with reading(size_bytes, path.name) as bar:
        yield bar.update
