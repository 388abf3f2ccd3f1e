"""Our fine-tuning beside transformers.Trainer with peft: same base, log, adapter, labels.

`python benchmarks/finetuning.py --base FOLDER --root PROJECT [--steps N]`: PROJECT has organized
exports; FOLDER is a base (for one made here: `chatbot export --to hf FOLDER` of another room).
Three arms, each with as many trained reply tokens a step on average and as many steps:

- ours: whole sessions, rows of similar length, the head where a reply is; in fp32 as the others,
  and in the number format that it chooses by itself;
- Trainer, sessions: the same sessions with the same labels, padded, every logit;
- Trainer, windows: one example for every reply with 16 turns before it, as chat trainers do.

Seconds of the training loop alone, per thousand trained reply tokens; held-out loss of each arm,
measured alike (ours of the averaged adapter, as it replies).
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from msgspec.structs import replace
from torch.utils.data import Dataset
from transformers import Trainer, TrainerCallback, TrainingArguments

from chatbot.corpus.pipeline import build_corpora
from chatbot.corpus.store import Corpus, open_corpus
from chatbot.model.pretrained.corpus import corpus_specs
from chatbot.settings.aliases import load_sft_config
from chatbot.training.batches import BatchSource
from chatbot.training.folder import FOLDERS, RunFolder
from chatbot.training.loop import averaged, evaluate, train_steps
from chatbot.training.prepare import PreparedRun
from chatbot.training.prepare import prepare as prepare_run


class Examples(Dataset):  # type: ignore[type-arg]
    """Rows with labels as other programs make them: -100 where nothing is learned."""

    def __init__(self, source: BatchSource) -> None:
        self._rows = []
        for index in range(source.n_batches(0)):
            batch = source.batch(0, index)
            for inputs, targets, weights in zip(
                batch.inputs, batch.targets, batch.weights, strict=True
            ):
                n = int(np.flatnonzero(weights)[-1]) + 1
                row = np.append(inputs[:n], targets[n - 1])
                labels = np.append(-100, np.where(weights[:n] > 0, targets[:n], -100))
                self._rows.append((row, labels))
        self.n_trained = sum(int((labels != -100).sum()) for _, labels in self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._rows[index]


def collate(rows: list[tuple[Any, Any]]) -> dict[str, torch.Tensor]:
    """Pad to the longest row."""
    width = max(len(row) for row, _ in rows)
    found = {
        "input_ids": torch.zeros((len(rows), width), dtype=torch.int64),
        "labels": torch.full((len(rows), width), -100),
        "attention_mask": torch.zeros((len(rows), width), dtype=torch.int64),
    }
    for number, (row, labels) in enumerate(rows):
        found["input_ids"][number, : len(row)] = torch.from_numpy(row)
        found["labels"][number, : len(row)] = torch.from_numpy(labels)
        found["attention_mask"][number, : len(row)] = 1
    return found


class Clock(TrainerCallback):
    """Times the loop alone."""

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Start."""
        self.began = time.perf_counter()

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Stop."""
        self.seconds = time.perf_counter() - self.began


def main() -> None:
    """Train the arms one after another and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--root", type=Path, default=Path("data/demo"))
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--set", action="append", default=[])
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        corpora = {
            mode: tokens(args, mode, Path(folder)) for mode in ("response_only", "last_turn")
        }
        whole = corpora["response_only"][1]
        made = prepare(args, *corpora["response_only"])
        n_trained = trained_tokens(made.sources[0])
        per_step = n_trained / made.sources[0].n_batches(0)
        results = {"ours": (*run_ours(made, whole, args.steps), per_step)}
        config = corpora["response_only"][0]
        low = replace(config, runtime=replace(config.runtime, dtype="auto"))
        results["ours, its own type"] = (
            *run_ours(prepare(args, low, whole), whole, args.steps),
            per_step,
        )
        for name, mode in (
            ("Trainer, sessions", "response_only"),
            ("Trainer, windows", "last_turn"),
        ):
            results[name] = run_trainer(args, corpora[mode], whole, made, per_step)
    ours = results["ours"][0] / (results["ours"][2] * args.steps)
    print(f"{'arm':20} {'s':>7} {'s/1000 reply tokens':>20} {'ratio':>6} {'held out':>9}")
    for name, (seconds, loss, tokens_a_step) in results.items():
        cost = seconds / (tokens_a_step * args.steps)
        print(f"{name:20} {seconds:7.1f} {1000 * cost:20.3f} {ours / cost:6.2f} {loss:9.4f}")


