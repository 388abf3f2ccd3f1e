"""The STOP file is none of a run's own: training would end on it, and remove it."""

import pytest

from chatbot.errors import ConfigError
from chatbot.settings.load import load_config
from chatbot.settings.run_files import is_run_file


def refused_names(project):
    folders = (project.root / "checkpoints", project.root / "checkpoints_lora")
    return {path.name for folder in folders for path in folder.glob("main/*")}


def test_no_file_that_a_run_writes_may_be_the_stop_file(trained):
    assert trained.run("forget", "--before", "2025-03-08") == 0  # leaves a mark
    names = refused_names(trained)
    assert {"latest.pt", "STALE.json", "previous.pt", "checksums.json"} <= names
    for name in names:
        with pytest.raises(ConfigError, match="is a file of the run"):
            load_config(trained.root, (f"stop_file_name={name}",))


def test_neither_may_what_a_run_on_a_base_writes(tuned):
    project = tuned("qwen2")
    assert {"adapter_latest", "adapter_best", "checkpoint-12"} <= refused_names(project)
    assert all(map(is_run_file, refused_names(project)))


@pytest.mark.parametrize("name", ["STOP", "stop.txt", "HALT", "checkpoint"])
def test_other_names_are_free(name):
    assert not is_run_file(name)


@pytest.mark.parametrize(
    "name", ["LATEST.PT", "Checkpoint-3", "latest.pt.7.part", "adapter_best.old", ".", ".."]
)
def test_neither_case_nor_ending_makes_a_name_free(name):
    assert is_run_file(name)
