"""Keys and passwords: read from .env, asked for at the terminal, drawn where there is none."""

import argparse
import getpass
import os
import sys
from pathlib import Path

from chatbot.cli.screen import YES, display, say
from chatbot.crypto.age import Recipient
from chatbot.crypto.age_keys import Passphrase, new_passphrase, recipient_of, recipients_of
from chatbot.crypto.secrets import keep_secret, read_secret
from chatbot.crypto.strength import require_strong
from chatbot.errors import AccessError
from chatbot.serving.auth import has_password, require_access
from chatbot.settings.schema import Config


def add_recipient_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --to and --weak-key."""
    parser.add_argument(
        "--to",
        action="append",
        default=[],
        metavar="age1...",
        help="encrypt for this public key, instead of the passphrase; may be repeated",
    )
    add_weak_key_argument(parser)


def add_weak_key_argument(parser: argparse.ArgumentParser) -> None:
    """Add --weak-key."""
    parser.add_argument(
        "--weak-key", action="store_true", help="encrypt though the passphrase can be guessed"
    )


def recipients_for(args: argparse.Namespace, config: Config) -> list[Recipient]:
    """Return the recipients of an encrypted file: the named public keys, else the project's key.

    Where there is no key, a drawn passphrase is offered and kept in .env. Raises CryptoError for a
    passphrase that can be guessed, unless it is asked for.
    """
    if args.to:
        return recipients_of(args.to)
    name, root = config.security.model_key_env, Path(config.root)
    key = read_secret(root, name)
    if key is None:
        key = _offer_passphrase(name)
        keep_secret(root, name, key)
        say(f"kept in {root / '.env'}; send it to the person who may open the model, not by e-mail")
    recipient = recipient_of(key)
    if isinstance(recipient, Passphrase) and not args.weak_key:
        require_strong(key, name)
    return [recipient]


def _offer_passphrase(name: str) -> str:
    """Return a drawn passphrase that the person at the terminal agrees to."""
    if not sys.stdin.isatty():
        raise AccessError(
            f"{name} is not set", hint="`chatbot keygen --passphrase` prints a line for .env"
        )
    phrase = new_passphrase()
    say(f"{name} is not set. A passphrase for it: {phrase}")
    if input("use it? [Y/n] ").strip().lower() not in ("", *YES):
        raise AccessError("no key to encrypt with", hint=f"put your own into .env: {name}=...")
    return phrase


def require_owner(config: Config) -> None:
    """Ask for the project's password where one is set: what follows shows or gives away a chat."""
    if has_password(config):
        require_access(config, ask_password)


SEAL_VARIABLE = "CHATBOT_SEAL_PASSPHRASE"  # of the environment only: .env is sealed too


def ask_new_passphrase() -> str:
    """Ask twice for the passphrase of a sealed project, or draw one that is shown once."""
    if given := os.environ.get(SEAL_VARIABLE):
        return given
    phrase = _ask("passphrase (Enter: draw one): ")
    if phrase is None:
        raise AccessError(
            "a passphrase is needed and nobody is at the terminal",
            hint=f"set {SEAL_VARIABLE} for this command",
        )
    if not phrase:
        phrase = new_passphrase()
        say(f"write it down, it is shown once: {phrase}")
    if _ask("the same again: ") != phrase:
        raise AccessError("the passphrases differ", hint="try again: nothing was changed")
    return phrase


PAGE_VARIABLE = "CHATBOT_PAGE_PASSPHRASE"  # of the environment only


def passphrase_of_page() -> str:
    """Return the passphrase for a page in one file: the user's own, or a drawn one.

    Raises CryptoError for one that can be guessed: whoever has the file can try at leisure.
    """
    given = os.environ.get(PAGE_VARIABLE)
    if not given:
        return new_passphrase()
    require_strong(given, PAGE_VARIABLE, hint=f"leave {PAGE_VARIABLE} out: a strong one is drawn")
    return given


def show_passphrase(phrase: str) -> None:
    """Print the passphrase of a page once, unless the user knows it."""
    if os.environ.get(PAGE_VARIABLE):
        return
    display(phrase)
    say("this is its passphrase: shown once, stored nowhere")
    say("send the page and the passphrase by two different ways")


def ask_passphrase() -> str:
    """Ask for the passphrase of a sealed project."""
    phrase = os.environ.get(SEAL_VARIABLE) or _ask("passphrase: ")
    if not phrase:
        raise AccessError(
            "a passphrase is needed", hint=f"type it, or set {SEAL_VARIABLE} for this command"
        )
    return phrase


def ask_model_key() -> str | None:
    """Ask for the key of an encrypted model."""
    return _ask("key of the model: ")


def ask_password() -> str | None:
    return _ask("password: ")


def _ask(prompt: str) -> str | None:
    """Ask for a secret, if somebody is there to answer."""
    return getpass.getpass(prompt) if sys.stdin.isatty() else None
