"""The blind test of a server: behind the password, and its answers arrive once."""

import json

import pytest
from starlette.testclient import TestClient

from chatbot.errors import ConfigError
from chatbot.evaluation.blind.code import read_code
from chatbot.evaluation.blind.questions import Draft, Question, Speech
from chatbot.publishing.page.blind import questions_json
from chatbot.serving.auth import Gate
from chatbot.serving.blind import blind_assets, create_blind_app
from chatbot.serving.service import authenticator_of
from tests.serving.page.scripted import serving
from tests.serving.servers import LIMITS, PASSWORD

QUESTION = Question([Speech("하늘", 1, ["오늘 뭐해"])], (["집"], ["그냥 있어", "왜"]))
CONTENT = questions_json("0a0b0c", Draft(Speech("도윤", 0, []), [QUESTION] * 2, [True, False]))


@pytest.fixture
def codes():
    return []


@pytest.fixture
def app(codes):
    def count(code):
        if code in codes:
            raise ConfigError("this code is already counted")
        codes.append(code)

    return create_blind_app(
        CONTENT, count, authenticator_of(Gate(PASSWORD, None), LIMITS, 8000), LIMITS
    )


@pytest.fixture
def client(app):
    return TestClient(app, base_url="http://127.0.0.1")


@pytest.mark.parametrize("path", blind_assets().contents)
def test_the_page_and_its_parts_need_no_password_and_hold_no_message(client, path):
    response = client.get(path)
    assert response.status_code == 200 and "오늘 뭐해" not in response.text
    assert response.headers["content-security-policy"].startswith("default-src 'none';")


def test_questions_and_answers_need_the_password(client, codes):
    assert client.get("/blind/questions").status_code == 401
    assert client.post("/blind/answers", json={"code": "x"}).status_code == 401
    assert client.post("/login", json={"password": PASSWORD}).status_code == 204
    assert client.get("/blind/questions").content == CONTENT
    assert codes == []


def test_a_refused_code_is_told_without_its_text(client):
    client.post("/login", json={"password": PASSWORD})
    assert client.post("/blind/answers", json={"code": "x"}).status_code == 204
    again = client.post("/blind/answers", json={"code": "x"})
    assert again.status_code == 400 and "already counted" in again.json()["error"]["message"]
    assert client.post("/blind/answers", json={}).status_code == 400
    assert client.post("/blind/answers", content=b"x" * 2000).status_code == 413


@pytest.mark.slow
def test_a_friend_logs_in_answers_and_sends(app, codes, new_page):
    with serving(app) as address:
        page = new_page(locale="ko-KR")
        page.goto(address)
        page.fill("#gate-secret", PASSWORD)
        page.press("#gate-secret", "Enter")
        page.click("#blind-start")
        page.click("#blind-real")
        page.click("#blind-bot")
        page.click("#blind-send")
        page.wait_for_selector("#blind-again:visible")
    assert [answer.says_bot for answer in read_code(codes[0]).answers] == [False, True]
    assert json.loads(CONTENT)["test"] == read_code(codes[0]).test
