"""The hook in front of the bot: what it answers, and what the bot reads of a conversation."""

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.serving.skills import guide
from chatbot.serving.skills.assistant import Assistant
from chatbot.serving.skills.interface import Context
from chatbot.serving.skills.keyboard import quoting_particle
from chatbot.serving.skills.registry import SKILLS

NOON = datetime(2026, 11, 28, 12, 5, tzinfo=UTC)
BOT, USER = 0, None


def context_of(**fields):
    return Context(
        now=lambda: NOON,
        randomness=random.Random(1),  # noqa: S311 of a test
        fetch_json=lambda url, parameters: pytest.fail("the network is used"),
        read_secret=lambda name: None,
        **fields,
    )


@pytest.fixture
def assistant():
    lines = tuple(skill.HELP for skill in SKILLS.values())
    return Assistant([*SKILLS.values()], context_of(lines=lines))


def said(assistant, *texts):
    """Turns that begin with the user's, told as the assistant hears them."""
    turns = [(BOT if place % 2 else USER, text) for place, text in enumerate(texts)]
    return assistant.hear(turns, BOT)


def answered(assistant, text):
    return assistant.answer(said(assistant, text).request)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("지금 몇 시야?", "지금은 오후 12시 5분이에요."),
        ("오늘 며칠이야?", "오늘은 2026년 11월 28일 토요일이에요."),
        ("what time is it?", "It is 12:05."),
        ("what's the date", "Today is Saturday, November 28, 2026."),
        ("dkssud", "‘안녕’이라고 말씀하신 게 맞을까요?"),
        ("anjgo?", "‘뭐해?’라고 말씀하신 게 맞을까요?"),
        ("초기화", "지금까지의 대화를 잊었어요. 처음부터 다시 이야기해요."),
        ("꺼져", "그런 말은 듣기 힘들어요. 조금만 부드럽게 말씀해 주시면 계속 이야기할게요."),
        ("날씨", "어느 지역의 날씨를 알려 드릴까요? ‘서울 날씨’처럼 물어봐 주세요."),
    ],
)
def test_requests_are_answered_without_the_network(assistant, text, answer):
    assert answered(assistant, text) == answer


@given(st.integers())
def test_lotto_numbers_are_six_different_ones_in_order(seed):
    context = Context(lambda: NOON, random.Random(seed), None, None)  # noqa: S311
    drawn = answered(Assistant([SKILLS["lotto"]], context), "로또 번호").split("\n")
    numbers = [int(number) for number in drawn[0].split(", ")]
    assert len(set(numbers)) == 6 and numbers == sorted(numbers)
    assert {*numbers} <= {*range(1, 46)} and "무작위" in drawn[1]


def test_help_lists_the_enabled_skills_in_the_language_of_the_question(assistant):
    assert "dkssud" in answered(assistant, "도움말") and "로또" in answered(assistant, "도움말")
    assert answered(assistant, "help").startswith("Just talk to me")
    few = Assistant([guide], context_of(lines=(guide.HELP,)))
    assert answered(few, "도움말").count("·") == 1


def test_what_skills_say_stays_out_of_what_the_bot_reads(assistant):
    heard = said(assistant, "안녕", "응 안녕", "지금 몇 시야?", "12시예요", "밥 먹었어?")
    assert heard.turns == ((USER, "안녕"), (BOT, "응 안녕"), (USER, "밥 먹었어?"))
    assert heard.request is None


def test_a_yes_to_a_question_becomes_what_was_meant(assistant):
    heard = said(assistant, "dkssud", "맞을까요?", "응", "그래 안녕", "뭐해?")
    assert heard.turns == ((USER, "안녕"), (BOT, "그래 안녕"), (USER, "뭐해?"))


def test_without_a_yes_the_question_is_dropped(assistant):
    assert said(assistant, "dkssud", "맞을까요?", "아니").turns == ((USER, "아니"),)


def test_a_yes_after_anything_else_is_an_ordinary_message(assistant):
    assert said(assistant, "밥 먹었어?", "응 너는?", "응").turns[-1] == (USER, "응")


def test_a_reset_cuts_the_conversation(assistant):
    heard = said(assistant, "안녕", "응", "초기화", "잊었어요", "뭐해?")
    assert heard.turns == ((USER, "뭐해?"),)


@given(st.lists(st.sampled_from(["안녕", "지금 몇 시야?", "dkssud", "응", "초기화", "뭐해"])))
def test_the_bot_reads_no_request_and_no_answer_to_one(texts):
    assistant = Assistant([*SKILLS.values()], context_of())
    turns = [turn for text in texts for turn in ((USER, text), (BOT, f"to {text}"))]
    read = assistant.hear(turns, BOT).turns
    assert {text for _, text in read} <= {"안녕", "응", "뭐해", "to 안녕", "to 응", "to 뭐해"}
    assert all(who is USER for who, _ in read[::2]) and all(who is BOT for who, _ in read[1::2])


@pytest.mark.parametrize(
    ("text", "particle"),
    [("밥", "이라고"), ("나비", "라고"), ("7", "이라고"), ("2", "라고"), ("?", "라고")],
)
def test_the_particle_follows_the_last_sound(text, particle):
    assert quoting_particle(text) == particle