def settings(args: argparse.Namespace, mode: str, folder: Path) -> tuple[str, ...]:
    """Return the settings that all arms share."""
    return (
        f"model.base_model={args.base.resolve()}",
        "model.torch_dtype=float32",
        f"data.dir={folder}/{mode}",
        f"data.label_mode={mode}",
        "data.sample_stride=1",
        "project.device=cpu",
        f"project.seed={args.seed}",
        f"training.max_steps={args.steps}",
        f"training.max_seq_len={args.length}",
        f"training.per_device_train_batch_size={args.rows}",
        *args.set,
    )


def tokens(args: argparse.Namespace, mode: str, folder: Path) -> tuple[Any, Corpus]:
    """Return the settings and the tokens of a label mode."""
    chosen = settings(args, mode, folder)
    config = load_sft_config(args.root, chosen)
    build_corpora(config, lambda speakers: corpus_specs(config, speakers))
    return config, open_corpus(config.processed_dir)


def prepare(args: argparse.Namespace, config: Any, corpus: Corpus) -> PreparedRun:
    """Return a run of ours."""
    return prepare_run(config, corpus, RunFolder(args.root / "no such run", layout=FOLDERS))


def trained_tokens(source: BatchSource) -> int:
    """Count the reply tokens of an epoch."""
    batches = (source.batch(0, index) for index in range(source.n_batches(0)))
    return sum(int((batch.weights > 0).sum()) for batch in batches)


def run_ours(made: PreparedRun, corpus: Corpus, n_steps: int) -> tuple[float, float]:
    """Train through our loop; return seconds and held-out loss."""
    optimization = replace(made.plan.optimization, max_steps=n_steps)
    began = time.perf_counter()
    for result in train_steps(made.state, made.sources[0], optimization, made.compute):
        if result.step % 10 == 0:
            float(result.loss)
    seconds = time.perf_counter() - began
    with averaged(made.state) as network:
        found = evaluate(network, made.sources[1], corpus.tokenizer, made.compute, 10**9)
    return seconds, found.loss


def run_trainer(
    args: argparse.Namespace,
    tokens_of: tuple[Any, Corpus],
    whole: Corpus,
    ours: PreparedRun,
    per_step: float,
) -> tuple[float, float, float]:
    """Train the same adapter through Trainer; return seconds, held-out loss, tokens a step."""
    made = prepare(args, *tokens_of)
    examples = Examples(made.sources[0])
    rows = max(1, round(per_step * len(examples) / examples.n_trained))
    network: Any = made.state.model
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=network.model,
            args=TrainingArguments(
                output_dir=folder,
                max_steps=args.steps,
                per_device_train_batch_size=rows,
                learning_rate=float(made.config.optimization.learning_rate),
                lr_scheduler_type="cosine",
                warmup_steps=round(0.03 * args.steps),
                adam_beta2=0.999,
                max_grad_norm=1.0,
                logging_strategy="no",
                save_strategy="no",
                report_to=[],
                use_cpu=True,
                seed=args.seed,
                disable_tqdm=True,
            ),
            train_dataset=examples,
            data_collator=collate,
            callbacks=[clock],
        )
        trainer.train()
    found = evaluate(network, ours.sources[1], whole.tokenizer, ours.compute, 10**9)
    return clock.seconds, found.loss, rows * examples.n_trained / len(examples)


if __name__ == "__main__":
    main()
