"""Write the run's best adapter to artifacts/ as one file, encrypted or not."""

import argparse

from chatbot.cli.commands._privacy import require_private
from chatbot.cli.commands.publish import add_arguments as add_publish_arguments
from chatbot.cli.commands.publish import require_encrypt
from chatbot.cli.keys import recipients_for
from chatbot.cli.screen import print_rows, say
from chatbot.settings.schema import Config
from chatbot.training.families import run_folder
from chatbot.training.folder import published_mark


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --encrypt and --to."""
    add_publish_arguments(parser)


def run(args: argparse.Namespace, config: Config) -> None:
    """Publish the best adapter of the run."""
    from chatbot.inference.tuned_loading import published_adapter, sealed_adapter
    from chatbot.model.pretrained.file import read_tuned
    from chatbot.publishing.artifact import publish_tuned

    require_encrypt(args)
    require_private(config)
    tuned = read_tuned(run_folder(config).best.parent)
    keys = recipients_for(args.to, config) if args.encrypt else []
    target = sealed_adapter(config) if args.encrypt else published_adapter(config)
    published = publish_tuned(tuned, target, config.publish.dtype, keys)
    published_mark(target).unlink(missing_ok=True)  # what stands there is new now
    print_rows([(name, str(value)) for name, value in published.info.items()])
    base = f"; it needs the base {tuned.about['base_model']}" if tuned.kind == "adapter" else ""
    if args.encrypt:
        say(f"written to {target}; whoever has the key opens it{base}")
    else:
        say(f"written to {target}; not encrypted: whoever has the file can use it{base}")
