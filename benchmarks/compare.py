"""Side by side: the GPT-2 recipe, the window recipe and ours, to reply bits per byte over seconds.

`python benchmarks/compare.py [--root PROJECT] [--steps N] [--seeds N]`: one process, the same
data, tokenizer and held-out sessions, arms in alternating slices so that noise hits all alike.
Every arm runs to its own end; only training time counts. The protocol and the results:
benchmarks/RESULTS.md.
"""

import argparse
import json
import lzma
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from averages import averaged_gpt
from gpt2_recipe import GPT2, GPT2Config, random_crops, train_gpt2
from torch.nn import functional as F

from chatbot.corpus.packing import window_samples
from chatbot.corpus.store import Corpus, TokenStore, open_corpus, session_bounds
from chatbot.corpus.template import Turn, parse_turns, render_all
from chatbot.evaluation.ngram import ngram_losses
from chatbot.model.device import choose_dtype
from chatbot.settings.load import load_config
from chatbot.settings.schema import Config, ObjectiveConfig, PreprocessConfig
from chatbot.training.batches import BatchSource
from chatbot.training.folder import RunFolder
from chatbot.training.loop import train_steps
from chatbot.training.prepare import prepare

SLICE_SECONDS = 4.0
# Where an arm is measured, in shares of its steps: close together at first, where it is steep.
MARKS = (0.02, 0.035, 0.05, 0.07, 0.1, 0.13, 0.17, 0.21, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
MARKS += (0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
REPLIES = ObjectiveConfig(loss_mode="response_only")


@dataclass
class Arm:
    """One recipe under way: its network, its steps, and what was measured when."""

    name: str
    network: Callable[[], Any]
    steps: Iterator[Any]
    max_steps: int
    seconds: float = 0.0
    n_steps: int = 0
    curve: list[tuple[float, float]] = field(default_factory=list)
    best_rows: Any = None


def window_store(corpus: Corpus) -> TokenStore:
    """Cut the training sessions into windows of 16 turns and one target, stride 2."""
    tokens, tokenizer = np.asarray(corpus.train.tokens), corpus.tokenizer
    rules = PreprocessConfig(corpus_mode="context_windows", context_turns=16, sample_stride=2)
    samples: list[list[Turn]] = []
    for start, end in zip(*session_bounds(tokens, tokenizer.bos_id), strict=True):
        mask = np.asarray(corpus.train.loss_mask[start:end])
        turns = [
            replace(turn, is_target=False)
            for turn in parse_turns(tokens[start:end], mask, tokenizer)
        ]
        samples += window_samples(turns, rules)
    examples = list(render_all(samples, tokenizer))
    return TokenStore(
        np.array([t for e in examples for t in e.tokens], dtype=tokens.dtype),
        np.array([m for e in examples for m in e.loss_mask], dtype=np.uint8),
    )


def all_epochs(source: BatchSource) -> Iterator[Any]:
    """Yield batches for ever."""
    epoch = 0
    while True:
        for index in range(source.n_batches(epoch)):
            yield source.batch(epoch, index)
        epoch += 1


def make_arms(config: Config, corpus: Corpus, seed: int, args: argparse.Namespace) -> list[Arm]:
    """Build the three recipes for one seed, at the same size and tokens a step."""
    dtype = choose_dtype(config.runtime, torch.device("cpu"))
    torch.manual_seed(seed)
    shape = GPT2Config(
        corpus.stats.vocab_size, max_steps=args.steps, learning_rate=args.rate, batch_rows=args.rows
    )
    values = np.array([0, 1, 0], dtype=np.float32)
    gpt2 = GPT2(shape)
    crops = random_crops(corpus.train, values, shape, seed)
    windows = BatchSource(
        window_store(corpus), corpus.tokenizer, REPLIES, 256, args.rows * 256, seed
    )
    window_net = GPT2(shape)
    ours_config = load_config(
        Path(config.root),
        (f"runtime.seed={seed}", "model.size=nano", "runtime.device=cpu", *args.set),
    )
    ours = prepare(ours_config, corpus, RunFolder(args.root / "bench" / str(seed)), None)
    our_steps = train_steps(ours.state, ours.sources[0], ours.plan.optimization, ours.compute)
    return [
        Arm("GPT-2 recipe", lambda: gpt2, train_gpt2(gpt2, crops, dtype), args.steps),
        Arm(
            "window recipe",
            lambda: window_net,
            train_gpt2(window_net, all_epochs(windows), dtype),
            args.steps,
        ),
        Arm("ours", partial(averaged_gpt, ours.state), our_steps, ours.plan.max_steps),
    ]


def held_out(corpus: Corpus) -> BatchSource:
    """Return the rows that every network is measured on."""
    return BatchSource(corpus.val, corpus.tokenizer, REPLIES, 256, 32 * 256)


def measure(network: Any, source: BatchSource, n_bytes_of: Any) -> Any:
    """Return (nats, bytes) of the reply text of each held-out row: (R, 2)."""
    was_training = network.training
    network.eval()
    rows = []
    with torch.inference_mode():
        for batch in source.in_order(10**9):
            logits = network.head(network.hidden(torch.from_numpy(batch.inputs))).float()
            targets = torch.from_numpy(batch.targets)
            losses = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none").numpy()
            sizes = n_bytes_of[batch.targets] * (batch.weights == 1)
            rows.append(np.stack([(losses * (sizes > 0)).sum(1), sizes.sum(1)], axis=1))
    network.train(was_training)
    return np.concatenate(rows)


def bits_per_byte(rows: Any) -> float:
    """Reply bits per byte: end tokens and control tokens are left out."""
    return float(rows[:, 0].sum() / math.log(2) / rows[:, 1].sum())


def run_seed(arms: list[Arm], val: BatchSource, n_bytes_of: Any) -> None:
    """Train the arms in turns, each to its last step, measuring at the marks."""
    while any(arm.n_steps < arm.max_steps for arm in arms):
        for arm in arms:
            until = arm.seconds + SLICE_SECONDS
            while arm.n_steps < arm.max_steps and arm.seconds < until:
                began = time.perf_counter()
                next(arm.steps)
                arm.seconds += time.perf_counter() - began
                arm.n_steps += 1
                if arm.n_steps in {max(1, round(share * arm.max_steps)) for share in MARKS}:
                    note(arm, measure(arm.network(), val, n_bytes_of))


def note(arm: Arm, rows: Any) -> None:
    """Keep a measurement of an arm, and its rows if it is the best so far."""
    bpb = bits_per_byte(rows)
    if arm.best_rows is None or bpb < bits_per_byte(arm.best_rows):
        arm.best_rows = rows
    arm.curve.append((arm.seconds, bpb))
    print(f"{arm.name:14} {arm.seconds:6.0f} s {arm.n_steps:5} steps {bpb:.3f}", flush=True)


def xz_bits_per_byte(corpus: Corpus) -> float:
    """Bits that xz spends on a byte of the held-out text after it has read the training text."""

    def text(store: TokenStore) -> bytes:
        kept = np.asarray(store.tokens)[np.asarray(store.loss_mask) > 0]
        return corpus.tokenizer.decode(kept.tolist()).encode()

    train, held_out = text(corpus.train), text(corpus.val)

    def size(data: bytes) -> int:
        return len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))

    return 8 * (size(train + held_out) - size(train)) / len(held_out)


