"""All runs beside each other."""

import json
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.evaluation.leaderboard import Evaluation, Group, RunSummary, read_leaderboard
from chatbot.evaluation.leaderboard_page import describe_group, leaderboard_page, markdown
from chatbot.model.bundle import About
from chatbot.sft_ops import main as sft_main
from chatbot.training.folder import Status
from tests.conftest import REPOSITORY
from tests.evaluation.pages import Reader, assert_loads_nothing

BEGUN = REPOSITORY / "tests/data/begun_runs"


def add_run(project, name, learning_rate, bits):
    """Add a run on the data of an old one, with a model of its own."""
    folder = project.root / "checkpoints" / name
    shutil.copytree(BEGUN / "gpt/checkpoints/main", folder)
    lines = [{"step": 4, "val_loss": 3 * b, "val_bits_per_byte": b} for b in bits]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    text = f"run_name: {name}\noptimization: {{learning_rate: {learning_rate}, beta1: 0.9}}\n"
    (folder / "config.yaml").write_text(text)
    return folder


def run_of(fingerprint, bits):
    evaluations = [Evaluation(1, b, b) for b in bits]
    return RunSummary("r", Status(), About(data_fingerprint=fingerprint), {}, [], evaluations)


def test_runs_on_the_same_data_are_ranked_by_their_best(project):
    for name, rate, bits in (("a", 0.1, (3, 2)), ("b", 0.2, (5, 1)), ("c", 0.3, ())):
        add_run(project, name, rate, bits)
    board = read_leaderboard(project.config())
    ranks = [(rank, run.place) for rank, run in board.groups[0].ranks()]
    assert ranks == [("1", "checkpoints/b"), ("2", "checkpoints/a"), ("", "checkpoints/c")]
    assert board.differing() == {"optimization.learning_rate": "learning_rate"}


def test_runs_of_both_families_and_archived_ones_are_listed_and_never_ranked_together(project):
    add_run(project, "a", 0.1, (2,))
    shutil.copytree(BEGUN / "pretrained/checkpoints_lora", project.root / "checkpoints_lora")
    archived = project.root / "data/archive/2026-01-01_000000/checkpoints"
    shutil.copytree(BEGUN / "gpt/checkpoints", archived)
    board = read_leaderboard(project.config())
    assert sorted(len(group.runs) for group in board.groups) == [1, 2]
    assert any(run.place.startswith("data/archive/") for run in board.runs)
    alone = next(group for group in board.groups if len(group.runs) == 1)
    assert [rank for rank, _ in alone.ranks()] == [""] and "not ranked" in describe_group(alone)


@given(st.lists(st.lists(st.sampled_from([1.0, 1.5, 2.0]), max_size=3), min_size=1, max_size=5))
def test_equal_runs_share_a_rank_and_unknown_data_has_none(several):
    runs = sorted(
        (run_of("f", bits) for bits in several),
        key=lambda run: run.best.bits_per_byte if run.best else 9,
    )
    by_bits = {run.best.bits_per_byte: rank for rank, run in Group("f", "", runs).ranks() if rank}
    for rank, run in Group("f", "", runs).ranks():
        assert not rank or by_bits[run.best.bits_per_byte] == rank
    assert not any(rank for rank, _ in Group("", "", runs).ranks())


def test_a_base_before_training_is_not_the_best_of_its_run():
    evaluations = [Evaluation(0, 1.0, 1.0), Evaluation(4, 2.0, 2.0)]
    assert RunSummary("r", Status(), About(), {}, [], evaluations).best.step == 4


def test_a_damaged_run_hides_no_other(project):
    for name in ("status.json", "config.yaml", "model.safetensors"):
        (add_run(project, name, 0.1, (2,)) / name).write_bytes(b"{[")
    board = read_leaderboard(project.config())
    assert len(board.runs) == 3 and len(board.problems) == 3


def test_a_note_is_shown_as_text(project):
    (add_run(project, "a", 0.1, (2,)) / "comment.txt").write_text("<b>slow</b> |\nrate")
    board = read_leaderboard(project.config())
    page = leaderboard_page(board)
    assert "<b>slow</b> | rate" in Reader(page).text
    assert_loads_nothing(page)
    assert "&lt;b>slow&lt;/b> \\| rate" in markdown(board)


@pytest.mark.parametrize("option", ["--md", "--html"])
def test_the_command_writes_for_its_owner_only(project, option, tmp_path, capsys):
    add_run(project, "a", 0.1, (2, 1))
    assert project.run("leaderboard", option, str(tmp_path / "board"), settings=()) == 0
    assert (tmp_path / "board").stat().st_mode & 0o077 == 0
    assert "checkpoints/a" in capsys.readouterr().out


def test_without_a_run_the_command_says_how_to_start_one(project, capsys):
    assert project.run("leaderboard", settings=()) == 2
    assert "chatbot train" in capsys.readouterr().err


def test_runs_on_a_base_are_compared_in_the_same_table(project, capsys):
    add_run(project, "a", 0.1, (2, 1))
    assert sft_main(["leaderboard", "--root", str(project.root)]) == 0
    assert "checkpoints/a" in capsys.readouterr().out
