"""What stays in a conversation, measured: `python benchmarks/holes.py ROOT ANOTHER_ROOT ...`.

Every project has the same room and a trained run `main`, made by another version or with other
settings. All models are measured on the held-out replies of the *first* project, each through its
own tokenizer, in bits per byte with a bootstrap interval over rows.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from compare import bits_per_byte, held_out, measure

from chatbot.corpus.pipeline import build_corpus
from chatbot.corpus.store import open_corpus
from chatbot.model.bundle import read_bundle
from chatbot.model.gpt.file import shape_of
from chatbot.model.gpt.network import load_gpt
from chatbot.settings.load import load_config


def main() -> None:
    """Write the first room's sessions in each model's tokens and measure the model on them."""
    roots = [Path(name) for name in sys.argv[1:]]
    for root in roots:
        bundle = read_bundle(root / "checkpoints/main/model.safetensors")
        with tempfile.TemporaryDirectory() as folder:
            config = load_config(roots[0], (f"processed.dir={folder}/tokens",))
            tokenizer = bundle.tokenizer
            build_corpus(config, tokenizer)
            corpus = open_corpus(config.processed_dir)
            network = load_gpt(shape_of(bundle), bundle.weights)
            rows = measure(network, held_out(corpus), tokenizer.token_sizes)
        rng = np.random.default_rng(0)
        draws = [bits_per_byte(rows[rng.integers(0, len(rows), len(rows))]) for _ in range(1000)]
        low, high = np.percentile(draws, [2.5, 97.5])
        print(f"{root}: {bits_per_byte(rows):.4f} bits per byte ({low:.4f}-{high:.4f}), "
              f"{len(rows):,} rows, vocabulary {tokenizer.vocab_size:,}")  # fmt: skip


if __name__ == "__main__":
    main()
