"""Skills behind the server: every interface has them, and the bot does not read them."""

import random
from datetime import UTC, datetime

import pytest

from chatbot.serving.skill_replies import SkillReplier
from chatbot.serving.skills.assistant import Assistant
from chatbot.serving.skills.interface import Context
from chatbot.serving.skills.registry import SKILLS
from tests.serving.servers import Sayer, asked, serving


@pytest.fixture
def sayer():
    return Sayer()


@pytest.fixture
def client(sayer):
    noon = datetime(2026, 11, 28, 12, 5, tzinfo=UTC)
    context = Context(lambda: noon, random.Random(1), None, None)  # noqa: S311
    replier = SkillReplier(sayer, Assistant([*SKILLS.values()], context))
    with serving(replier) as client:
        yield client


def content_of(client, *texts, **fields):
    roles = ("user", "assistant")
    messages = [{"role": roles[place % 2], "content": text} for place, text in enumerate(texts)]
    answer = client.post("/v1/chat/completions", json=asked(messages=messages, **fields))
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]["message"]["content"]


def test_a_skill_answers_programs_of_openai(client, sayer):
    assert content_of(client, "지금 몇 시야?") == "지금은 오후 12시 5분이에요."
    assert not sayer.questions


def test_a_skill_answers_programs_of_ollama(client):
    body = {"model": "main", "stream": False}
    body["messages"] = [{"role": "user", "content": "초기화"}]
    assert "잊었어요" in client.post("/api/chat", json=body).json()["message"]["content"]


def test_the_bot_reads_neither_requests_nor_their_answers(client, sayer):
    assert content_of(client, "안녕", "응", "지금 몇 시야?", "12시", "뭐해?").startswith("안녕!")
    assert sayer.questions[-1].turns == ((None, "안녕"), (0, "응"), (None, "뭐해?"))


def test_a_yes_is_answered_as_what_was_meant(client, sayer):
    asked_back = content_of(client, "dkssud")
    content_of(client, "dkssud", asked_back, "네")
    assert sayer.questions[-1].turns == ((None, "안녕"),)


def test_probabilities_of_an_answer_are_refused(client):
    messages = [{"role": "user", "content": "로또 번호"}]
    answer = client.post("/v1/chat/completions", json=asked(messages=messages, logprobs=True))
    assert answer.status_code == 400 and answer.json()["error"]["param"] == "logprobs"
