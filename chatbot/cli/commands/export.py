"""Write the model for other programs (transformers, llama.cpp, ...), or as a page in a file."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from chatbot.cli.commands._privacy import open_shareable
from chatbot.cli.keys import passphrase_of_page, require_owner, show_passphrase
from chatbot.cli.screen import say
from chatbot.errors import ConfigError
from chatbot.settings.schema import Config

if TYPE_CHECKING:
    from chatbot.publishing.export import Export

_NAMES = {"hf": "hf", "gguf": "model.gguf", "page": "page.html"}  # in artifacts/


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --to, the target, --merged and --dtype."""
    parser.add_argument("--to", choices=tuple(_NAMES), default="hf", help="the format")
    parser.add_argument(
        "target",
        type=Path,
        nargs="?",
        help="a folder for hf, else a file (default: in artifacts/, hf, model.gguf or page.html)",
    )
    parser.add_argument(
        "--merged", action="store_true", help="of an adapter: merge it into its base"
    )
    parser.add_argument(
        "--dtype",
        choices=("fp32", "fp16", "bf16", "q8_0", "int8"),
        help="of the weights (default: fp32; int8 in a page)",
    )


def run(args: argparse.Namespace, config: Config) -> None:
    """Export the model that `reply` would use."""
    from chatbot.inference.loading import find_model
    from chatbot.publishing.export import ExportOptions
    from chatbot.publishing.policy import require_no_desk

    require_owner(config)
    export = _export_of(args, config.family)  # before asking for a key
    if export.is_encrypted:
        require_no_desk(config)
    phrase = passphrase_of_page() if export.is_encrypted else ""
    target = _new_target(args, config)
    bundle = open_shareable(find_model(config), config)
    export = _export_of(args, bundle.family)
    options = ExportOptions(args.dtype or export.default, phrase)
    use = export.write(bundle, target, config, options)
    say(f"written to {target}; {use}")
    if export.is_encrypted:
        show_passphrase(phrase)
    else:
        say("it is not encrypted: whoever has it can use it")


def _export_of(args: argparse.Namespace, family: str) -> "Export":
    """Return the export of a model's family for the given options.

    Raises ConfigError for options that do not fit the model, or each other.
    """
    from chatbot.publishing.export import Export, Refusal, exports_of

    export = exports_of(family).get((args.to, args.merged))
    if export is None and args.merged:
        raise ConfigError(
            "--merged is for adapters: this model is a full network",
            hint="leave --merged out",
        )
    if not isinstance(export, Export):
        refusal = export or Refusal(f"--to {args.to} is not supported", "choose another format")
        raise ConfigError(refusal.message, hint=refusal.hint)
    if args.dtype is not None and args.dtype not in export.dtypes:
        raise ConfigError(
            f"--dtype {args.dtype} is not supported",
            hint=f"{', '.join(export.dtypes)} are" if export.dtypes else "leave --dtype out",
        )
    return export


def _new_target(args: argparse.Namespace, config: Config) -> Path:
    """Return the path of an export; raises ConfigError if it already exists."""
    from chatbot.publishing.export import require_new

    target: Path = args.target or config.path(config.storage.artifacts_dir) / _NAMES[args.to]
    require_new(target)
    return target
