"""Decrypt a model: only needed by other programs; every command here opens it as it is."""

import argparse
from pathlib import Path

from chatbot.cli.keys import ask_model_key
from chatbot.cli.screen import say
from chatbot.crypto.age import decrypt_file
from chatbot.errors import CheckpointError
from chatbot.settings.schema import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files."""
    parser.add_argument("source", type=Path, nargs="?", help="default: the published model")
    parser.add_argument("--output", type=Path, help="default: the same name with .safetensors")


def run(args: argparse.Namespace, config: Config) -> None:
    """Decrypt a file; nothing is written unless its last byte is right."""
    from chatbot.inference.loading import encrypted_path, model_identity
    from chatbot.publishing.policy import require_not_stale

    source = args.source or encrypted_path(config)
    target = args.output or source.with_suffix(".safetensors")
    if not source.is_file():
        raise CheckpointError(f"no model at {source}", hint="name the file you were given")
    require_not_stale(source)
    if target.exists():
        raise CheckpointError(f"{target} already exists", hint="name another with --output")
    decrypt_file(source, target, [model_identity(config, ask_model_key)])
    say(f"written to {target}; it is not encrypted: whoever has the file can use it")
