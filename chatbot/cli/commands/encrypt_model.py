"""Encrypt the published model, or any file, as a standard age file."""

import argparse
from pathlib import Path

from chatbot.cli.keys import add_recipient_arguments, recipients_for
from chatbot.cli.screen import say
from chatbot.crypto.age import encrypt_file
from chatbot.errors import CheckpointError
from chatbot.settings.schema import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files, --to and --weak-key."""
    parser.add_argument("source", type=Path, nargs="?", help="default: the published model")
    parser.add_argument("--output", type=Path, help="default: the same name with .enc")
    add_recipient_arguments(parser)


def run(args: argparse.Namespace, config: Config) -> None:
    """Encrypt a file; the plain one stays."""
    from chatbot.inference.loading import ENCRYPTED, published_path
    from chatbot.publishing.policy import require_shareable_file

    source = args.source or published_path(config)
    target = args.output or source.with_suffix(ENCRYPTED)
    if not source.is_file():
        raise CheckpointError(f"no model at {source}", hint="`chatbot publish --encrypt` makes one")
    require_shareable_file(source, config)
    if target.exists():
        raise CheckpointError(f"{target} already exists", hint="name another with --output")
    encrypt_file(source, target, recipients_for(args, config))
    say(f"written to {target}; {source} is still there, not encrypted")
