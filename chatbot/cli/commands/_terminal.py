"""What commands share at the terminal: talk, tables, colours, the password question."""

import getpass
import math
import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Never, TypeAlias

from chatbot.crypto.age import Recipient
from chatbot.crypto.age_keys import new_passphrase, recipient_of, recipients_of
from chatbot.crypto.secrets import keep_secret, read_secret
from chatbot.errors import AccessError
from chatbot.serving.auth import has_password, require_access
from chatbot.settings.schema import Config
from chatbot.training.folder import RunFolder
from chatbot.wording import render

if TYPE_CHECKING:
    from tqdm import tqdm

    from chatbot.inference.bot import Bot

Progress: TypeAlias = "tqdm[Never]"


def progress(total: int, what: str, done: int = 0) -> Progress:
    """Return a progress bar at a terminal, nothing in a log."""
    from tqdm import tqdm

    return tqdm(total=total, initial=done, desc=what, leave=False, disable=None, dynamic_ncols=True)


def measuring(total: int) -> Progress:
    """Return a second progress bar, shown only where a measurement takes long."""
    from tqdm import tqdm

    return tqdm(total=total, desc="measuring", leave=False, disable=None, delay=1.0)


def advance(bar: Progress) -> None:
    """Move a progress bar by one."""
    bar.update()


def say(text: str = "") -> None:
    """Talk to the person: stderr, so that stdout holds results only."""
    print(render(text), file=sys.stderr, flush=True)


def positive(text: str) -> int:
    """Read a whole number above 0 from the arguments."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def not_negative(text: str) -> float:
    """Read a number from 0 up from the arguments."""
    number = float(text)
    if not 0 <= number < math.inf:
        raise ValueError
    return number


def size_text(n_bytes: float) -> str:
    """Write a number of bytes for a person.

    >>> size_text(1_500_000_000)
    '1.5 GB'
    """
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.0f} MB"


def positive_float(text: str) -> float:
    """Read a number above 0 from the arguments."""
    number = float(text)
    if not 0 < number < math.inf:
        raise ValueError
    return number


def width(text: str) -> int:
    """Columns a text takes in a terminal: Hangul and most emoji take two.

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
    """Align columns by their width on screen; the first row is the head."""
    widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = (
        "  ".join(
            cell + " " * (w - width(cell)) for cell, w in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    )
    return "\n".join(lines)


def colour(text: str, code: int) -> str:
    """Colour for a terminal that wants it, plain text for a file."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{code}m{text}\033[0m"


def duration(seconds: float | None) -> str:
    """Say a span of time briefly.

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
    known = list(values)
    step = max(1, -(-len(known) // columns))
    known = [
        sum(known[i : i + step]) / len(known[i : i + step]) for i in range(0, len(known), step)
    ]
    if not known:
        return ""
    low, high = min(known), max(known)
    blocks = "▁▂▃▄▅▆▇█"
    return "".join(blocks[round((v - low) / ((high - low) or 1) * 7)] for v in known)


def pass_gate(config: Config) -> None:
    """Ask for the password where one is needed."""
    require_access(config, _ask_password)


def open_bot(config: Config) -> "Bot":
    """Load the bot for whoever passes the gate.

    A published file is open where no password is set: whoever has it, and the key if it is
    encrypted, can use it by any program, so a password that they invent protects nothing.
    """
    if has_password(config) or not _is_published(config):
        pass_gate(config)
    if config.family == "pretrained":
        from chatbot.inference.tuned_loading import load_tuned_bot

        return load_tuned_bot(config, ask_model_key)
    from chatbot.inference.loading import load_bot

    return load_bot(config, ask_model_key)


def _is_published(config: Config) -> bool:
    """Whether what answers is a file that somebody published, and no run of this project."""
    if config.family == "pretrained":
        from chatbot.inference.tuned_loading import find_tuned

        return find_tuned(config).is_file()
    from chatbot.inference.loading import find_model

    return find_model(config) != RunFolder(config.run_dir).model


def recipients_for(names: Sequence[str], config: Config) -> list[Recipient]:
    """Return whom to encrypt for: the public keys that are named, else who knows the project's key.

    Where there is no key, a drawn passphrase is offered and kept in .env.
    """
    if names:
        return recipients_of(names)
    name, root = config.security.model_key_env, Path(config.root)
    key = read_secret(root, name)
    if key is None:
        key = _offer_passphrase(name)
        keep_secret(root, name, key)
        say(f"kept in {root / '.env'}; send it to whoever shall open the model, not by e-mail")
    return [recipient_of(key)]


def _offer_passphrase(name: str) -> str:
    """Return a drawn passphrase that the person at the terminal agrees to."""
    if not sys.stdin.isatty():
        raise AccessError(
            f"{name} is not set", hint="`chatbot keygen --passphrase` prints a line for .env"
        )
    phrase = new_passphrase()
    say(f"{name} is not set. A passphrase for it: {phrase}")
    if input("use it? [Y/n] ").strip().lower() not in ("", "y", "yes", "ㅛ", "네", "예"):
        raise AccessError("no key to encrypt with", hint=f"put your own into .env: {name}=...")
    return phrase


def ask_model_key() -> str | None:
    """Ask for the key of an encrypted model."""
    return _ask("key of the model: ")


def _ask_password() -> str | None:
    return _ask("password: ")


def _ask(prompt: str) -> str | None:
    """Ask for a secret, if somebody is there to answer."""
    return getpass.getpass(prompt) if sys.stdin.isatty() else None


def print_rows(rows: Sequence[tuple[str, str]]) -> None:
    """Print names and values, one pair a line."""
    for name, value in rows:
        print(f"{name:<11} {value}")
