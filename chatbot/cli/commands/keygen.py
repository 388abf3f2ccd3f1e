"""Print a new key: a pair for `publish --encrypt --to`, or with --passphrase words for .env."""

import argparse

from chatbot.cli.screen import display, say
from chatbot.crypto.age_keys import new_hybrid_identity, new_identity, new_passphrase
from chatbot.settings.schema import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --passphrase and --post-quantum."""
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--passphrase", action="store_true", help="words instead of a key pair")
    kind.add_argument(
        "--post-quantum",
        action="store_true",
        help="a pair that resists quantum computers (age 1.3 and later)",
    )


def run(args: argparse.Namespace, config: Config) -> None:
    """Draw a key, print the line for .env, and the public key."""
    name = config.security.model_key_env
    if args.passphrase:
        display(f"{name}={new_passphrase()}")
        say("put this line into .env; send the words to whoever shall open the model")
        return
    identity = new_hybrid_identity() if args.post_quantum else new_identity()
    display(f"{name}={identity.secret_text()}")
    say(f"put this line into .env and keep it secret; tell others: {identity.recipient}")
