"""Training speed: tokens a second beside the GPT-2 recipe, and the share of this machine's sgemm.

`python benchmarks/training.py`: one process, alternating blocks of steps, medians of the blocks.
Counted FLOPs are the model's own: products of the layers, the head where tokens are trained,
and attention's causal half; not those of the optimizer.
"""

import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gpt2_recipe import GPT2, GPT2Config, random_crops, train_gpt2

from chatbot.cli.invented_room import invent_room, write_android_export
from chatbot.cli.main import main as run_command
from chatbot.corpus.store import Corpus, open_corpus
from chatbot.model.gpt.config import GPTConfig
from chatbot.settings.load import load_config
from chatbot.training.batches import Batch
from chatbot.training.folder import RunFolder
from chatbot.training.loop import train_steps
from chatbot.training.prepare import prepare

REPOSITORY = Path(__file__).resolve().parent.parent
N_BLOCKS, N_STEPS = 7, 4


@dataclass
class Arm:
    """A recipe in a number format: its steps, and the rates of its blocks."""

    name: str
    steps: Iterator[Any]
    flops_a_token: float
    rates: list[float] = field(default_factory=list)


def main() -> None:
    """Make a corpus, then time the arms."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copytree(REPOSITORY / "configs", root / "configs")
        inbox = root / "data/raw/inbox"
        inbox.mkdir(parents=True)
        export = write_android_export(invent_room(1500, seed=1))
        (inbox / "KakaoTalkChats.txt").write_bytes(export)
        assert run_command(["organize", "--root", folder]) == 0
        assert run_command(["preprocess", "--root", folder]) == 0
        compare(root)


def our_arm(root: Path, corpus: Corpus, dtype: str) -> Arm:
    """Our recipe, as `chatbot train` runs it."""
    config = load_config(
        root,
        (
            f"runtime.dtype={dtype}",
            "model.size=nano",
            "runtime.device=cpu",
            "optimization.max_steps=10000",
        ),
    )
    made = prepare(config, corpus, RunFolder(root / dtype), None)
    print(f"ours {dtype}: {made.sentences[1]}")
    source = made.sources[0]
    batches = [source.batch(0, index) for index in range(source.n_batches(0))]
    steps = train_steps(made.state, source, made.plan.optimization, made.compute)
    return Arm(f"ours {dtype}", steps, flops_a_token(made.state.model.config, batches))


def gpt2_arm(corpus: Corpus, dtype: torch.dtype, name: str) -> Arm:
    """The GPT-2 recipe at the same width, depth and context."""
    shape = GPT2Config(corpus.stats.vocab_size, batch_rows=8)
    crops = random_crops(corpus.train, np.array([0, 1, 0], dtype=np.float32), shape, 0)
    return Arm(name, train_gpt2(GPT2(shape), crops, dtype), 0.0)


def flops_a_token(shape: GPTConfig, batches: list[Batch]) -> float:
    """Forward and backward FLOPs of a position, the mean over an epoch."""
    body = shape.n_params - shape.vocab_size * shape.n_embd
    total = 0.0
    for batch in batches:
        rows, width = batch.inputs.shape
        total += 6 * body * batch.n_tokens
        total += 6 * shape.vocab_size * shape.n_embd * np.count_nonzero(batch.weights)
        # q k and p v, forward and twice backward, half of them masked
        total += 6 * shape.n_layer * shape.n_embd * rows * width * width
    return total / sum(batch.n_tokens for batch in batches)


def sgemm_rate() -> float:
    """FLOPs a second of a product of 1024 x 1024 in fp32, the median of many."""
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    times = []
    for _ in range(20):
        began = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - began)
    return 2 * 1024**3 / statistics.median(times)


def compare(root: Path) -> None:
    """Run blocks of steps of all arms in turn and print medians and ratios."""
    corpus = open_corpus(root / "data/processed")
    arms = [our_arm(root, corpus, dtype) for dtype in ("float32", "auto")]
    arms += [
        gpt2_arm(corpus, torch.float32, "GPT-2 recipe float32"),
        gpt2_arm(corpus, torch.bfloat16, "GPT-2 recipe bfloat16"),
    ]
    sgemm = []
    for block in range(N_BLOCKS + 1):
        sgemm.append(sgemm_rate())
        for arm in arms:
            began = time.perf_counter()
            n_tokens = sum(_n_tokens(next(arm.steps)) for _ in range(N_STEPS))
            if block:  # the first block warms up
                arm.rates.append(n_tokens / (time.perf_counter() - began))
    rate = {arm.name: statistics.median(arm.rates) for arm in arms}
    peak = statistics.median(sgemm)
    print(f"sgemm {peak / 1e9:.0f} GFLOP/s")
    for arm in arms:
        share = rate[arm.name] * arm.flops_a_token / peak
        shown = f", {share:.0%} of sgemm" if share else ""
        print(f"{arm.name:22} {rate[arm.name]:8,.0f} tokens/s{shown}")
    print(f"auto against float32        {rate['ours auto'] / rate['ours float32']:.2f}")
    ours, other = rate["ours float32"], rate["GPT-2 recipe float32"]
    print(f"against GPT-2, float32      {ours / other:.2f}")
    print(f"against GPT-2, bfloat16     {rate['ours auto'] / rate['GPT-2 recipe bfloat16']:.2f}")


def _n_tokens(result: Any) -> int:
    return result if isinstance(result, int) else result.n_tokens


if __name__ == "__main__":
    main()
