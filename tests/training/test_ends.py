"""Every end of a run is measured, told and counted for the best."""

import json
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.training.checkpoint import read_checkpoint
from chatbot.training.folder import read_metrics, start_loss
from chatbot.training.loop import EvalResult
from chatbot.training.run import Training
from tests.conftest import Project
from tests.training.runs import assert_best_is_consistent, losses, prepared, stop_at, train

MEASURED_RARELY = ("logging.eval_interval=100", "optimization.max_steps=40")


@pytest.fixture
def on_any(request):
    """A project of ours, or on a pretrained base, with few measurements as planned."""

    def project(kind):
        if kind == "ours":
            return request.getfixturevalue("processed"), MEASURED_RARELY
        rare = ("training.eval_steps=100", "training.max_steps=40")
        return request.getfixturevalue("on_base")("qwen2"), rare

    return project


@pytest.mark.parametrize("kind", ["ours", "base"])
def test_a_stop_before_the_first_evaluation_is_measured_told_and_the_best(on_any, kind):
    project, rare = on_any(kind)
    reason, folder, events = train(project, *rare, on_step=stop_at(7))
    line = read_metrics(folder)[-1]
    assert (reason, line["step"], line["end"]) == ("STOP file", 7, "STOP file")
    assert events.evals[-1][0] == 7 and events.evals[-1][1].loss == line["val_loss"]
    assert folder.read_status().val_loss == line["val_loss"]
    assert_best_is_consistent(folder, prepared(project, *rare).made.keeper)


@pytest.mark.parametrize("kind", ["ours", pytest.param("base", marks=pytest.mark.slow)])
def test_a_later_worse_measurement_never_overwrites_the_best(on_any, kind, monkeypatch):
    project, rare = on_any(kind)
    numbers = iter([1.0] * (kind == "base") + [2.0, 3.0, 4.0])  # the untouched base is no best
    monkeypatch.setattr(Training, "_measure", lambda self: EvalResult(next(numbers), 1.0, 1))
    for step in (5, 9, 13):
        _, folder, _ = train(project, *rare, on_step=stop_at(step))
    best = prepared(project, *rare).made.keeper.best()
    assert (best.step, best.val_loss, folder.read_status().best_loss) == (5, 2.0, 2.0)


def test_a_step_that_was_measured_is_not_measured_again(processed):
    _, folder, events = train(processed, on_step=stop_at(8))
    assert [step for step, _ in events.evals] == [4, 8]
    assert not [line for line in read_metrics(folder) if "end" in line]


def test_a_run_continued_and_ended_at_once_is_not_measured_again(processed):
    _, folder, _ = train(processed, *MEASURED_RARELY, on_step=stop_at(7))
    folder.stop_file.touch()
    _, _, events = train(processed, *MEASURED_RARELY)
    assert events.evals == [] and len(losses(folder)) == 1


def test_a_death_between_keeping_a_best_and_saving_keeps_that_best(processed):
    """The best of step 8 stays, though the run goes on from step 4 and stops at 6."""
    steady = ("logging.save_interval=4",)
    _, folder, _ = train(processed, *steady, on_step=stop_at(8))
    shutil.copy(folder.previous, folder.latest)
    run = prepared(processed, *steady)
    assert run.made.state.step == 4
    best = run.made.keeper.best()
    assert best.step == 8
    train(processed, *steady, on_step=stop_at(6))
    assert run.made.keeper.best() == best
    assert folder.read_status().best_loss == best.val_loss


def test_a_cooled_branch_counts_for_the_best_and_is_logged_where_it_began(processed):
    project = processed
    _, folder, _ = train(project, *MEASURED_RARELY, on_step=stop_at(9, "cooldown"))
    line = read_metrics(folder)[-1]
    assert (line["step"], line["branch_step"]) == (9, 19)
    assert_best_is_consistent(folder, prepared(project).made.keeper)
    train(project, "optimization.max_steps=40", on_step=stop_at(11))
    assert_best_is_consistent(folder, prepared(project).made.keeper)


@pytest.mark.slow
@settings(max_examples=6)
@given(st.lists(st.tuples(st.integers(1, 11), st.sampled_from(["", "cooldown"])), max_size=3))
def test_stops_at_random_steps_leave_one_best(tmp_path_factory, _processed, stops):
    project = Project(tmp_path_factory.mktemp("ends") / "project")
    shutil.copytree(_processed, project.root)
    for step, word in [*sorted(stops), (99, "")]:
        _, folder, _ = train(project, on_step=stop_at(step, word))
        assert_best_is_consistent(folder, prepared(project).made.keeper)


def test_a_measurement_shows_its_progress(processed):
    _, _, events = train(processed, "optimization.batch_size=1", on_step=stop_at(2))
    total = events.measured[0][1]
    assert total > 3
    assert events.measured == [(done, total) for done in range(total + 1)]


def test_the_metrics_of_an_end_are_json_a_line(processed):
    _, folder, _ = train(processed, on_step=stop_at(6))
    last = json.loads(folder.metrics.read_text().splitlines()[-1])
    assert last.keys() == {"step", "val_loss", "val_bits_per_byte", "end"}


@pytest.mark.slow
def test_the_untouched_base_is_measured_once_before_step_1_and_is_not_the_best(on_base):
    project = on_base("qwen2")
    _, folder, events = train(project, on_step=stop_at(2))
    assert [step for step, _ in events.evals] == [0, 2]
    assert read_metrics(folder)[0]["val_loss"] == events.evals[0][1].loss == start_loss(folder)
    assert_best_is_consistent(folder, prepared(project).made.keeper)
    _, _, events = train(project)
    assert 0 not in [step for step, _ in events.evals]


@pytest.mark.slow
def test_the_base_is_shown_and_a_run_that_never_improves_on_it_says_so(
    on_base, capsys, monkeypatch
):
    numbers = iter([2.0, 1.5, 2.0, 2.5])
    monkeypatch.setattr(Training, "_measure", lambda self: EvalResult(next(numbers), 1.0, 1))
    project = on_base("qwen2")
    for name in ("better", "worse"):
        short = (f"project.run_name={name}", "training.max_steps=1")
        assert project.run("train", settings=short) == 0
        shown = capsys.readouterr().err
        assert "untouched base: held out 2.000, 1.000 bits/byte" in shown
        assert ("never better than before step 1" in shown) == (name == "worse")


@pytest.mark.slow
def test_a_base_that_was_stopped_before_step_1_is_no_best_to_beat(on_base):
    project = on_base("qwen2")
    _, folder, events = train(project, "training.max_minutes=0.0000001")
    assert [step for step, _ in events.evals] == [0] and folder.best.exists()
    _, folder, _ = train(project, "training.learning_rate=1", "training.max_steps=4")
    assert read_checkpoint(folder.best).step == 4
