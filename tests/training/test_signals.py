"""What one, two and three signals do to a run: told at once, nothing saved is lost."""

import os
import signal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.cli.training_screen import stop_sentence
from chatbot.training.checkpoint import read_checkpoint
from chatbot.training.folder import RunFolder, read_metrics
from chatbot.training.interface import StopNotice
from chatbot.training.keeper import Keeper
from tests.training.runs import losses, train

RARELY = ("logging.eval_interval=100", "logging.save_interval=4", "optimization.max_steps=40")


def press(number=signal.SIGINT):
    os.kill(os.getpid(), number)


def press_at(step, times=1):
    def on_step(_folder, now):
        if now == step:
            for _ in range(times):
                press()

    return on_step


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_answered_at_once_and_ends_with_a_measurement(processed, number):
    heard_before_measuring = []

    def on_step(_folder, step):
        if step == 6:
            press(number)

    reason, folder, events = train(
        processed, *RARELY, on_step=on_step,
        on_measure=lambda *_: heard_before_measuring.append(True),
    )  # fmt: skip
    assert reason == {signal.SIGINT: "Ctrl+C", signal.SIGTERM: "SIGTERM"}[number]
    assert [(n.n_signals, n.step, n.saved_step) for n in events.signals] == [(1, 6, 4)]
    assert read_metrics(folder)[-1]["end"] == reason and heard_before_measuring


def test_the_second_signal_skips_the_measurement_but_never_the_save(processed):
    reason, folder, events = train(processed, *RARELY, on_step=press_at(6, times=2))
    assert reason == "Ctrl+C"
    assert read_checkpoint(folder.latest).step == 6
    assert losses(folder) == [] and events.measured == []


def test_a_second_signal_ends_a_measurement_under_way(processed):
    def on_measure(done, _total):
        if done == 1:
            press()

    rows = (*RARELY, "optimization.batch_size=1")
    _, folder, events = train(processed, *rows, on_step=press_at(6), on_measure=on_measure)
    assert [notice.n_signals for notice in events.signals] == [1, 2]
    assert events.signals[1].saved_step == events.signals[1].step == 6
    assert losses(folder) == [] and folder.read_status().state == "stopped"


def test_the_third_signal_interrupts_and_what_was_saved_stays(processed, monkeypatch):
    folder = RunFolder(processed.config().run_dir)
    keep = Keeper.keep_latest

    def interrupted(self, state, about):
        if state.step == 6:
            press()
        keep(self, state, about)

    monkeypatch.setattr(Keeper, "keep_latest", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(processed, *RARELY, on_step=press_at(6, times=2))
    assert read_checkpoint(folder.latest).step == 4
    status = folder.read_status()
    assert (status.state, status.reason) == ("stopped", "interrupted")
    assert not list(folder.path.rglob("*.part"))


@pytest.mark.slow
@settings(max_examples=6)
@given(st.data())
def test_signals_at_random_moments_never_lose_a_save(tmp_path_factory, _processed, data):
    import shutil

    from tests.conftest import Project

    project = Project(tmp_path_factory.mktemp("signals") / "project")
    shutil.copytree(_processed, project.root)
    stops = data.draw(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 2)), max_size=4))
    step = 0
    for more, times in stops:
        step += more
        reason, folder, _ = train(project, *RARELY, on_step=press_at(step, times))
        assert reason == "Ctrl+C" and read_checkpoint(folder.latest).step == step
    measured = [line["step"] for line in read_metrics(folder) if "end" in line] if stops else []
    assert all(a < b for a, b in pairwise(measured))


def test_sentences_say_what_happens_and_what_the_next_signal_throws_away():
    first, second, third = (stop_sentence(StopNotice(n, 75.0, 248, 212)) for n in (1, 2, 3))
    assert "about 1m15s" in first and "nothing saved is lost" in first
    assert "throws away 36 steps" in second and "saved all the same" in second
    assert "step 212 is saved" in third
    assert "loses nothing" in stop_sentence(StopNotice(2, 1.0, 248, 248))
