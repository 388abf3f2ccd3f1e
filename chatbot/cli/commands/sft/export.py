"""Write the fine-tuned base for others: an adapter, a merged Hugging Face folder, or GGUF."""

import argparse
from pathlib import Path

from chatbot.cli.commands._privacy import require_not_stale
from chatbot.cli.commands.export import add_target, hide_from_git, new_target
from chatbot.cli.keys import ask_model_key
from chatbot.cli.screen import say
from chatbot.errors import ConfigError
from chatbot.settings.schema import Config

_TORCH = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
_OFFERED = {"hf": ("fp32", "fp16", "bf16"), "gguf": ("fp32", "fp16", "q8_0"), "adapter": ()}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --merged, --to and the target."""
    parser.add_argument(
        "--merged", action="store_true", help="the base with the adapter worked in, one network"
    )
    parser.add_argument("--to", choices=("hf", "gguf"), default="hf", help="the format")
    add_target(parser)
    parser.add_argument(
        "--dtype",
        choices=("fp32", "fp16", "bf16", "q8_0"),
        help="of a whole network's weights (default: as the base stores them; fp32 for gguf)",
    )


def run(args: argparse.Namespace, config: Config) -> None:
    """Export what answers."""
    import torch

    from chatbot.inference.speakers import require_persona
    from chatbot.inference.tuned_loading import find_tuned, open_for_replies, read_what_answers
    from chatbot.model.pretrained.hub import Base
    from chatbot.publishing.tuned_export import export_adapter, export_merged, export_tuned_gguf

    if args.to == "gguf" and not args.merged:
        raise ConfigError("GGUF holds a whole network", hint="add --merged")
    if args.dtype is not None and args.dtype not in _OFFERED[args.to if args.merged else "adapter"]:
        raise ConfigError(
            f"--dtype {args.dtype} is not written here",
            hint="--merged takes fp32, fp16, bf16; with --to gguf fp32, fp16, q8_0",
        )
    target, path = new_target(args, config), find_tuned(config)
    require_not_stale(path)
    tuned = read_what_answers(path, config, ask_model_key)
    require_persona(tuned.about, config)
    if not args.merged:
        export_adapter(tuned, target)
        hide_from_git(target)
        n_rows = tuned.tokenizer.vocab_size
        resize = f" with resize_token_embeddings({n_rows})" if tuned.tokenizer.added_ids else ""
        say(f"written to {target}; PeftModel.from_pretrained opens it on the base{resize}")
        return
    base = Base(config.pretrained.base, Path(config.root))
    stored = torch.float32 if tuned.kind == "full" else base.stored_dtype()
    # GGUF is rounded from exact sums of base and adapter.
    dtype = (
        torch.float32 if args.to == "gguf" else getattr(torch, _TORCH.get(args.dtype, ""), stored)
    )
    network = open_for_replies(tuned, config, torch.device("cpu"), dtype)
    if args.to == "hf":
        export_merged(network, tuned.tokenizer, target, config.sampling)
        hide_from_git(target)
        say(f"written to {target}; AutoModelForCausalLM.from_pretrained opens it")
        if dtype is not torch.float32:
            number = str(dtype).removeprefix("torch.")
            say(f"its weights are {number}: a little of the adapter is rounded away; --dtype fp32")
    else:
        export_tuned_gguf(network, tuned.tokenizer, target, args.dtype or "fp32")
        say(f"written to {target}; llama.cpp opens it")
    say("it is not encrypted: whoever has it can use it")
