"""Write the config files, with comments, and the first folders; replaces nothing."""

import argparse

from chatbot.cli.project import write_configs
from chatbot.cli.screen import say
from chatbot.settings.schema import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing to add."""


def run(args: argparse.Namespace, config: Config) -> None:
    """Write the config files and the inbox."""
    for path in write_configs(config.path(".")):
        say(f"written: {path}")
    for name in (config.raw.inbox_dir, config.storage.artifacts_dir):
        config.path(name).mkdir(parents=True, exist_ok=True)
    say(f"exports go into {config.path(config.raw.inbox_dir)}; then `chatbot organize`")
