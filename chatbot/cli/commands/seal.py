"""Encrypt everything private of the project into one file, until `unseal`."""

import argparse

from chatbot.cli.keys import add_weak_key_argument, ask_new_passphrase
from chatbot.cli.screen import progress, say
from chatbot.crypto.age_keys import Passphrase
from chatbot.crypto.strength import require_strong
from chatbot.privacy.vault import private_files, seal
from chatbot.settings.schema import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --weak-key."""
    add_weak_key_argument(parser)


def run(args: argparse.Namespace, config: Config) -> None:
    """Seal data/, checkpoints/, artifacts/ and .env; an encrypted model stays usable."""
    phrase = ask_new_passphrase()
    if not args.weak_key:
        require_strong(phrase)
    key = Passphrase(phrase)
    n_bytes = sum(path.stat().st_size for path in private_files(config))
    with progress(2 * n_bytes, "sealing") as bar:
        target = seal(config, key, bar.update)
    say(f"sealed in {target}: `chatbot unseal` brings everything back by the passphrase")
    say("nobody can open it without the passphrase, and neither can you")
