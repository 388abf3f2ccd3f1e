"""Memory that fine-tuning is planned to take beside what its process really takes.

`python benchmarks/memory.py --base FOLDER --root PROJECT [--arms NAMES]`: PROJECT has tokens of
FOLDER, a base (`chatbot.sft_ops preprocess`). Each arm trains a few steps in a process of its own,
measures and saves; its peak is the largest resident set that the kernel saw.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from chatbot.corpus.hf_tokenizer import BaseTokenizer
from chatbot.corpus.store import open_corpus
from chatbot.model.pretrained.hub import Base
from chatbot.settings.aliases import load_sft_config
from chatbot.training.memory import TuningNeed
from chatbot.training.pretrained import choose_machine, count_need, with_numbers

ARMS = {
    "LoRA, 4 x 512": (),
    "LoRA, 2 x 256": (
        "training.per_device_train_batch_size=2",
        "training.max_seq_len=256",
    ),
    "LoRA, 1 x 192": (
        "training.per_device_train_batch_size=1",
        "training.max_seq_len=192",
    ),
    "LoRA, 4 x 512, checkpointed": ("model.gradient_checkpointing=true",),
    "every weight, 2 x 256": (
        "model.tuning=full",
        "training.per_device_train_batch_size=2",
        "training.max_seq_len=256",
    ),
    "DoRA, 2 x 256": (
        "lora.use_dora=true",
        "training.per_device_train_batch_size=2",
        "training.max_seq_len=256",
    ),
}


def main() -> None:
    """Print planned and measured bytes of every arm."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--root", type=Path, default=Path())
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--arms", nargs="*", default=list(ARMS))
    parser.add_argument("--set", action="append", default=[])
    args = parser.parse_args()
    print(f"{'arm':30} {'plan, GB':>9} {'peak, GB':>9} {'plan / peak':>12}")
    for name in args.arms:
        shared = (f"model.base_model={args.base.resolve()}", "project.device=cpu", *args.set)
        chosen = (*shared, *ARMS[name])
        plan, peak = planned(args.root, chosen).total, measured(args.root, chosen, args.steps)
        print(f"{name:30} {plan / 1e9:9.2f} {peak / 1e9:9.2f} {plan / peak:12.2f}", flush=True)


def planned(root: Path, chosen: tuple[str, ...]) -> TuningNeed:
    """Return what `train` would say that it takes."""
    config = load_sft_config(root, chosen)
    base, machine = Base(config.pretrained.base, root), choose_machine(config)
    tokenizer = open_corpus(config.processed_dir).tokenizer
    if not isinstance(tokenizer, BaseTokenizer):
        raise TypeError("the project's tokens are not those of a base")
    config = with_numbers(config, base, machine.device)
    return count_need(config, base, tokenizer, machine, None)


def measured(root: Path, chosen: tuple[str, ...], n_steps: int) -> int:
    """Return the bytes at the peak of a process that trains so many steps."""
    with tempfile.TemporaryDirectory() as folder:
        more = (
            f"storage.checkpoints_dir={folder}",
            f"training.max_steps={n_steps}",
            "training.max_eval_tokens=5000",
        )
        pairs = [part for setting in (*chosen, *more) for part in ("--set", setting)]
        command = [sys.executable, "-m", "chatbot.sft_ops", "train", "--root", str(root), *pairs]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"training failed: {' '.join(command)}")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
