"""The skill server on a socket: who is answered, in what time, in which form, and what it keeps."""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from chatbot.retrieval.grounding import Desk
from chatbot.retrieval.index import Row, build_index, open_index
from chatbot.serving.conversations import Text
from chatbot.serving.desk_replies import DeskReplier
from chatbot.serving.kakao import skill as kakao_skill
from chatbot.serving.kakao.skill import BUSY, NOTHING_SAID, PATH, SLOW, TOO_LONG
from tests.serving.kakao.channel import (
    CALLBACK,
    HASTY,
    HEADER,
    SECRET,
    Posted,
    kakao_service,
    limited,
    payload,
    said,
    texts,
)
from tests.serving.servers import Sayer, running, serving


class Gate(Sayer):
    """A replier that waits until it may speak, or go on."""

    def __init__(self, before=""):
        super().__init__()
        self.before = before
        self.may_speak = threading.Event()

    def answer(self, question, cancelled, on_read):
        if self.before:
            yield Text(self.before)
        while not (self.may_speak.wait(0.01) or cancelled.is_set()):
            pass
        yield from super().answer(question, cancelled, on_read)


@pytest.fixture(scope="module")
def silent():
    """A skill server that nobody makes answer, and its bot."""
    sayer = Sayer()
    with (
        running(kakao_service(sayer)) as address,
        httpx.Client(base_url=address, timeout=10) as client,
    ):
        yield client, sayer


@pytest.fixture
def channel():
    """Return what starts a skill server: (replier, its other parts) -> a client."""
    with contextlib.ExitStack() as stack:

        def start(replier=None, **parts):
            service = kakao_service(replier or Sayer(), **parts)
            address = stack.enter_context(running(service))
            return stack.enter_context(httpx.Client(base_url=address, timeout=10))

        yield start


# ---------------------------------------------------------------- the form of an answer
def test_a_message_is_answered_in_the_documented_form(channel):
    sayer = Sayer()
    answer = said(channel(sayer))
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "version": "2.0",
        "template": {
            "outputs": [{"simpleText": {"text": "안녕!"}}, {"simpleText": {"text": "뭐해?"}}],
            "quickReplies": [
                {"label": "초기화", "action": "message", "messageText": "초기화"},
                {"label": "도움말", "action": "message", "messageText": "도움말"},
            ],
        },
    }
    assert sayer.questions[0].turns == ((None, "안녕"),)


def test_a_long_reply_is_split(channel):
    assert [len(text) for text in texts(said(channel(Sayer(("가" * 2500,)))))] == [1000, 1000, 500]


@pytest.mark.parametrize(("utterance", "sentence"), [("\n", NOTHING_SAID), ("가" * 2001, TOO_LONG)])
def test_messages_that_are_empty_or_too_long_get_a_sentence(silent, utterance, sentence):
    assert texts(said(silent[0], utterance)) == [sentence]


def test_a_reply_without_text_gets_a_sentence(channel):
    assert texts(said(channel(Sayer((" ",))))) == [kakao_skill.NO_ANSWER]


# ---------------------------------------------------------------- who is answered
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": f"Bearer {SECRET}"}, 401),
        ({"X-Chatbot-Secret": ""}, 403),
        ({"X-Chatbot-Secret": SECRET[:-1]}, 403),
        ({"X-Chatbot-Secret": SECRET + "x"}, 403),
        ({"X-Chatbot-Secret": "비밀".encode()}, 403),
        ([("X-Chatbot-Secret", SECRET), ("X-Chatbot-Secret", SECRET)], 403),
    ],
    ids=range(7),
)
def test_without_the_secret_nobody_is_answered(silent, headers, status):
    client, sayer = silent
    assert said(client, headers=headers).status_code == status and not sayer.questions


def test_another_header_can_hold_the_secret(channel):
    client = channel(settings=limited(header="X-Other"))
    assert said(client).status_code == 401
    assert said(client, headers={"x-other": SECRET}).status_code == 200


def test_the_password_of_the_page_is_not_needed_and_does_not_help(channel):
    assert channel().post("/v1/chat/completions", json={}).status_code == 400  # open in tests
    with serving(Sayer()) as client:
        assert client.post(PATH, json=payload(), headers=HEADER).status_code == 404  # off


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b"null", b"\xff", b"[" * 10_000, b'{"userRequest": {}}',
        b'{"userRequest": {"utterance": "a"}}', b'{"userRequest": {"user": {"id": 1}, "utterance": "a"}}',
        b'{"userRequest": {"user": {"id": ""}, "utterance": "a"}}',
        b'{"userRequest": {"user": {"id": "' + b"a" * 71 + b'"}, "utterance": "a"}}',
        b'{"userRequest": {"user": {"id": "a"}, "utterance": 5}}',
    ],
    ids=range(12),
)  # fmt: skip
def test_malformed_requests_are_refused(silent, body):
    assert silent[0].post(PATH, content=body, headers=HEADER).status_code == 400


def test_a_body_that_is_too_large_is_refused(silent):
    assert silent[0].post(PATH, content=b"a" * 70_000, headers=HEADER).status_code == 413


def test_only_posts_of_the_right_name_are_answered(silent):
    client, _ = silent
    assert client.get(PATH, headers=HEADER).status_code == 405
    foreign = {**HEADER, "Host": "rebound.example.org"}
    assert client.post(PATH, json=payload(), headers=foreign).status_code == 421


def test_ids_of_the_test_tool_and_missing_fields_are_taken(channel):
    body = {"userRequest": {"user": {"id": "BuilderBotTest-1"}, "utterance": "발화 내용"}}
    assert channel().post(PATH, json=body, headers=HEADER).status_code == 200


