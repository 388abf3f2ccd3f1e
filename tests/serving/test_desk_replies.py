"""A desk behind the server: citations and hand-overs as ordinary clients show them."""

import pytest

from chatbot.errors import CorpusError
from chatbot.retrieval.grounding import Desk
from chatbot.retrieval.index import Row, build_index, open_index
from chatbot.serving.desk_replies import DeskReplier
from tests.serving.servers import asked, serving, trained_service

HAND_OVER = "담당자에게 전달하겠습니다."


@pytest.fixture
def client(tmp_path):
    rows = [
        Row("12", "배송은 얼마나 걸려요?", "이틀 걸립니다."),
        Row("55", "배송 며칠 걸려요?", "이틀 걸립니다."),
        Row("60", "환불하고 싶어요", "사흘 안에 돌려 드려요."),
    ]
    build_index(tmp_path / "index", rows, "ngrams", "data")
    index = open_index(tmp_path / "index", "data", "chatbot qna index")
    with serving(DeskReplier(Desk(index, 5, 0.2), HAND_OVER)) as client:
        yield client


def content_of(client, text, **fields):
    messages = [{"role": "user", "content": text}]
    answer = client.post("/v1/chat/completions", json=asked(messages=messages, **fields))
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]["message"]["content"]


def test_an_answer_ends_with_the_rows_it_rests_on(client):
    content = content_of(client, "배송 얼마나 걸려요")
    text, citation = content.split("\n")
    assert text == "이틀 걸립니다."
    assert citation in ("[근거: 12, 55]", "[근거: 55, 12]")


def test_what_no_row_supports_is_handed_over(client):
    assert content_of(client, "오늘 저녁 메뉴 추천") == HAND_OVER


def test_the_latest_message_is_answered(client):
    messages = [
        {"role": "user", "content": "환불하고 싶어요"},
        {"role": "assistant", "content": "사흘 안에 돌려 드려요."},
        {"role": "user", "content": "배송은 얼마나 걸려요?"},
    ]
    answer = client.post("/v1/chat/completions", json=asked(messages=messages)).json()
    assert answer["choices"][0]["message"]["content"].startswith("이틀")
    assert answer["choices"][0]["finish_reason"] == "stop"


def test_a_question_about_the_one_before_is_asked_with_it(client):
    messages = [
        {"role": "user", "content": "환불하고 싶어요"},
        {"role": "assistant", "content": "사흘 안에 돌려 드려요."},
        {"role": "user", "content": "그럼 배송은 얼마나 걸려요?"},
    ]
    answer = client.post("/v1/chat/completions", json=asked(messages=messages)).json()
    assert answer["choices"][0]["message"]["content"].startswith("이틀")
    messages[2]["content"] = "그건 왜요?"
    answer = client.post("/v1/chat/completions", json=asked(messages=messages)).json()
    assert answer["choices"][0]["message"]["content"] == HAND_OVER


def test_a_stop_text_ends_the_answer(client):
    assert content_of(client, "배송은 얼마나 걸려요?", stop=["\n"]) == "이틀 걸립니다."


def test_ollama_clients_read_the_same(client):
    body = {"model": "main", "stream": False}
    body["messages"] = [{"role": "user", "content": "배송은 얼마나 걸려요?"}]
    assert "[근거: " in client.post("/api/chat", json=body).json()["message"]["content"]


def test_probabilities_of_tokens_are_refused(client):
    answer = client.post("/v1/chat/completions", json=asked(logprobs=True))
    assert answer.status_code == 400 and answer.json()["error"]["param"] == "logprobs"


def test_an_enabled_desk_answers_the_service_and_needs_its_index(trained):
    with (
        pytest.raises(CorpusError, match="no index"),
        trained_service(trained, "qna.answering.enabled=true"),
    ):
        pass
