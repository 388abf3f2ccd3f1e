"""Settings: typed, unknown ones refused with a guess, overrides for tests."""

import re
from operator import attrgetter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.errors import ConfigError
from chatbot.settings.aliases import STAGES, load_sft_config, sft_naming
from chatbot.settings.load import describe_kind, load_config, read_typed
from chatbot.settings.naming import own_naming
from chatbot.settings.schema import Config
from tests.conftest import NO_CONFIGS

SETTINGS = own_naming().settings


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
    assert message == "setting model does not belong in configs/gen.yaml"
    assert hint == "move it to configs/train.yaml"


def test_key_with_a_dot_is_told_its_section(project):
    message, hint = changed(project, "gen.yaml", "output:", "serve.port: 8001\noutput:")
    assert message == "setting serve.port has a dot in configs/gen.yaml"
    assert hint == "in configs/gen.yaml, write `port: ...` on an indented line below `serve:`"


def test_wrong_type_names_the_setting(project):
    message, _ = changed(project, "train.yaml", "  batch_size: auto", "  batch_size: 0")
    assert message.startswith("setting optimization.batch_size")


def test_key_that_stands_twice_is_refused(project):
    message, _ = changed(project, "train.yaml", "  seed: 1337", "  seed: 1337\n  seed: 2")
    assert message.startswith("setting seed is set twice")


def test_exponents_are_numbers():
    assert (
        load_config(NO_CONFIGS, ("optimization.learning_rate=5e-4",)).optimization.learning_rate
        == 5e-4
    )


def test_bad_yaml_names_file_and_line(project):
    message, _ = changed(project, "gen.yaml", "  top_k: 0", "  top_k: [0")
    assert re.match(r"gen.yaml is not YAML at line \d+", message)


def test_a_missing_configs_folder_means_the_defaults(tmp_path):
    assert load_config(tmp_path) == Config(root=str(tmp_path))
    with pytest.raises(ConfigError, match="no folder"):
        load_config(tmp_path / "gone")


@pytest.mark.parametrize("name", ["paths.yaml", "train.yaml", "gen.yaml", "qna.yaml"])
def test_a_missing_file_means_its_defaults(project, name):
    (project.root / "configs" / name).unlink()
    assert load_config(project.root) == Config(root=str(project.root))


@pytest.mark.parametrize(
    ("name", "other"),
    [("train.yaml", "trian.yaml"), ("train.yaml", "train.yml"), ("gen.yaml", "gem.yaml")],
)
def test_a_misspelt_file_is_refused_with_a_guess(project, name, other):
    configs = project.root / "configs"
    (configs / name).rename(configs / other)
    with pytest.raises(ConfigError, match=other) as caught:
        load_config(project.root)
    assert caught.value.hint.startswith(f"rename it to {name}")
    (configs / other).with_name(name).touch()
    load_config(project.root)  # a copy beside the file itself harms nobody


def test_contradiction_is_refused():
    with pytest.raises(ConfigError, match="min_context_turns"):
        load_config(NO_CONFIGS, ("processed.preprocess.min_context_turns=16",))


@given(st.sampled_from(sorted(SETTINGS)), st.characters(categories=["Ll"]))
def test_misspelt_setting_is_never_accepted(name, char):
    with pytest.raises(ConfigError):
        load_config(NO_CONFIGS, (f"{name}{char}=1",))


def test_defaults_stand_in_the_code_alone():
    assert Config().model.dropout == SETTINGS["model.dropout"].default


