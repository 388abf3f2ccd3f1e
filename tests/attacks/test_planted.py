"""Secrets planted in a room are in no byte of what is given away, however often they were said."""

from datetime import datetime, timedelta

import pytest

from chatbot.cli.invented_room import FRIEND, PERSONA, invent_room, write_android_export
from chatbot.conversation import Message
from chatbot.corpus.tokenizer import byte_chars
from chatbot.ingest.readers import KST
from tests.conftest import TINY, make_project

PASSWORD = "qqeRfk3M"  # noqa: S105 planted
BY_ONE = {2: "황보미르", 5: "독고가람", 20: "제갈보늬"}  # third persons, as often as that
SETTINGS = (
    *TINY,
    "optimization.max_steps=2",
    "processed.preprocess.vocab_size=1200",
    "processed.preprocess.mask_personal=false",
    f"processed.preprocess.persona={PERSONA}",
    "publish.privacy.check=off",
)


def room():
    """An invented room: a password that both say every day, and names that one of them says."""
    now = datetime(2025, 1, 1, 9, tzinfo=KST)
    for n in range(20):
        now += timedelta(days=1)
        yield Message((FRIEND, PERSONA)[n % 2], f"와이파이 비번 {PASSWORD}이야", now)
        for n_times, name in BY_ONE.items():
            if n < n_times:
                yield Message(FRIEND, f"어제 {name} 만났는데 {name} 웃기더라", now)
    yield from invent_room(120, seed=3)


def spellings(text):
    """Return a text as files may hold it: as it is, and as byte-level vocabularies write it."""
    chars = byte_chars()
    yield text.encode()
    yield "".join(chars[byte] for byte in text.encode()).encode()
    yield "".join(chars[byte] for byte in text.encode()).encode("ascii", "backslashreplace")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Everything that can be given away."""
    pytest.importorskip("gguf")
    project = make_project(tmp_path_factory.mktemp("planted") / "project")
    project.add_export("KakaoTalkChats.txt", write_android_export(room()))
    for command in (
        ["organize"], ["preprocess"], ["train"], ["publish"],
        ["export", "--to", "hf"], ["export", "--to", "gguf"],
    ):  # fmt: skip
        assert project.run(*command, settings=SETTINGS) == 0
    tokens = project.root / "data/processed/train.bin"
    assert tokens.stat().st_size > 0
    return [path for path in (project.root / "artifacts").rglob("*") if path.is_file()]


@pytest.mark.parametrize("secret", [PASSWORD, *BY_ONE.values()])
def test_a_planted_secret_is_in_no_byte(shared, secret):
    assert {path.suffix for path in shared} >= {".safetensors", ".json", ".gguf"}
    for path in shared:
        content = path.read_bytes()
        for spelling in spellings(secret):
            assert spelling not in content, path.name


def test_the_search_finds_what_is_there(shared):
    assert any(next(spellings("tokenizer")) in path.read_bytes() for path in shared)
    common = [list(spellings(word))[1] for word in ("오늘", "진짜", "ㅋㅋ")]
    assert any(word in path.read_bytes() for word in common for path in shared)
