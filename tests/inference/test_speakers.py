"""A model knows who its numbers are, whatever the data and the settings say today."""

import io
import shutil
import string

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatbot.corpus.speakers import Speakers, match_name, number_speakers, propose_name
from chatbot.inference.loading import bot_settings
from chatbot.ingest.cleaning.normalization import Normalizer, TextRules
from chatbot.model.bundle import About, read_bundle
from chatbot.settings.schema import Config, PreprocessConfig
from tests.conftest import TINY

NAMES = st.text(string.ascii_letters + "가나다온 []", min_size=1, max_size=8)
OTHER = (*TINY, "processed.preprocess.persona=하늘")
BACK = (*TINY, "processed.preprocess.persona=도윤")
DOORS = [
    ["reply", "안녕"],
    ["smoke"],
    ["chat"],
    ["bridge", "--dry"],
    ["publish"],
    ["export", "--to", "hf", "{root}/hf"],
    ["privacy"],
]


def refused(project, command, settings, capsys):
    """Whether a command refuses, and because of the persona."""
    capsys.readouterr()
    arguments = [part.format(root=project.root) for part in command]
    status = project.run(*arguments, settings=settings)
    return status == 2 and "trained with another persona" in capsys.readouterr().err


@pytest.mark.parametrize("command", DOORS, ids=lambda command: command[0])
def test_a_persona_changed_after_training_is_noticed(trained, capsys, monkeypatch, command):
    monkeypatch.setattr("builtins.input", lambda *_: "/exit")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert refused(trained, command, OTHER, capsys)  # before the data is made anew
    assert trained.run("preprocess", settings=OTHER) == 0
    assert refused(trained, command, OTHER, capsys)
    assert not refused(trained, command, BACK, capsys)


def test_a_published_file_notices_too_and_holds_no_name(trained, capsys):
    assert trained.run("publish") == 0
    shutil.rmtree(trained.root / "checkpoints")
    assert refused(trained, ["reply", "안녕"], OTHER, capsys)
    about = read_bundle(trained.root / "artifacts/model_latest.safetensors").about
    assert len(set(about.speakers.names)) == 2
    assert "하늘" not in msgspec.json.encode(about).decode()
    (trained.root / ".env").write_text("CHATBOT_PASSWORD=a\n")  # a stranger's project
    shutil.rmtree(trained.root / "data/processed")
    assert not refused(trained, ["reply", "안녕"], OTHER, capsys)


@pytest.mark.parametrize("name", ["하늘", "도윤", "0", "1"])
def test_in_a_room_of_two_either_can_speak(trained, name):
    assert trained.run("reply", "--set", f"dialogue.speak_as='{name}'", "안녕") == 0


def test_who_is_unknown_is_told_what_is_possible(trained, capsys, monkeypatch):
    unknown = ("--set", "dialogue.speak_as=하느")
    assert trained.run("reply", *unknown, "안녕") == 2
    shown = capsys.readouterr().err
    assert "0 (the persona) to 1, or one of 2 names of the room" in shown and "하늘" not in shown
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert trained.run("reply", *unknown, "안녕") == 2
    assert "did you mean 하늘?" in capsys.readouterr().err


@given(
    st.dictionaries(NAMES, st.integers(1, 50), min_size=1, max_size=6),
    st.binary(min_size=32, max_size=32),
)
def test_marks_know_every_name_with_the_key_and_none_without(counts, key):
    speakers = number_speakers(counts, None, PreprocessConfig(max_speakers=3))
    marks = speakers.marks(key)
    for number in range(speakers.n_speakers):
        name = speakers.name_of(number)
        assert name is None or marks.id_of(name, key) == number == speakers.number_of(name)
        assert name is None or marks.id_of(name, key[::-1] + b"x") is None
    assert marks.id_of("아무도 아님", key) is None


@given(st.lists(NAMES, unique=True, max_size=6), NAMES)
def test_a_name_is_matched_whole_or_where_only_one_begins_so(names, typed):
    found = match_name(typed, names)
    if typed.strip() in names:
        assert found == typed.strip()
    assert found is None or found.startswith(typed.strip())
    assert match_name("다온", ["다온 [총무]", "다온이"]) == "다온 [총무]"
    assert match_name("다온", ["다온 [총무]", "다온 2"]) is None
    assert propose_name("다옹", ["다온 [총무]", "다온이"]) == "did you mean 다온 [총무] or 다온이?"


@given(st.text(max_size=60), st.booleans(), st.integers(2, 6), st.text(max_size=4))
@example("https://a.kr", True, 2, "\\")
def test_text_is_written_by_the_rules_that_a_model_carries(text, mask_urls, max_run, url_mask):
    rules = PreprocessConfig(mask_urls=mask_urls, max_run=max_run, url_mask=url_mask)
    about = About(text_rules=msgspec.convert(msgspec.to_builtins(rules), TextRules))
    carried = bot_settings(Config(), about).text_rules
    assert Normalizer(carried).normalize(text) == Normalizer(rules).normalize(text)


def test_replies_are_the_same_whatever_the_receiver_has_set(trained, capsys):
    asked = ("reply", "--set", "sampling.seed=1", "ㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋ www.example.com")
    said = []
    for more in (
        (),
        (
            "--set",
            "processed.preprocess.max_run=9",
            "--set",
            "processed.preprocess.mask_urls=false",
        ),
    ):
        assert trained.run(*asked, *more) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]


def test_a_file_of_before_has_the_rules_of_today():
    assert bot_settings(Config(), About()).text_rules == TextRules()
    assert Speakers({"가": 0}, 2, "pair", "").name_of(1) is None
