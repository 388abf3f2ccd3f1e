"""Write a folder for a host: a page that needs no server, or a container with the server."""

import argparse
from pathlib import Path

from chatbot.cli.commands._privacy import open_shareable
from chatbot.cli.keys import passphrase_of_page, require_owner, show_passphrase
from chatbot.cli.screen import say
from chatbot.errors import ConfigError
from chatbot.settings.schema import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --kind, --to and --unencrypted."""
    parser.add_argument(
        "--kind", choices=tuple(_KINDS), default="static", help="what the host offers"
    )
    parser.add_argument("--to", type=Path, help="a new folder (default: artifacts/KIND)")
    parser.add_argument(
        "--unencrypted", action="store_true", help="of docker: take a model that is not encrypted"
    )


def run(args: argparse.Namespace, config: Config) -> None:
    """Write the folder."""
    from chatbot.publishing.export import require_new
    from chatbot.publishing.policy import require_no_desk

    if args.unencrypted and args.kind != "docker":
        raise ConfigError(
            "--unencrypted is for docker: everybody can download a page",
            hint="add --kind docker, or leave --unencrypted out",
        )
    require_owner(config)
    require_no_desk(config)
    folder = args.to or config.path(config.storage.artifacts_dir) / args.kind
    require_new(folder)
    _KINDS[args.kind](folder, args, config)


def _deploy_site(folder: Path, args: argparse.Namespace, config: Config) -> None:
    """Write the page of the model that `reply` would use."""
    del args
    from chatbot.inference.loading import find_model
    from chatbot.publishing.deployment import page_export, write_site
    from chatbot.publishing.export import ExportOptions

    phrase = passphrase_of_page()
    bundle = open_shareable(find_model(config), config)
    export = page_export(bundle.family)
    options = ExportOptions(export.default, phrase)
    write_site(lambda path: export.write(bundle, path, config, options), folder)
    say(f"written to {folder}: the files of a static Hugging Face Space, or of GitHub Pages")
    say("everybody who knows the address can download the page; only the passphrase opens it")
    show_passphrase(phrase)


def _deploy_container(folder: Path, args: argparse.Namespace, config: Config) -> None:
    """Write a container around the published model; opening it shows that its key fits."""
    from chatbot.inference.speakers import choose_speaker
    from chatbot.publishing.deployment import model_for_container, write_container

    model = model_for_container(config, is_encrypted=not args.unencrypted)
    bundle = open_shareable(model, config)
    speaker = choose_speaker(bundle.about, bundle.tokenizer.n_speakers, config)
    write_container(model, speaker, folder, config)
    say(f"written to {folder}; its README.md says how to start it")
    if args.unencrypted:
        say("warning: the model in it is not encrypted: whoever has the image can use it")
    else:
        say("the model in it stays encrypted; its key and your password's hash go into .env there")


_KINDS = {"static": _deploy_site, "docker": _deploy_container}
