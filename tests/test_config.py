"""Settings: typed, unknown ones refused with a guess, overrides for tests."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.config import load_config, setting_names
from chatbot.errors import ConfigError
from chatbot.settings import Config
from tests.conftest import REPOSITORY


def changed(project, file, old, new):
    path = project.root / "configs" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(project.root)
    return str(caught.value), caught.value.hint


def test_unknown_key_is_refused_with_a_guess(project):
    message, hint = changed(project, "train.yaml", "  n_layer: null", "  n_layers: 3")
    assert message == "unknown setting model.n_layers"
    assert hint == "did you mean model.n_layer?"


def test_key_in_the_wrong_file_is_sent_to_the_right_one(project):
    message, hint = changed(project, "gen.yaml", "output:", "model: {size: nano}\noutput:")
    assert message == "setting model is not one in configs/gen.yaml"
    assert hint == "move it to configs/train.yaml"


def test_wrong_type_names_the_setting(project):
    message, _ = changed(project, "train.yaml", "  batch_size: auto", "  batch_size: 0")
    assert message.startswith("setting optimization.batch_size")


def test_key_that_stands_twice_is_refused(project):
    message, _ = changed(project, "train.yaml", "  seed: 1337", "  seed: 1337\n  seed: 2")
    assert message.startswith("setting seed stands twice")


def test_exponents_are_numbers():
    assert (
        load_config(REPOSITORY, ("optimization.learning_rate=5e-4",)).optimization.learning_rate
        == 5e-4
    )


def test_bad_yaml_names_file_and_line(project):
    message, _ = changed(project, "gen.yaml", "  top_k: 0", "  top_k: [0")
    assert re.match(r"gen.yaml is not YAML at line \d+", message)


def test_a_missing_configs_folder_means_the_defaults(tmp_path):
    assert load_config(tmp_path) == Config(root=str(tmp_path))
    with pytest.raises(ConfigError, match="no folder"):
        load_config(tmp_path / "gone")


def test_contradiction_is_refused():
    with pytest.raises(ConfigError, match="min_context_turns"):
        load_config(REPOSITORY, ("processed.preprocess.min_context_turns=16",))


@given(st.sampled_from(sorted(setting_names())), st.characters(categories=["Ll"]))
def test_misspelt_setting_is_never_accepted(name, char):
    with pytest.raises(ConfigError):
        load_config(REPOSITORY, (f"{name}{char}=1",))


def test_defaults_stand_in_the_code_alone():
    assert Config().model.dropout == setting_names()["model.dropout"]


@pytest.mark.parametrize(
    "override",
    [
        "run_name=[1",
        "sampling.temperature=!!python/x y",
        "run_name=2024-13-45",
        "stop_file_name=latest.pt",
        "stop_file_name=..",
        "runtime.seed=5000000000",
        "runtime.device=meta",
        "optimization.max_epochs=.inf",
        "optimization.max_epochs=.nan",
        "processed.rooms=[]",
        "sampling",
        "model=3",
        "model.n_layer.x=3",
    ],
)
def test_odd_overrides_are_refused_with_a_sentence(override):
    with pytest.raises(ConfigError):
        load_config(REPOSITORY, (override,))