def bootstrap(one: Any, other: Any, seed: int = 0) -> tuple[float, float, float]:
    """Ratio of bits per byte of two arms on the same rows, with its 95 % interval by rows."""
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, len(one), (1000, len(one)))
    ratios = [bits_per_byte(one[pick]) / bits_per_byte(other[pick]) for pick in picks]
    low, high = np.percentile(ratios, [2.5, 97.5])
    return bits_per_byte(one) / bits_per_byte(other), float(low), float(high)


def seconds_to(curve: list[tuple[float, float]], wanted: float) -> float:
    """Seconds until a curve reaches `wanted`, straight between measurements; inf if never."""
    before = None
    for seconds, bpb in curve:
        if bpb <= wanted:
            if before is None:
                return seconds
            share = (before[1] - wanted) / (before[1] - bpb)
            return before[0] + share * (seconds - before[0])
        before = (seconds, bpb)
    return math.inf


def main() -> None:
    """Run all seeds and write a table and JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path("data/demo"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=600, help="of the other recipes")
    parser.add_argument("--rate", type=float, default=2e-3, help="of the other recipes")
    parser.add_argument("--rows", type=int, default=16, help="of the other recipes")
    parser.add_argument("--set", action="append", default=[], help="a setting of our arm")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/compare.json"))
    args = parser.parse_args()
    config = load_config(args.root)
    corpus = open_corpus(config.processed_dir)
    counted = ngram_losses(corpus)
    print(
        f"bits per byte: unigram {counted.unigram_bpb:.3f}, bigram {counted.bigram_bpb:.3f}, "
        f"xz {xz_bits_per_byte(corpus):.3f}"
    )
    results = []
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        arms = make_arms(config, corpus, seed, args)
        run_seed(arms, held_out(corpus), corpus.tokenizer.token_sizes)
        ours, gpt2, windows = arms[2], arms[0], arms[1]
        best = {arm.name: min(bpb for _, bpb in arm.curve) for arm in arms}
        results.append(
            {
                "seed": seed,
                "curves": {arm.name: arm.curve for arm in arms},
                "best": best,
                "ratio_to_gpt2": bootstrap(ours.best_rows, gpt2.best_rows),
                "seconds_to_gpt2_best": seconds_to(ours.curve, best["GPT-2 recipe"]),
                "gpt2_seconds_to_its_best": seconds_to(gpt2.curve, best["GPT-2 recipe"]),
                "gpt2_seconds": gpt2.seconds,
                "seconds_to_window_best": seconds_to(ours.curve, best["window recipe"]),
                "window_seconds_to_its_best": seconds_to(windows.curve, best["window recipe"]),
            }
        )
        print(json.dumps({k: v for k, v in results[-1].items() if k != "curves"}, indent=1))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
