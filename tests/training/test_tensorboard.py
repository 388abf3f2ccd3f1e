"""TensorBoard event files, read back with tensorboard itself."""

import builtins

import pytest

from chatbot.errors import ConfigError
from chatbot.training.families import run_folder
from chatbot.training.folder import read_metrics
from chatbot.training.tensorboard import EventFiles

SETTINGS = ("logging.tensorboard=true", "optimization.max_steps=4", "logging.eval_interval=2")


def read_back(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return {
        tag: [(scalar.step, scalar.value) for scalar in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


@pytest.mark.slow
def test_a_run_writes_its_numbers_and_no_text(processed):
    assert processed.run("train", *(f"--set={s}" for s in SETTINGS)) == 0
    folder = run_folder(processed.config())
    scalars = read_back(folder.path / "tensorboard")
    losses = [(m["step"], m["loss"]) for m in read_metrics(folder) if "loss" in m]
    assert scalars["training/loss"] == [(step, pytest.approx(loss)) for step, loss in losses]
    assert len(scalars["held_out/bits_per_byte"]) >= 2
    content = b"".join(path.read_bytes() for path in (folder.path / "tensorboard").iterdir())
    assert "오늘 뭐함".encode() not in content


def test_numbers_after_the_checkpoint_of_a_continued_run_are_replaced(tmp_path):
    for first_step, steps, loss in ((0, (1, 2, 3), 5.0), (1, (2,), 4.0)):
        events = EventFiles(tmp_path, first_step)
        for step in steps:
            events.add({"step": step, "loss": loss, "end": "done"})
        events.close()
    assert read_back(tmp_path) == {"training/loss": [(1, 5.0), (2, 4.0)]}


def test_without_the_package_it_says_what_to_install(processed, monkeypatch, capsys):
    load = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.endswith("tensorboard"):
            raise ImportError(name)
        return load(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ConfigError, match="tensorboard is missing"):
        EventFiles(processed.root / "events", 0)
    monkeypatch.undo()
    assert not (processed.root / "events").exists()
