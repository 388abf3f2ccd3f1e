"""One change at a time: reply bits per byte of whole runs that differ in named settings.

`python benchmarks/ablate.py --root PROJECT "plain" "no dropout: model.dropout=0" ...`: each arm is
a name and the settings it changes. Runs go to their own end (steps, not seconds, so that a busy
machine changes nothing). An arm that begins with "gpt2:" is the GPT-2 recipe (rate=, rows=, steps=,
decay=, dropout=). The metric is that of compare.py.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from averages import averaged_gpt
from compare import bits_per_byte, held_out, measure
from gpt2_recipe import GPT2, GPT2Config, random_crops, train_gpt2

from chatbot.corpus.store import Corpus, open_corpus
from chatbot.model.device import choose_dtype
from chatbot.settings.load import load_config
from chatbot.training.folder import RunFolder
from chatbot.training.loop import train_steps
from chatbot.training.prepare import prepare

_N_MEASUREMENTS = 20
_WORDS = {
    "rate": "learning_rate",
    "rows": "batch_rows",
    "steps": "max_steps",
    "decay": "weight_decay",
    "dropout": "dropout",
}


def our_run(root: Path, corpus: Corpus, settings: list[str], seed: int) -> Iterator[Any]:
    """Yield the number of steps, then after each step what gives the averaged network."""
    config = load_config(root, (f"runtime.seed={seed}", "runtime.device=cpu", *settings))
    with tempfile.TemporaryDirectory() as folder:
        made = prepare(config, corpus, RunFolder(Path(folder)), None)
    yield made.plan.max_steps
    for _ in train_steps(made.state, made.sources[0], made.plan.optimization, made.compute):
        yield partial(averaged_gpt, made.state)


def gpt2_run(root: Path, corpus: Corpus, settings: list[str], seed: int) -> Iterator[Any]:
    """Yield what gives the GPT-2 network after each step; the first item is the number of steps."""
    pairs = (setting.split("=") for setting in settings)
    numbers = {_WORDS[word]: float(value) for word, value in pairs}
    whole = {n: int(v) for n, v in numbers.items() if n in ("batch_rows", "max_steps")}
    torch.manual_seed(seed)
    shape = GPT2Config(corpus.stats.vocab_size, **{**numbers, **whole})
    network = GPT2(shape)
    values = np.array([0, 1, 0], dtype=np.float32)
    batches = random_crops(corpus.train, values, shape, seed)
    dtype = choose_dtype(load_config(root).runtime, torch.device("cpu"))
    yield shape.max_steps
    for _, _ in zip(range(shape.max_steps), train_gpt2(network, batches, dtype), strict=False):
        yield lambda: network


def run_arm(root: Path, arm: str, seed: int) -> dict[str, Any]:
    """Train one arm to its end and return what it measured along the way."""
    name, _, rest = arm.removeprefix("gpt2:").partition(":")
    settings = rest.split()
    processed = [s.partition("=")[2] for s in settings if s.startswith("processed.dir=")]
    corpus = open_corpus(root / (processed or ["data/processed"])[0])
    val, sizes = held_out(corpus), corpus.tokenizer.token_sizes
    make = gpt2_run if arm.startswith("gpt2:") else our_run
    run = make(root, corpus, settings, seed)
    n_steps = next(run)
    curve, seconds, began = [], 0.0, time.perf_counter()
    for step in count(1):
        network = next(run, None)
        if network is None:
            break
        if step % max(1, n_steps // _N_MEASUREMENTS) == 0 or step == n_steps:
            seconds += time.perf_counter() - began
            curve.append((step, seconds, bits_per_byte(measure(network(), val, sizes))))
            began = time.perf_counter()
    best = min(curve, key=lambda point: point[2])
    return {"arm": arm, "name": name, "seed": seed, "best": best, "curve": curve}


def main() -> None:
    """Run every arm for every seed; one JSON line each, appended to --out."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("arms", nargs="+")
    parser.add_argument("--root", type=Path, default=Path("data/demo"))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/ablations.jsonl"))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    for seed in range(args.seeds):
        for arm in args.arms:
            found = run_arm(args.root, arm, seed)
            step, seconds, bpb = found["best"]
            last = found["curve"][-1]
            print(
                f"{found['name']:28} seed {seed}: {bpb:.4f} at step {step} ({seconds:.0f} s); "
                f"end {last[2]:.4f} at {last[0]} ({last[1]:.0f} s)",
                flush=True,
            )
            with args.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
