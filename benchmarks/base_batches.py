"""Tokens a second of a pretrained base for many conversations: in one pass, and one by one.

`python benchmarks/base_batches.py FOLDER [--dtype bfloat16]`: FOLDER holds a base. Every
conversation has read 200 tokens; then each draws one token a step. Both ways take turns.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from chatbot.model.device import choose_device
from chatbot.model.interface import LanguageModel, Logits, Read
from chatbot.model.pretrained.hub import Base, load_base
from chatbot.model.pretrained.network import PretrainedNetwork, add_token_rows
from chatbot.model.pretrained.tokenizer import base_tokenizer
from chatbot.settings.schema import BaseModelConfig

N_READ, N_STEPS = 200, 8
Reader = Callable[[Sequence[Read]], Logits]


def open_base(folder: Path, dtype: torch.dtype) -> LanguageModel:
    """Open a base as it is, on the best device."""
    base = Base(BaseModelConfig(base_model=str(folder.resolve())), Path())
    tokenizer, _ = base_tokenizer(base, 2)
    model = load_base(base, choose_device("auto"), dtype, in_4bit=False)
    add_token_rows(model, tokenizer)
    return PretrainedNetwork(model, tokenizer, {}).language_model()


def seconds(read: Reader, model: LanguageModel, n_conversations: int) -> float:
    """Return the seconds that greedy tokens take, after a prompt that is not counted."""
    rng = np.random.default_rng(0)
    caches = [model.new_cache() for _ in range(n_conversations)]
    tokens = [rng.integers(0, 400, N_READ + 3 * i) for i in range(n_conversations)]
    logits = read([*zip(tokens, caches, strict=True)])
    begun = time.perf_counter()
    for _ in range(N_STEPS):
        tokens = [np.array([token]) for token in logits.argmax(1)]
        logits = read([*zip(tokens, caches, strict=True)])
    return time.perf_counter() - begun


def main() -> None:
    """Print one line for each number of conversations."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dtype", default="float32", choices=["float32", "float16", "bfloat16"])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    model = open_base(arguments.folder, getattr(torch, arguments.dtype))

    def one_by_one(reads: Sequence[Read]) -> Logits:
        return np.stack([model.next_logits(*read) for read in reads])

    for n in (1, 2, 4, 8, 16):
        both = [
            (seconds(model.next_logits_of, model, n), seconds(one_by_one, model, n))
            for _ in range(arguments.rounds)
        ]
        batched, alone = (n * N_STEPS / statistics.median(side) for side in zip(*both, strict=True))
        rates = f"{batched:6.1f} tok/s in one pass, {alone:6.1f} one by one"
        print(f"{n:2d} conversations: {rates}, {batched / alone:.2f}x")


if __name__ == "__main__":
    main()
