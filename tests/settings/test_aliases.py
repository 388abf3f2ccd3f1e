"""Other names for settings: each sets its own settings, and is what messages and files say."""

from operator import attrgetter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.errors import ConfigError
from chatbot.settings.aliases import STAGES, load_sft_config, naming_of, sft_naming
from chatbot.settings.load import load_config
from chatbot.settings.naming import own_naming, schema_settings
from tests.conftest import NO_CONFIGS

NAMINGS = {"own": own_naming(), **{stage: sft_naming(stage) for stage in STAGES}}
VALUES = (
    False, True, 3, 0.25, 7, 1.5, 64, 500, "all", "response_only", "persona_only", "cosine", "constant", "adamw", "muon", "cpu", "float32", "refuse",
    "fp32", "full", "chat", "eager", "quick", "nano", "pair", "persona", "context_windows", "sdpa", ["가람"], ["a.example"], 2000,
    {"a": "b"}, "kiwi", "question", "probe", "dmy",
)  # fmt: skip


def fitting(setting):
    """A value that a setting takes and that is not its default."""
    for value in VALUES:
        try:
            if msgspec.convert(value, setting.kind) != setting.default:
                return value
        except msgspec.ValidationError:
            continue
    raise AssertionError(setting)


@st.composite
def typed_settings(draw):
    """A naming, and some of its names with values."""
    naming = NAMINGS[draw(st.sampled_from(sorted(NAMINGS)))]
    names = draw(st.sets(st.sampled_from(sorted(naming.settings))))
    return naming, {name: fitting(naming.settings[name]) for name in names}


def values_of(config):
    return {name: attrgetter(name)(config) for name in schema_settings()}


@given(typed_settings())
def test_a_name_sets_its_own_settings_and_no_others(drawn):
    naming, typed = drawn
    before, after = values_of(naming.build({})), values_of(naming.build(typed))
    targets = {target for name in typed for target in naming.settings[name].targets}
    assert {name for name in after if after[name] != before[name]} <= targets
    assert all(
        after[naming.settings[name].targets[0]] != before[naming.settings[name].targets[0]]
        for name in typed
        if len(naming.settings[name].targets) == 1
    )


@given(typed_settings())
def test_settings_are_written_down_as_they_were_typed(drawn):
    naming, typed = drawn
    written = naming.typed(naming.build(typed))
    used = {name: setting for name, setting in naming.settings.items() if setting.targets}
    assert written == {name: typed.get(name, used[name].default) for name in used}


@pytest.mark.parametrize(
    ("name", "alias"),
    [("optimization.batch_size", "training.per_device_train_batch_size"), ("run_name", "project.run_name"), ("sampling.top_k", "generation.top_k")],
)  # fmt: skip
def test_a_name_of_the_other_program_is_answered_with_its_own(name, alias):
    with pytest.raises(ConfigError) as caught:
        load_sft_config(NO_CONFIGS, (f"{name}=1",))
    assert caught.value.hint == f"did you mean {alias}?"


def test_no_setting_has_two_names():
    for naming in NAMINGS.values():
        targets = [target for setting in naming.settings.values() for target in setting.targets]
        assert len(targets) == len(set(targets))


def test_both_stages_of_fine_tuning_know_the_same_names():
    assert sft_naming("sft").settings.keys() == sft_naming("cpt").settings.keys()


@pytest.mark.parametrize("stage", STAGES)
def test_settings_know_the_names_that_were_typed(stage):
    assert naming_of(load_sft_config(NO_CONFIGS, (), stage)) is sft_naming(stage)
    assert naming_of(load_config(NO_CONFIGS)) is own_naming()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("optimization.max_epochs", 3.0), ("optimization.lr_schedule", "cosine"),
        ("optimization.warmup_ratio", 0.03), ("optimization.optimizer", "adamw"),
        ("optimization.beta2", 0.999), ("optimization.weight_decay", 0.0),
        ("objective.loss_mode", "response_only"), ("storage.checkpoints_dir", "checkpoints_lora"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stage", STAGES)
def test_fine_tuning_has_its_own_defaults(stage, name, value):
    assert attrgetter(name)(load_sft_config(NO_CONFIGS, (), stage)) == value


def test_plain_text_comes_first_in_a_run_and_a_folder_of_its_own():
    settings = ("project.run_name=a", "cpt_data.dir=b", "cpt_data.window_messages=8", "data.dir=c")
    config = load_sft_config(NO_CONFIGS, settings, "cpt")
    assert (config.run_name, config.processed.dir) == ("a-cpt", "b")
    rules = config.processed.preprocess
    assert (rules.context_turns, rules.min_context_turns) == (8, 0)


@pytest.mark.parametrize(
    ("mode", "values"),
    {
        "all": ("all", "replies", "sessions"),
        "response_only": ("response_only", "replies", "sessions"),
        "persona_only": ("response_only", "persona", "sessions"),
        "last_turn": ("response_only", "replies", "context_windows"),
    }.items(),
)
@pytest.mark.parametrize("stage", STAGES)
def test_a_label_mode_is_three_settings(stage, mode, values):
    config = load_sft_config(NO_CONFIGS, (f"data.label_mode={mode}",), stage)
    rules = config.processed.preprocess
    assert (config.objective.loss_mode, rules.targets, rules.corpus_mode) == values


@pytest.mark.parametrize("stage", STAGES)
def test_an_error_is_told_in_the_names_of_its_stage(stage):
    for setting, name in sft_naming(stage).aliases.items():
        with pytest.raises(ConfigError) as caught, sft_naming(stage).in_messages():
            raise ConfigError(f"`{setting}` is wrong", hint=f"set `{setting}: 1`")
        assert str(caught.value) == f"`{name}` is wrong"
        assert caught.value.hint == f"set `{name}: 1`"
