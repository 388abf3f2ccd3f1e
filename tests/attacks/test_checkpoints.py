"""Checkpoints (.pt) of another make: a sentence, whatever is missing or of another type."""

import pytest
import torch

from chatbot.errors import CheckpointError
from chatbot.training.checkpoint import Checkpoint, read_checkpoint

WHOLE = {
    "format": 1, "kind": "training", "shape": {}, "model": {"a": torch.zeros(2)}, "ema": {"a": torch.zeros(2)},
    "optimizers": [], "scaler": {}, "step": 1, "epoch": 0, "index": 0, "best_loss": 1.0, "n_stale": 0,
    "seconds": 1.0, "about": {},
}  # fmt: skip


def read(tmp_path, content) -> Checkpoint:
    path = tmp_path / "latest.pt"
    torch.save(content, path)
    return read_checkpoint(path)


def test_a_whole_one_is_read(tmp_path):
    assert read(tmp_path, WHOLE).step == 1


@pytest.mark.parametrize("name", WHOLE)
def test_one_without_a_key_is_refused(tmp_path, name):
    with pytest.raises(CheckpointError, match=r"incomplete|not a training checkpoint"):
        read(tmp_path, {key: value for key, value in WHOLE.items() if key != name})


@pytest.mark.parametrize(
    "change",
    [
        {"step": "3"}, {"step": -1}, {"model": []}, {"model": {"a": 1}}, {"about": {"step": []}}, {"format": "x"},
        {"best_loss": None}, {"shape": None}, {"about": None},
    ],
    ids=str,
)  # fmt: skip
def test_one_with_a_value_of_another_type_is_refused(tmp_path, change):
    with pytest.raises(CheckpointError, match="incomplete"):
        read(tmp_path, WHOLE | change)
