"""Write the run's best model to artifacts/ as one file, with model_info.json."""

import argparse

from chatbot.commands._terminal import print_rows, say
from chatbot.settings import Config
from chatbot.training.folder import RunFolder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing to add."""


def run(args: argparse.Namespace, config: Config) -> None:
    """Publish the best checkpoint of the run."""
    del args
    from chatbot.inference.loading import published_path
    from chatbot.publishing.artifact import publish

    source, target = RunFolder(config.run_dir).model, published_path(config)
    published = publish(source, target, config.run_name, config.publish.dtype)
    print_rows([(name, str(value)) for name, value in published.info.items()])
    say(f"written to {published.path}; it is not encrypted: whoever has the file can use it")
