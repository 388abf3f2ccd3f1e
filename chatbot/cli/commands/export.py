"""Write the model for other programs: transformers, peft, llama.cpp or Ollama."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from chatbot.cli.commands._privacy import check_privacy
from chatbot.cli.keys import ask_model_key, require_owner
from chatbot.cli.screen import say
from chatbot.errors import ConfigError
from chatbot.settings.schema import Config

if TYPE_CHECKING:
    from chatbot.publishing.export import Export


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --to, the target, --merged and --dtype."""
    parser.add_argument("--to", choices=("hf", "gguf"), default="hf", help="the format")
    parser.add_argument(
        "target",
        type=Path,
        nargs="?",
        help="a folder for hf, a file for gguf (default: artifacts/hf, artifacts/model.gguf)",
    )
    parser.add_argument(
        "--merged", action="store_true", help="of an adapter: merge it into its base"
    )
    parser.add_argument(
        "--dtype",
        choices=("fp32", "fp16", "bf16", "q8_0"),
        help="of the weights (default: fp32)",
    )


def run(args: argparse.Namespace, config: Config) -> None:
    """Export the model that `reply` would use."""
    from chatbot.inference.loading import find_model, is_published, open_model
    from chatbot.publishing.policy import require_shareable

    require_owner(config)
    _export_of(args, config.family)  # before asking for a key
    target, path = _new_target(args, config), find_model(config)
    bundle = open_model(path, config, ask_model_key)
    require_shareable(path, bundle.about, config)
    if config.publish.privacy.check == "refuse" and not is_published(path, config):
        check_privacy(bundle, config)
    export = _export_of(args, bundle.family)
    use = export.write(bundle, target, config, args.dtype or "fp32")
    say(f"written to {target}; {use}")
    say("it is not encrypted: whoever has it can use it")


def _export_of(args: argparse.Namespace, family: str) -> "Export":
    """Return the export of a model's family for the given options.

    Raises ConfigError for options that do not fit the model, or each other.
    """
    from chatbot.publishing.export import exports_of

    export = exports_of(family).get((args.to, args.merged))
    if export is None and args.merged:
        raise ConfigError(
            "--merged is for adapters: this model is a full network",
            hint="leave --merged out",
        )
    if export is None:
        raise ConfigError("GGUF contains a full network", hint="add --merged")
    if args.dtype is not None and args.dtype not in export.dtypes:
        raise ConfigError(
            f"--dtype {args.dtype} is not supported",
            hint=f"{', '.join(export.dtypes)} are" if export.dtypes else "leave --dtype out",
        )
    return export


def _new_target(args: argparse.Namespace, config: Config) -> Path:
    """Return the path of an export; raises ConfigError if it already exists."""
    from chatbot.publishing.export import require_new

    name = "hf" if args.to == "hf" else "model.gguf"
    target: Path = args.target or config.path(config.storage.artifacts_dir) / name
    require_new(target)
    return target
