"""Write the run's best model to artifacts/ as one file, encrypted or not, with model_info.json."""

import argparse

from chatbot.cli.commands._privacy import require_private
from chatbot.cli.keys import recipients_for
from chatbot.cli.screen import print_rows, say
from chatbot.errors import ConfigError
from chatbot.settings.schema import Config
from chatbot.training.folder import RunFolder, published_mark


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --encrypt and --to."""
    parser.add_argument("--encrypt", action="store_true", help="as a standard age file")
    parser.add_argument(
        "--to",
        action="append",
        default=[],
        metavar="age1...",
        help="with --encrypt: for this public key, instead of the passphrase; may be repeated",
    )


def require_encrypt(args: argparse.Namespace) -> None:
    """Raise ConfigError where somebody is named and nothing shall be encrypted."""
    if args.to and not args.encrypt:
        raise ConfigError("--to names who may open it", hint="add --encrypt")


def run(args: argparse.Namespace, config: Config) -> None:
    """Publish the best checkpoint of the run."""
    from chatbot.inference.loading import published_path, sealed_path
    from chatbot.publishing.artifact import publish, publish_sealed

    require_encrypt(args)
    require_private(config)
    source, plain, dtype = (
        RunFolder(config.run_dir).model,
        published_path(config),
        config.publish.dtype,
    )
    if args.encrypt:
        keys = recipients_for(args.to, config)
        published = publish_sealed(source, sealed_path(config), config.run_name, dtype, keys)
    else:
        published = publish(source, plain, config.run_name, dtype)
    published_mark(plain).unlink(missing_ok=True)  # what stands there is new now
    print_rows([(name, str(value)) for name, value in published.info.items()])
    if not args.encrypt:
        say(f"written to {plain}; it is not encrypted: whoever has the file can use it")
        return
    say(f"written to {published.path}; whoever has the key opens it, with `age -d` too")
    if plain.exists():
        say(f"{plain} of before is still there, not encrypted")
