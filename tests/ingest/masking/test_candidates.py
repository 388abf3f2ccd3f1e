"""What no rule masks is proposed to the owner, whose decisions count from then on."""

import sys
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.cli.invented_room import FRIEND, invent_room, write_android_export
from chatbot.conversation import Message
from chatbot.corpus.store import open_corpus
from chatbot.ingest.masking.candidates import find_candidates, looks_random
from chatbot.ingest.masking.review import Decision, keep_decisions, read_decisions
from chatbot.ingest.readers import KST

SECRETS = {
    "비번 qqeRfk3M이야": "qqeRfk3M",
    "와이파이는 하늘바다7788": "하늘바다7788",
    "코드 Tk9-xYqB 입력": "Tk9-xYqB",
    "현관은 2580*": "2580*",
    "hunter22": "hunter22",
    "택배는 4821 누르고 와": "4821",
    "93028471": "93028471",
}
NAMES = {
    "지민아 뭐해": "지민",
    "박과장님이 또 시켰어": "박과장",
    "어제 서연이가 그러는데": "서연",
    "준호야 이따 봐": "준호",
    "정유진씨 연락 왔어?": "정유진",
    "은지한테 물어봐": "은지",
    "정은이 언니 퇴원했대": "정은",
    "장미란 걔 번호 바꿨나봐": "장미란",
    "정대표님이랑 점심": "정대표",
    "아 진짜 도현아!": "도현",
}
ORDINARY = (
    "오늘 10:30에 봐", "15000원이래", "2024년 3월에", "그거야 당연하지", "너무 좋아", "하나야", "지금이야", "일해야지",
    "우리한테 왜 그래", "우리가한테", "아이가 울어", "나이가 들어서", "ㅋㅋㅋㅋㅋㅋ", "hello world", "iphone 샀어", "선생님이 그러셨어",
    "엄마야!", "이제야 왔네", "1.5km 뛰었어", "50% 할인", "RTX3060으로도 충분해", "GS25에서 사와", "IMG_2041.jpg 봐", "1080p로 봐", "https://a.kr/5xQ", "v2.3.1 나옴",
)  # fmt: skip


@pytest.mark.parametrize(("text", "value"), [*SECRETS.items(), *NAMES.items()])
def test_a_possible_secret_is_proposed(text, value):
    (candidate,) = find_candidates([("나", text)])
    assert (candidate.value, candidate.n_messages, candidate.n_speakers) == (value, 1, 1)
    assert candidate.kind == ("password" if text in SECRETS else "name")


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_talk_is_not(text):
    assert not find_candidates([("나", text)])


def test_what_many_say_and_what_is_known_is_not_proposed():
    by_many = [(speaker, "비번 qqeRfk3M") for speaker in range(3)]
    assert not find_candidates(by_many)
    assert not find_candidates([("나", "지민아 뭐해")], known=["지민"])


@given(st.lists(st.tuples(st.integers(0, 3), st.text(max_size=30)), max_size=6))
def test_any_text_can_be_read(messages):
    for candidate in find_candidates(messages):
        assert candidate.value and 1 <= candidate.n_speakers <= candidate.n_messages


@pytest.mark.parametrize(
    "word", ["맛있겠다", "3시에", "ㅋㅋㅋㅋㅋ", "hello", "OK", "it's", "12월", "?!", "50%"]
)
def test_ordinary_words_do_not_look_random(word):
    assert not looks_random(word)


def test_decisions_are_kept_encrypted_and_the_later_one_counts(project):
    config = project.config()
    keep_decisions(
        [Decision("name", "황보미르", True), Decision("password", "abc123", True)], config
    )
    keep_decisions([Decision("name", "황보미르", False)], config)
    assert read_decisions(config) == [
        Decision("name", "황보미르", False),
        Decision("password", "abc123", True),
    ]
    content = (project.root / "data/raw/reviewed.age").read_bytes()
    assert b"abc123" not in content


def room():
    """An invented room with a password and a third person in it."""
    now = datetime(2025, 1, 1, 9, tzinfo=KST)
    for text in ("지민아 생일 축하해", "아니 그 hunter22래", "지민이는 왜 안 와"):
        now += timedelta(days=1)
        yield Message(FRIEND, text, now)
    yield from invent_room(60, seed=7)


def test_what_was_decided_is_masked_and_proposed_no_more(project, monkeypatch, capsys):
    project.add_export("KakaoTalkChats.txt", write_android_export(room()))
    assert project.run("organize") == 0
    capsys.readouterr()
    assert project.run("preprocess", "--review") == 0
    captured = capsys.readouterr()
    assert "지민" in captured.out and "hunter22" in captured.out
    assert "asks which of these to mask" in captured.err
    answers = iter(["y", "what", "y"])
    monkeypatch.setattr("builtins.input", lambda _prompt: next(answers))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    assert project.run("preprocess", "--review") == 0
    assert "masked from now on: 2" in capsys.readouterr().err
    assert project.run("preprocess", "--review") == 0
    assert "nothing else looks like" in capsys.readouterr().err
    assert project.run("preprocess") == 0
    corpus = open_corpus(project.config().processed_dir)
    text = corpus.tokenizer.decode(
        [t for t in corpus.train.tokens if t >= corpus.tokenizer.n_control]
    )
    assert "생일 축하해" in text and "지민" not in text and "hunter22" not in text
