"""Write the run's best model to artifacts/ as one file, encrypted or not, with model_info.json."""

import argparse

import msgspec

from chatbot.cli.commands._privacy import check_privacy
from chatbot.cli.keys import add_recipient_arguments, recipients_for, require_owner
from chatbot.cli.screen import print_rows, say
from chatbot.errors import ConfigError
from chatbot.settings.schema import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --encrypt, --to and --weak-key."""
    parser.add_argument("--encrypt", action="store_true", help="as a standard age file")
    add_recipient_arguments(parser)


def run(args: argparse.Namespace, config: Config) -> None:
    """Publish the best model of the run."""
    from chatbot.inference.loading import (
        encrypted_path,
        open_model,
        published_path,
        run_model_path,
    )
    from chatbot.publishing.artifact import publish
    from chatbot.publishing.policy import require_shareable

    if args.to and not args.encrypt:
        raise ConfigError("--to needs --encrypt", hint="add --encrypt")
    require_owner(config)
    source, plain = run_model_path(config), published_path(config)
    bundle = open_model(source, config)
    require_shareable(source, bundle.about, config)
    keys = recipients_for(args, config) if args.encrypt else []  # before minutes of measuring
    check_privacy(bundle, config)
    target = encrypted_path(config) if args.encrypt else plain
    info = publish(bundle, target, config.publish.dtype, keys)
    print_rows([(name, str(value)) for name, value in msgspec.to_builtins(info).items()])
    if bundle.kind == "adapter":
        say(f"whoever gets it needs the base {bundle.about.base_model} too")
    if not args.encrypt:
        say(f"written to {plain}; it is not encrypted: whoever has the file can use it")
        return
    say(f"written to {target}; whoever has the key opens it, with `age -d` too")
    if plain.exists():
        say(f"the earlier {plain} is still there, not encrypted")
