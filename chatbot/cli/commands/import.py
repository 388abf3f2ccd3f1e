"""Take a folder that `export --to hf` wrote as the published model."""

import argparse
from pathlib import Path

from chatbot.cli.screen import TERMINAL, say
from chatbot.errors import CheckpointError
from chatbot.settings.schema import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folder."""
    parser.add_argument("folder", type=Path, help="a folder with config.json")


def run(args: argparse.Namespace, config: Config) -> None:
    """Write artifacts/model_latest.safetensors; refuse to replace another model."""
    from chatbot.inference.loading import published_path
    from chatbot.model.bundle import write_bundle
    from chatbot.privacy.forgetting import may_hold_forgotten
    from chatbot.publishing.gpt import import_hf

    bundle, target = import_hf(args.folder), published_path(config)
    if target.exists():
        raise CheckpointError(f"{target} already exists", hint="move it, or `chatbot archive`")
    write_bundle(target, bundle, config.publish.dtype)
    if may_hold_forgotten(bundle.about.data_fingerprint, config):
        TERMINAL.warn(
            "messages were forgotten here, and this model is of other data than what is left: if "
            "it was exported before that, it may say them again; `chatbot train` makes a new one"
        )
    say(f"written to {target}; it answers when the run {config.run_name} has no model")
