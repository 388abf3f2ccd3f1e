"""A base -> the memory of fine-tuning it, by part, and the settings that fit a GPU."""

from collections.abc import Iterator
from pathlib import Path

import torch
from msgspec.structs import replace

from chatbot.cli.screen import display, print_rows, say, size_text, table
from chatbot.corpus.hf_tokenizer import BaseTokenizer, open_tokenizer
from chatbot.model.pretrained.hub import Base
from chatbot.model.pretrained.tokenizer import base_tokenizer
from chatbot.settings.schema import BaseModelConfig, Config
from chatbot.training.memory import TuningNeed
from chatbot.training.pretrained import Machine, choose_machine, count_need, with_numbers

OPTION = "card"  # option of `plan`, which becomes the argument of `show`
_DESKTOP = 0.5e9  # GPU memory that a display uses


def show(config: Config, card_gb: float = 8.0) -> None:
    """Print the plan for this machine, and for a GPU of `card_gb` GB."""
    machine = choose_machine(config)
    base = Base(config.pretrained.base, Path(config.root))
    config = with_numbers(config, base, machine.device)
    tokenizer = _tokenizer(base, config)
    need = count_need(config, base, tokenizer, machine, None)
    print_rows(
        [
            ("base", f"{base.name}, {need.n_params / 1e6:,.1f} M parameters"),
            ("trained", f"{need.n_trained / 1e6:,.2f} M parameters"),
            ("process", f"{size_text(need.around.process)} without a weight"),
            ("weights", size_text(need.weights)),
            ("adapter", size_text(need.adapter)),
            ("optimizer", f"{size_text(need.optimizer)} with gradients and the average"),
            ("activations", f"{size_text(need.activations)}, {_batch(config)}"),
            ("logits", size_text(need.logits)),
            ("all", f"{size_text(need.total)} on {machine.device}"),
        ]
    )
    say(f"on a card of {card_gb:g} GB, {_batch(config)} or fewer at once:")
    display(table([["settings", "bytes", "fits"], *_rows(card_gb, config, base, tokenizer)]))


def _batch(config: Config) -> str:
    rows, length = config.optimization.batch_size, config.model.block_size
    return f"{rows} rows of {length} tokens"


def _tokenizer(base: Base, config: Config) -> BaseTokenizer:
    """Return the tokenizer of the data; without data, that for a room of two."""
    if (config.processed_dir / "tokenizer.json").exists():
        tokenizer = open_tokenizer(config.processed_dir)
        if isinstance(tokenizer, BaseTokenizer):
            return tokenizer
    return base_tokenizer(base, 2)[0]


def _rows(
    card_gb: float, config: Config, base: Base, tokenizer: BaseTokenizer
) -> Iterator[list[str]]:
    free = int(card_gb * 1e9 - _DESKTOP)
    for name, need in _choices(config, base, tokenizer, free):
        is_fitting = need.total <= free
        how = f"yes, {need.tokens_at_once:,} tokens at once" if is_fitting else "no"
        twice = ", layers computed twice" if need.is_checkpointed else ""
        yield [name, size_text(need.total), how + (twice if is_fitting else "")]


def _choices(
    config: Config, base: Base, tokenizer: BaseTokenizer, free: int
) -> Iterator[tuple[str, TuningNeed]]:
    """Yield the memory of each kind of tuning on a CUDA GPU, from the largest to the smallest."""
    settings = config.pretrained.base
    lora = replace(settings, tuning="lora", load_in_4bit=False, gradient_checkpointing="auto")
    ways = {
        "model.tuning: full": replace(lora, tuning="full"),
        "model.tuning: lora": lora,
        "model.load_in_4bit: true": replace(lora, load_in_4bit=True),
    }
    for name, way in ways.items():
        machine = _cuda(way)
        yield name, count_need(_with(config, way), base, tokenizer, machine, free)


def _with(config: Config, way: BaseModelConfig) -> Config:
    return replace(config, pretrained=replace(config.pretrained, base=way))


def _cuda(way: BaseModelConfig) -> Machine:
    return Machine(torch.device("cuda"), torch.bfloat16, way.load_in_4bit)
