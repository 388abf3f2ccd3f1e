"""Write a folder for a host: a container with the server."""

import argparse
from pathlib import Path

from chatbot.cli.keys import ask_model_key, require_owner
from chatbot.cli.screen import say
from chatbot.settings.schema import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --kind, --to and --unencrypted."""
    parser.add_argument("--kind", choices=("docker",), default="docker", help="what hosts it")
    parser.add_argument("--to", type=Path, help="a new folder (default: artifacts/KIND)")
    parser.add_argument(
        "--unencrypted", action="store_true", help="of docker: take a model that is not encrypted"
    )


def run(args: argparse.Namespace, config: Config) -> None:
    """Write the folder."""
    from chatbot.publishing.export import require_new

    require_owner(config)
    folder = args.to or config.path(config.storage.artifacts_dir) / args.kind
    require_new(folder)
    _deploy_container(folder, args, config)


def _deploy_container(folder: Path, args: argparse.Namespace, config: Config) -> None:
    from chatbot.inference.loading import open_model
    from chatbot.inference.speakers import choose_speaker
    from chatbot.publishing.deployment import model_for_container, write_container
    from chatbot.publishing.policy import require_shareable

    model = model_for_container(config, is_encrypted=not args.unencrypted)
    bundle = open_model(model, config, ask_model_key)  # its key fits, before anybody relies on it
    require_shareable(model, bundle.about, config)
    speaker = choose_speaker(bundle.about, bundle.tokenizer.n_speakers, config)
    write_container(model, speaker, folder, config)
    say(f"written to {folder}; its README.md says how to start it")
    if args.unencrypted:
        say("warning: the model in it is not encrypted: whoever has the image can use it")
    else:
        say("the model in it stays encrypted; its key and your password's hash go into .env there")
