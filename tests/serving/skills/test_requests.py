"""Which messages skills take for theirs, on 200 invented ones."""

import pytest

from chatbot.serving.skills.assistant import Assistant, Request
from chatbot.serving.skills.registry import SKILLS
from tests.serving.skills.utterances import ORDINARY, REQUESTS, lines

ASSISTANT = Assistant([*SKILLS.values()], None)
ASKED = [(name, text) for name, texts in REQUESTS.items() for text in lines(texts)]


def skill_of(text):
    taken = ASSISTANT.take(text)
    if isinstance(taken, str):
        return None
    return next(name for name, skill in SKILLS.items() if skill is taken.skill)


def test_there_are_200_messages():
    assert len(ASKED) >= 100 and len(lines(ORDINARY)) >= 100


def test_at_least_95_of_100_requests_reach_their_skill():
    n_reached = sum(skill_of(text) == name for name, text in ASKED)
    assert n_reached / len(ASKED) >= 0.95


def test_no_request_reaches_another_skill():
    assert not [text for name, text in ASKED if skill_of(text) not in (name, None)]


def test_at_most_one_of_100_ordinary_messages_is_taken_for_a_request():
    assert len([text for text in lines(ORDINARY) if skill_of(text)]) <= 1


@pytest.mark.parametrize(
    "text", ["ㅋ" * 100_000 + "a", "서울 " * 50_000, "a b" * 50_000, "ㅗ" * 99999]
)
def test_long_messages_are_for_the_bot(text):
    assert ASSISTANT.take(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "weather" + " in a" * 35 + " 1", "서울 " * 40 + "날씨요요", "가 " * 90 + "비",
        "로또" + " 추천" * 60 + "1", "야 " * 90, "what's the " * 15 + "stock price", "1 " * 90 + "주가",
        "how is the weather where you are",
    ],
    ids=range(8),
)  # fmt: skip
def test_messages_that_are_slow_to_match_are_for_the_bot(text):
    assert ASSISTANT.take(text) == text


@pytest.mark.parametrize(
    "text",
    ["역시 빨라", "다시 팔았어", "다시발표할게", "9시 발표야?", "9 시 발표", "혹시 빨간색 있어?",
     "택시 팔았대", "민수씨 빨리 와", "날씨 발표 봤어?", "몇시발차야", "이 새끼오리 귀엽다"],
)  # fmt: skip
def test_a_word_that_holds_the_letters_of_a_curse_is_none(text):
    assert skill_of(text) != "manners"


@pytest.mark.parametrize(
    "text", ["시발", "아 시발", "아씨발 진짜", "시1발", "시 발", "개씨팔 뭐야"]
)
def test_a_curse_is_recognized_with_a_call_and_with_noise(text):
    assert skill_of(text) == "manners"


@pytest.mark.parametrize(
    ("text", "place", "day"),
    [
        ("서울 날씨 어때?", "서울", "0"),
        ("내일 부산 날씨 알려줘", "부산", "1"),
        ("제주도 모레 날씨", "제주도", "2"),
        ("모레 서울 강남구 날씨", "서울 강남구", "2"),
        ("대전 내일 비 올까?", "대전", "1"),
        ("날씨", "", "0"),
        ("weather in new york tomorrow", "new york", "1"),
    ],
)
def test_a_place_and_a_day_are_read(text, place, day):
    taken = ASSISTANT.take(text)
    assert isinstance(taken, Request) and taken.match.values == {"place": place, "day": day}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("삼성전자 주가 얼마야?", "삼성전자"),
        ("005930 주가", "005930"),
        ("KT&G stock price", "kt&g"),
    ],
)
def test_a_share_is_read(text, name):
    taken = ASSISTANT.take(text)
    assert isinstance(taken, Request) and taken.match.values["name"] == name