# ---------------------------------------------------------------- time
def test_without_a_callback_a_slow_answer_becomes_a_sentence_in_time(channel):
    gate = Gate()
    client = channel(gate, settings=HASTY)
    began = time.monotonic()
    assert texts(said(client)) == [SLOW]
    assert time.monotonic() - began < 8
    gate.may_speak.set()
    while texts(said(client, "또")) == [SLOW]:
        pass
    assert gate.questions[-1].turns == ((None, "또"),)  # what was not answered is not remembered


def test_what_there_is_of_a_slow_reply_is_sent_and_remembered(channel):
    gate = Gate(before="안녕!\n뭐")
    client = channel(gate, settings=HASTY)
    while (answer := texts(said(client))) == [SLOW]:  # not a piece in time, on a busy computer
        pass
    assert answer == ["안녕!"]
    gate.may_speak.set()
    while not (later := [q.turns for q in gate.questions if q.turns[-1][1] == "또"]):
        said(client, "또")
    assert later[0] == ((None, "안녕"), (0, "안녕!"), (None, "또"))


def test_with_a_callback_a_slow_answer_is_posted_once(channel):
    gate, poster = Gate(), Posted()
    client = channel(gate, poster=poster, settings=HASTY)
    answer = said(client, callbackUrl=CALLBACK).json()
    assert answer == {
        "version": "2.0",
        "useCallback": True,
        "data": {"text": "생각하고 있어요. 잠시만 기다려 주세요."},
    }
    gate.may_speak.set()
    assert poster.is_posted.wait(10)
    ((address, posted),) = poster.posts
    assert address.host == "bot-api.kakao.com" and address.target.endswith("/a1b2c3")
    assert posted["template"]["outputs"][0] == {"simpleText": {"text": "안녕!"}}
    assert "useCallback" not in posted


def test_a_fast_answer_uses_no_callback(channel):
    poster = Posted()
    assert texts(said(channel(poster=poster), callbackUrl=CALLBACK))[0] == "안녕!"
    assert not poster.posts


def test_a_late_answer_that_is_too_late_becomes_a_sentence(channel, monkeypatch):
    monkeypatch.setattr(kakao_skill, "_ACK_SECONDS", 0.0)
    poster = Posted()
    client = channel(
        Gate(), poster=poster, settings=limited(answer_seconds=0.3, callback_seconds=0.5)
    )
    assert said(client, callbackUrl=CALLBACK).json()["useCallback"]
    assert poster.is_posted.wait(10)
    assert poster.posts[0][1]["template"]["outputs"][0]["simpleText"]["text"] == SLOW


@pytest.mark.parametrize("url", ["https://example.org/x", "http://bot-api.kakao.com/x", ""])
def test_a_callback_elsewhere_is_not_used(channel, url):
    poster = Posted()
    assert texts(said(channel(Gate(), poster=poster, settings=HASTY), callbackUrl=url)) == [SLOW]
    assert not poster.posts


def test_after_a_refused_late_answer_none_is_promised(channel, monkeypatch):
    monkeypatch.setattr(kakao_skill, "_ACK_SECONDS", 0.0)
    gate, poster = Gate(), Posted("refused")
    client = channel(gate, poster=poster, settings=HASTY)
    assert "useCallback" in said(client, callbackUrl=CALLBACK).json()
    gate.may_speak.set()
    while 'outcome="refused"' not in client.get("/metrics").text:
        time.sleep(0.01)
    gate.may_speak.clear()
    assert texts(said(client, callbackUrl=CALLBACK)) == [SLOW]


# ---------------------------------------------------------------- history
def test_each_user_has_a_history(channel):
    sayer = Sayer()
    client = channel(sayer)
    said(client, "첫말", user="a")
    said(client, "다른 사람", user="b")
    said(client, "둘째 말", user="a")
    assert sayer.questions[1].turns == ((None, "다른 사람"),)
    assert sayer.questions[2].turns == ((None, "첫말"), (0, "안녕!\n뭐해?"), (None, "둘째 말"))
    assert len({question.owner for question in sayer.questions}) == 2


def test_a_reset_forgets_the_history(channel):
    sayer = Sayer()
    client = channel(sayer)
    said(client, "첫말")
    assert "잊었어요" in texts(said(client, "초기화"))[0]
    said(client, "새 말")
    assert sayer.questions[-1].turns == ((None, "새 말"),)


def test_help_lists_what_can_be_asked(channel):
    assert "초기화" in "".join(texts(said(channel(), "도움말")))


def test_a_desk_answers_the_channel_with_its_citation(channel, tmp_path):
    build_index(
        tmp_path / "index", [Row("12", "배송은 얼마나 걸려요?", "이틀 걸립니다.")], "ngrams", "data"
    )
    desk = Desk(open_index(tmp_path / "index", "data", "chatbot qna index"), 5, 0.2)
    client = channel(DeskReplier(desk, "담당자에게 전달하겠습니다."))
    assert texts(said(client, "배송은 얼마나 걸려요?")) == ["이틀 걸립니다.", "[근거: 12]"]
    assert texts(said(client, "저녁 메뉴 추천")) == ["담당자에게 전달하겠습니다."]


# ---------------------------------------------------------------- load
def test_twenty_users_at_once_are_answered(channel):
    client = channel(Sayer(pause_seconds=0.01), n_slots=4)

    def talk(number):
        return [texts(said(client, f"말 {turn}", user=f"u{number}")) for turn in range(3)]

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(talk, range(20)))
    assert answers == [[["안녕!", "뭐해?"]] * 3] * 20


def test_more_users_than_may_wait_get_a_sentence(channel):
    client = channel(Gate(), settings=HASTY, n_slots=1, max_queue=0)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda name: texts(said(client, user=name)), "ab"))
    assert sorted(answers) == sorted([[SLOW], [BUSY]])
