"""A state of training -> the files of its run, written atomically."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from chatbot.errors import CheckpointError
from chatbot.model.bundle import About
from chatbot.storage.files import explained, part_of, whole_folder
from chatbot.training.checkpoint import checkpoint_bytes, save_checkpoint, weight_bytes
from chatbot.training.folder import RunFolder
from chatbot.training.loop import TrainState

WriteModel = Callable[[Path, TrainState, About], None]


@dataclass(frozen=True)
class Keeper:
    """Writes the checkpoints and the saved models of a run.

    `write_model` writes the averaged weights in the form of the family, to a file or into a folder;
    `read_about` reads the facts about a saved model.
    """

    folder: RunFolder
    keep_snapshots: int
    write_model: WriteModel
    read_about: Callable[[Path], About]

    def keep_latest(self, state: TrainState, about: About) -> None:
        """Write the checkpoint from which the same command continues."""
        self._keep(self.folder.latest, state, about)

    def keep_snapshot(self, state: TrainState, about: About) -> None:
        """Write a snapshot, and remove the oldest."""
        self._keep(self.folder.snapshot(state.step), state, about)
        for path in self.folder.snapshots()[self.keep_snapshots :]:
            self._remove(path)

    def keep_best(self, state: TrainState, about: About) -> None:
        """Write the best state so far: a checkpoint, and a saved model for replies.

        `about` contains the evaluation.
        """
        self._keep(self.folder.best, state, about)
        if not self.folder.layout.holds_models:
            self.write_model(self.folder.model, state, about)

    def best(self) -> About | None:
        """Return the facts about the best saved model; None if it is missing or damaged."""
        try:
            about = self.read_about(self.folder.model)
        except CheckpointError:
            return None
        return None if None in (about.step, about.val_loss) else about

    def missing_bytes(self, state: TrainState, n_snapshots: int) -> int:
        """Return how many more bytes the run's files will need, one temporary file included.

        `n_snapshots`: the planned number.
        """
        folder, checkpoint, model = self.folder, checkpoint_bytes(state), weight_bytes(state)
        n_kept = sum(path.exists() for path in folder.checkpoints())
        n_others = 2 if folder.layout.holds_models else 3  # latest, best, previous
        n_missing = max(1, n_others + min(n_snapshots, self.keep_snapshots) + 1 - n_kept)
        if folder.layout.holds_models:
            return n_missing * (checkpoint + model)
        return n_missing * checkpoint + (2 - folder.model.exists()) * model

    def _keep(self, path: Path, state: TrainState, about: About) -> None:
        if not self.folder.layout.holds_models:
            save_checkpoint(path, state, about)
            return
        with whole_folder(path.parent) as part:
            save_checkpoint(part / path.name, state, about)
            self.write_model(part, state, replace(about, step=state.step))

    def _remove(self, path: Path) -> None:
        if not self.folder.layout.holds_models:
            path.unlink()
            return
        with explained(path.parent):
            # Written under another name, so that an incomplete folder never looks like a
            # checkpoint.
            shutil.rmtree(path.parent.replace(part_of(path.parent)))
