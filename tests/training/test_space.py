"""No training without a place to save."""

import shutil
from collections import namedtuple

import pytest

from chatbot.errors import ChatbotError, CheckpointError
from chatbot.training.checkpoint import read_checkpoint
from chatbot.training.keeper import Keeper
from tests.training.runs import prepared, train

Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize("kind", ["ours", "base"])
def test_a_disk_without_space_for_the_run_is_refused_before_step_1(request, kind, monkeypatch):
    project = (
        request.getfixturevalue("processed")
        if kind == "ours"
        else request.getfixturevalue("on_base")("qwen2")
    )
    run = prepared(project)
    need = run.made.keeper.missing_bytes(run.made.state, 2)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, need))
    steps = []
    with pytest.raises(ChatbotError, match=r"MiB free, .* are needed"):
        train(project, on_step=lambda _folder, step: steps.append(step))
    assert steps == []


@pytest.mark.parametrize("kind", ["ours", pytest.param("base", marks=pytest.mark.slow)])
def test_a_run_never_takes_more_than_was_asked_for(request, kind):
    project = (
        request.getfixturevalue("processed")
        if kind == "ours"
        else request.getfixturevalue("on_base")("qwen2")
    )
    run = prepared(project)
    need = run.made.keeper.missing_bytes(run.made.state, 2)
    _, folder, _ = train(project)
    parts = [p for p in folder.path.rglob("*") if p.suffix in (".pt", ".safetensors")]
    assert sum(path.stat().st_size for path in parts) <= 1.2 * need
    again = prepared(project)
    left = again.made.keeper.missing_bytes(again.made.state, 2)
    assert left < need / 2  # what is there already is replaced


def test_saves_that_keep_failing_end_the_run_with_what_was_saved(processed, monkeypatch):
    keep, saves = Keeper.keep_latest, []

    def failing(self, state, about):
        saves.append(state.step)
        if state.step > 4:
            raise ChatbotError("no space left", hint="free some")
        keep(self, state, about)

    monkeypatch.setattr(Keeper, "keep_latest", failing)
    with pytest.raises(CheckpointError, match="2 saves in a row failed") as error:
        train(processed, "logging.save_interval=2", "optimization.max_steps=40")
    assert saves == [2, 4, 6, 8] and "step 4" in error.value.hint
    folder = prepared(processed).folder
    assert read_checkpoint(folder.latest).step == 4
    assert folder.read_status().state == "failed"