@pytest.mark.parametrize(
    "override",
    [
        "run_name=[1",
        "sampling.temperature=!!python/x y",
        "run_name=../x",
        "run_name=두 번째",
        "processed.preprocess.persona=",
        "raw.aliases=[1]",
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
        load_config(NO_CONFIGS, (override,))


TEXTS = [name for name, setting in SETTINGS.items() if setting.kind is str]
WORDS = st.sampled_from(
    [
        "on",
        "off",
        "yes",
        "no",
        "true",
        "1004",
        "0",
        "007",
        "1_000",
        "12:30",
        "1e3",
        "2024-01-01",
        "2024-13-45",
        ".inf",
        "두번째",
    ]
)


@given(st.sampled_from(TEXTS), WORDS)
def test_where_text_is_meant_any_word_is_text(name, word):
    config = load_config(NO_CONFIGS, (f"{name}={word}",))
    assert attrgetter(name)(config) == word


@given(st.lists(WORDS, min_size=1))
def test_words_in_lists_and_pairs_are_text_too(words):
    listed = ", ".join(words)
    override = f"processed.preprocess.mask_names=[{listed}]"
    if min(map(len, words)) > 1:
        assert load_config(NO_CONFIGS, (override,)).processed.preprocess.mask_names == words
    aliases = load_config(NO_CONFIGS, (f"raw.aliases={{{words[0]}: {words[-1]}}}",)).raw.aliases
    assert aliases == {words[0]: words[-1]}


@pytest.mark.parametrize("check", ["warn", "refuse", "off"])
def test_every_documented_choice_is_taken_as_documented(check):
    assert (
        load_config(NO_CONFIGS, (f"publish.privacy.check={check}",)).publish.privacy.check == check
    )


@pytest.mark.parametrize(
    ("word", "value"), [("on", True), ("yes", True), ("no", False), ("false", False)]
)
def test_where_yes_or_no_is_meant_the_words_are_that(word, value):
    assert load_config(NO_CONFIGS, (f"output.one_line={word}",)).output.one_line is value


NAMINGS = {"own": own_naming(), **{stage: sft_naming(stage) for stage in STAGES}}


def takes(setting, value):
    try:
        return msgspec.convert(value, setting.kind) == value
    except msgspec.ValidationError:
        return False


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize(
    ("word", "value"), {"on": True, "off": False, "yes": True, "no": False}.items()
)
def test_a_bare_word_is_a_boolean_where_a_setting_takes_one_else_the_word(naming, word, value):
    for name, setting in NAMINGS[naming].settings.items():
        meanings = [meaning for meaning in (value, word) if takes(setting, meaning)]
        try:
            typed = read_typed(NO_CONFIGS, (f"{name}={word}",), NAMINGS[naming])[name]
            assert typed is meanings[0] or typed == meanings[0], name
        except ConfigError:
            assert not meanings, name


def test_bare_words_of_a_file_are_read_so_too(project):
    (project.root / "configs/sft.yaml").write_text(
        "model: {gradient_checkpointing: on, load_in_4bit: no}\n"
        "data: {persona: no}\npublish: {privacy: {check: off}}\n",
        encoding="utf-8",
    )
    config = load_sft_config(project.root)
    base = config.pretrained.base
    assert (base.gradient_checkpointing, base.load_in_4bit) == (True, False)
    assert (config.processed.preprocess.persona, config.publish.privacy.check) == ("no", "off")


@pytest.mark.parametrize(
    ("override", "message", "hint"),
    [
        ("training=slow", "setting training must be quick, auto or thorough", "its default is auto"),
        ("optimization.batch_size=0", "setting optimization.batch_size must be auto or a whole number (at least 1, at most 1000000000)", "its default is auto"),
        ("runtime.seed=.inf", "setting runtime.seed must be a whole number (at least 0, below 2147483648)", "its default is 1337"),
        ("output.one_line=3", "setting output.one_line must be true or false", "its default is false"),
        ("model=3", "setting model is a group", "write its settings as `key: value`"),
        ("run_name=a/b", "setting run_name must be a name of letters, digits, - _ and . that begins with a letter or a digit", "its default is main"),
        ("processed.preprocess.mask_names=[[]]", "setting processed.preprocess.mask_names must be a list like [a, b]", "its default is []"),
        ("processed.rooms=3.5", "setting processed.rooms must be auto, all, none or a list like [a, b] (1 or more)", "its default is auto"),
        ("sampling.seed=x", "setting sampling.seed must be a whole number (at least 0, below 2147483648) or null", "its default is null"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_what_would_be_right(override, message, hint):
    with pytest.raises(ConfigError) as caught:
        load_config(NO_CONFIGS, (override,))
    assert (str(caught.value), caught.value.hint) == (message, hint)


@pytest.mark.parametrize("naming", NAMINGS)
def test_every_setting_says_what_it_takes(naming):
    for name, setting in NAMINGS[naming].settings.items():
        assert "another value" not in describe_kind(setting.kind), name


PLACES = [".", "", "/", "..", "data", "data/raw", "data/raw/inbox", "data/raw/organized", "configs"]
FOLDERS = [
    "processed.dir",
    "storage.checkpoints_dir",
    "storage.artifacts_dir",
    "storage.archive_dir",
]


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("place", [*PLACES, "data/x/../raw", "a\\0b"])
def test_folder_that_is_replaced_or_emptied_is_never_one_that_holds_something_else(name, place):
    with pytest.raises(ConfigError):
        load_config(NO_CONFIGS, (f'{name}="{place}"',))
    of_base = {"processed.dir": "data.dir"}.get(name, name)
    with pytest.raises(ConfigError):
        load_sft_config(NO_CONFIGS, (f'{of_base}="{place}"',))


def test_folder_that_holds_another_by_a_link_is_refused(project):
    (project.root / "data").mkdir()
    (project.root / "link").symlink_to("data")
    with pytest.raises(ConfigError, match=r"`raw.inbox_dir` and `processed.dir`"):
        project.config("processed.dir=link/raw")


def test_folder_outside_the_project_is_allowed(project, tmp_path):
    assert project.config(f"processed.dir={tmp_path / 'elsewhere'}")


NUMBERS = sorted(name for name, setting in SETTINGS.items() if type(setting.default) is int)


@pytest.mark.parametrize("name", NUMBERS)
def test_number_beyond_all_use_is_refused(name):
    with pytest.raises(ConfigError, match=name):
        load_config(NO_CONFIGS, (f"{name}=99999999999999",))
