"""Write the model in a format that others open: Hugging Face, or GGUF with a Modelfile."""

import argparse
from pathlib import Path

from chatbot.cli.commands._privacy import require_not_stale
from chatbot.cli.keys import ask_model_key
from chatbot.cli.screen import say
from chatbot.errors import ConfigError
from chatbot.settings.schema import Config
from chatbot.storage.files import write_bytes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --to and the target."""
    parser.add_argument("--to", choices=("hf", "gguf"), required=True, help="the format")
    add_target(parser)


def add_target(parser: argparse.ArgumentParser) -> None:
    """Add where an export goes."""
    parser.add_argument(
        "target",
        type=Path,
        nargs="?",
        help="a folder for hf, a file for gguf (default: artifacts/hf, artifacts/model.gguf)",
    )


def new_target(args: argparse.Namespace, config: Config) -> Path:
    """Return where an export goes; raises ConfigError rather than replace anything."""
    name = "hf" if args.to == "hf" else "model.gguf"
    target: Path = args.target or config.path(config.storage.artifacts_dir) / name
    if target.is_dir() and not any(target.iterdir()):
        return target
    if target.exists():
        raise ConfigError(f"{target} already exists", hint="name another, or move it away")
    return target


def hide_from_git(folder: Path) -> None:
    """Let git pass an export by, wherever it is: weights hold what people said."""
    write_bytes(folder / ".gitignore", b"*\n")


def run(args: argparse.Namespace, config: Config) -> None:
    """Export the model that answers."""
    from chatbot.inference.loading import find_model, open_model
    from chatbot.inference.speakers import require_persona
    from chatbot.publishing.export import export_gguf, export_hf

    target, path = new_target(args, config), find_model(config)
    require_not_stale(path)
    model = open_model(path, config, ask_model_key)
    require_persona(model.about, config)
    if args.to == "hf":
        export_hf(model, target, config.sampling)
        hide_from_git(target)
        say(f"written to {target}; AutoModelForCausalLM.from_pretrained opens it")
    else:
        modelfile = export_gguf(model, target, config.sampling)
        say(f"written to {target}; for Ollama: ollama create mine -f {modelfile}")
    say("it is not encrypted: whoever has it can use it")
