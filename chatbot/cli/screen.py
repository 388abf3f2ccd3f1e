"""Output to the terminal: messages, progress bars, tables, sizes and durations."""

import os
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Never, TypeAlias

from chatbot.wording import printable, render

if TYPE_CHECKING:
    from tqdm import tqdm

Progress: TypeAlias = "tqdm[Never]"


def progress(total: int, what: str, done: int = 0) -> Progress:
    """Return a progress bar; it is invisible in a log file."""
    from tqdm import tqdm

    return tqdm(total=total, initial=done, desc=what, leave=False, disable=None, dynamic_ncols=True)


def reading(size_bytes: int, what: str) -> Progress:
    """Return a progress bar of bytes that are read."""
    bar = progress(size_bytes, what)
    bar.unit, bar.unit_scale = "B", True
    return bar


def measuring(total: int) -> Progress:
    """Return a second progress bar, which appears only if an evaluation takes long."""
    from tqdm import tqdm

    return tqdm(total=total, desc="measuring", leave=False, disable=None, delay=1.0)


def advance(bar: Progress) -> None:
    """Move a progress bar by one."""
    bar.update()


def say(text: str = "") -> None:
    """Print a message to stderr, so that stdout contains results only."""
    print(printable(render(text)), file=sys.stderr, flush=True)


def display(text: str = "", end: str = "\n", colour: int | None = None) -> None:
    """Print a result to stdout, without control characters of a model or an export.

    `colour`: used at a terminal, not in a file.
    """
    text = printable(text)
    if colour is not None and sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        text = f"\033[{colour}m{text}\033[0m"
    print(text, end=end, flush=True)


YES = ("y", "yes", "ㅛ", "네", "예")


def ask(question: str) -> str:
    """Ask a question, and return the typed line."""
    return input(printable(question))


class Terminal:
    """A listener that prints messages and progress to stderr."""

    def say(self, sentence: str) -> None:
        """Print a sentence."""
        say(sentence)

    def warn(self, sentence: str) -> None:
        """Print a warning."""
        say(f"warning: {sentence}")

    @contextmanager
    def progress(self, total: int, what: str) -> Iterator[Callable[[], object]]:
        """Show a progress bar."""
        with progress(total, what) as bar:
            yield bar.update


TERMINAL = Terminal()


def first_of(names: Sequence[str], n_shown: int) -> str:
    """List the first names and the number of others; a single other is listed as well.

    >>> first_of("abcd", 3), first_of("abcde", 3)
    ('a, b, c, d', 'a, b, c and 2 more')
    """
    if len(names) <= n_shown + 1:
        return ", ".join(names)
    return f"{', '.join(names[:n_shown])} and {len(names) - n_shown} more"


def size_text(n_bytes: float) -> str:
    """Format a number of bytes.

    >>> size_text(1_500_000_000)
    '1.5 GB'
    """
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.0f} MB"


def width(text: str) -> int:
    """Return the columns of a text in a terminal: Hangul and most emoji take two.

    >>> width("가a")
    3
    """
    return sum(
        0
        if unicodedata.combining(char) or char in "\u200d\ufe0f"
        else 2
        if unicodedata.east_asian_width(char) in "WF"
        else 1
        for char in text
    )


def table(rows: Sequence[Sequence[str]]) -> str:
    """Align columns by their width on screen; the first row is the header."""
    widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = (
        "  ".join(
            cell + " " * (w - width(cell)) for cell, w in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    )
    return "\n".join(lines)


def duration(seconds: float | None) -> str:
    """Format a duration.

    >>> duration(3725)
    '1h02m'
    """
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


def sparkline(values: Iterable[float], columns: int = 60) -> str:
    """Draw values as a row of blocks, low to high."""
    points = list(values)
    step = max(1, -(-len(points) // columns))
    points = [
        sum(points[i : i + step]) / len(points[i : i + step]) for i in range(0, len(points), step)
    ]
    if not points:
        return ""
    low, high = min(points), max(points)
    blocks = "▁▂▃▄▅▆▇█"
    return "".join(blocks[round((v - low) / ((high - low) or 1) * 7)] for v in points)


def clear_terminal() -> None:
    """Begin again at the top of a terminal; does nothing in a file."""
    if sys.stdout.isatty():
        print("\033[H\033[2J", end="", flush=True)


def print_rows(rows: Sequence[tuple[str, str]]) -> None:
    """Print names and values, a pair per line."""
    for name, value in rows:
        display(f"{name:<11} {value}")
