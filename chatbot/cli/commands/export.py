"""Write the model in a format that others open: transformers, peft, llama.cpp or Ollama."""

import argparse
from pathlib import Path

from chatbot.cli.commands._privacy import check_privacy
from chatbot.cli.keys import ask_model_key, require_owner
from chatbot.cli.screen import say
from chatbot.errors import ConfigError
from chatbot.settings.schema import Config, Family

# The dtypes that are written, by format, and whether an adapter is worked into its base.
_DTYPES: dict[Family, dict[tuple[str, bool], tuple[str, ...]]] = {
    "gpt": {("hf", False): (), ("gguf", False): ("fp32", "fp16", "q8_0")},
    "pretrained": {
        ("hf", False): (),
        ("hf", True): ("fp32", "fp16", "bf16"),
        ("gguf", True): ("fp32", "fp16", "q8_0"),
    },
}


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
        "--merged", action="store_true", help="of an adapter: worked into its base, one network"
    )
    parser.add_argument(
        "--dtype",
        choices=("fp32", "fp16", "bf16", "q8_0"),
        help="of the weights (default: fp32)",
    )


def run(args: argparse.Namespace, config: Config) -> None:
    """Export the model that answers."""
    from chatbot.inference.loading import find_model, is_published, open_model
    from chatbot.publishing.gguf import export_gguf
    from chatbot.publishing.hf import export_adapter, export_hf
    from chatbot.publishing.policy import require_shareable

    require_owner(config)
    _require_offered(args, config.family)
    target, path = _new_target(args, config), find_model(config)
    bundle = open_model(path, config, ask_model_key)
    require_shareable(path, bundle.about, config)
    if config.publish.privacy.check == "refuse" and not is_published(path, config):
        check_privacy(bundle, config)
    if args.to == "gguf":
        use = export_gguf(bundle, target, config, args.dtype or "fp32")
    elif config.family == "pretrained" and not args.merged:
        use = export_adapter(bundle, target)
    else:
        use = export_hf(bundle, target, config, args.dtype or "fp32")
    say(f"written to {target}; {use}")
    say("it is not encrypted: whoever has it can use it")


def _require_offered(args: argparse.Namespace, family: Family) -> None:
    """Raise ConfigError for options that make no sense for the model, or for each other."""
    dtypes = _DTYPES[family].get((args.to, args.merged))
    if dtypes is None and args.merged:
        raise ConfigError(
            "--merged works an adapter into its base: this model is one network already",
            hint="leave --merged out",
        )
    if dtypes is None:
        raise ConfigError("GGUF holds a whole network", hint="add --merged")
    if args.dtype is not None and args.dtype not in dtypes:
        raise ConfigError(
            f"--dtype {args.dtype} is not written here",
            hint=f"{', '.join(dtypes)} are" if dtypes else "leave --dtype out",
        )


def _new_target(args: argparse.Namespace, config: Config) -> Path:
    """Return where an export goes; raises ConfigError rather than replace anything."""
    from chatbot.publishing.hf import require_new

    name = "hf" if args.to == "hf" else "model.gguf"
    target: Path = args.target or config.path(config.storage.artifacts_dir) / name
    require_new(target)
    return target
