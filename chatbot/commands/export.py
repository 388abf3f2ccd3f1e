"""Write the model in a format that others open: Hugging Face, or GGUF with a Modelfile."""

import argparse
from pathlib import Path

from chatbot.commands._privacy import require_not_stale
from chatbot.commands._terminal import ask_model_key, say
from chatbot.settings import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --to and the target."""
    parser.add_argument("--to", choices=("hf", "gguf"), required=True, help="the format")
    parser.add_argument("target", type=Path, help="a folder for hf, a file for gguf")


def run(args: argparse.Namespace, config: Config) -> None:
    """Export the model that answers."""
    from chatbot.inference.loading import find_model, open_model
    from chatbot.inference.speakers import require_persona
    from chatbot.publishing.export import export_gguf, export_hf

    path = find_model(config)
    require_not_stale(path)
    model = open_model(path, config, ask_model_key)
    require_persona(model.about, config)
    if args.to == "hf":
        export_hf(model, args.target, config.sampling)
        say(f"written to {args.target}; AutoModelForCausalLM.from_pretrained opens it")
    else:
        modelfile = export_gguf(model, args.target, config.sampling)
        say(f"written to {args.target}; for Ollama: ollama create mine -f {modelfile}")
    say("it is not encrypted: whoever has it can use it")
