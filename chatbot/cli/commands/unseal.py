"""Decrypt a sealed project: everything comes back where it was."""

import argparse

from chatbot.cli.keys import ask_passphrase
from chatbot.cli.screen import progress, say
from chatbot.crypto.age_keys import Passphrase
from chatbot.privacy.vault import sealed_path, unseal
from chatbot.settings.schema import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take nothing but the settings."""


def run(args: argparse.Namespace, config: Config) -> None:
    """Put every file back, and delete the sealed one."""
    del args
    path = sealed_path(config)
    n_bytes = path.stat().st_size if path.is_file() else 0
    key = Passphrase(ask_passphrase())
    with progress(n_bytes, "unsealing") as bar:
        n_files = unseal(config, key, bar.update)
    say(f"{n_files:,} files are back")
