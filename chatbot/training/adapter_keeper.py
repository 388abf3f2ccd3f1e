"""A state of fine-tuning -> checkpoint-N, adapter_latest, adapter_best: whole folders or none."""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatbot.corpus.hf_tokenizer import BaseTokenizer
from chatbot.corpus.ngrams import NgramIndex
from chatbot.model.pretrained.file import META_FILE, Tuned, write_tuned
from chatbot.model.pretrained.network import PretrainedNetwork
from chatbot.storage.files import explained, replace_directory
from chatbot.training.checkpoint import checkpoint_bytes, save_checkpoint, weight_bytes
from chatbot.training.folder import TRAINER_FILE, AdapterFolder
from chatbot.training.interface import BestMark, best_mark
from chatbot.training.loop import TrainState, averaged


@dataclass(frozen=True)
class AdapterKeeper:
    """Keeps a run on a pretrained base.

    Every folder holds the averaged adapter, which replies and which peft opens, and trainer.pt,
    which training continues from.
    """

    folder: AdapterFolder
    tokenizer: BaseTokenizer
    keep_snapshots: int
    guard: NgramIndex | None

    def keep_latest(self, state: TrainState, about: dict[str, Any]) -> None:
        """Write what the same command continues from."""
        self._write(self.folder.latest_dir, state, about)

    def keep_snapshot(self, state: TrainState, about: dict[str, Any]) -> None:
        """Write one of the checkpoints along the way; the oldest goes."""
        self._write(self.folder.snapshot_dir(state.step), state, about)
        for old in self.folder.snapshot_dirs()[self.keep_snapshots :]:
            with explained(old):
                # Under another name first: killed half-way, no folder looks like a checkpoint.
                going = old.replace(old.with_name(f"{old.name}.{os.getpid()}.part"))
                shutil.rmtree(going)

    def missing_bytes(self, state: TrainState, n_snapshots: int) -> int:
        """Return what the run's folders will take beyond those that are there, one half-written."""
        folder = self.folder
        kept = (folder.latest, folder.best)
        n_there = sum(path.exists() for path in kept) + len(folder.snapshot_dirs())
        n_missing = 3 + min(n_snapshots, self.keep_snapshots) - n_there
        return max(1, n_missing) * (checkpoint_bytes(state) + weight_bytes(state))

    def best(self) -> BestMark | None:
        """Return what is kept as the best; None if there is none, or a damaged one."""
        try:
            about = json.loads((self.folder.best_dir / META_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return best_mark(about) if isinstance(about, dict) else None

    def keep_best(self, state: TrainState, about: dict[str, Any]) -> None:
        """Write the best so far: what replies."""
        self._write(self.folder.best_dir, state, about)

    def _write(self, target: Path, state: TrainState, about: dict[str, Any]) -> None:
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            with explained(target):
                shutil.rmtree(part, ignore_errors=True)
                part.mkdir(parents=True)
            save_checkpoint(part / TRAINER_FILE, state, about)
            tuned = self._tuned(state, {"step": state.step, **about})
            write_tuned(part, tuned)
            replace_directory(part, target)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _tuned(self, state: TrainState, about: dict[str, Any]) -> Tuned:
        if not isinstance(state.model, PretrainedNetwork):
            raise TypeError("a network of our own is kept by RunKeeper")
        with averaged(state):
            kind, weights, config = state.model.as_files()
        return Tuned(kind, weights, config, self.tokenizer, about, self.guard)
