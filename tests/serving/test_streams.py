"""The shape of streamed answers: every law holds, and each is broken by its planted fault."""

import json

import pytest

from tests.serving.servers import Sayer, asked, serving
from tests.serving.streams import CHAT, OLLAMA, RESPONSES, parse_lines, parse_sse, write_sse


@pytest.fixture(scope="module")
def client():
    # Slowly, so that every piece is an event of its own.
    with serving(Sayer(pause_seconds=0.02)) as client:
        yield client


@pytest.fixture(scope="module")
def chat(client):
    options = {"include_usage": True}
    answer = client.post("/v1/chat/completions", json=asked(stream=True, stream_options=options))
    assert answer.headers["content-type"].startswith("text/event-stream")
    return answer.content


@pytest.fixture(scope="module")
def response(client):
    return client.post("/v1/responses", json={"input": "뭐해", "stream": True}).content


@pytest.fixture(scope="module")
def ollama(client):
    answer = client.post("/api/chat", json=asked())
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return answer.content


@pytest.mark.parametrize("law", CHAT, ids=lambda law: law.name)
def test_chat_streams_obey_every_law_and_each_notices_its_fault(chat, law):
    assert law.holds(parse_sse(chat))
    stream = parse_sse(chat)
    law.plant(stream)
    assert not law.holds(stream if stream.frames != parse_sse(chat).frames else _again(stream))


@pytest.mark.parametrize("law", RESPONSES, ids=lambda law: law.name)
def test_response_streams_obey_every_law_and_each_notices_its_fault(response, law):
    assert law.holds(parse_sse(response))
    stream = parse_sse(response)
    law.plant(stream)
    assert not law.holds(stream if stream.frames != parse_sse(response).frames else _again(stream))


@pytest.mark.parametrize("law", OLLAMA, ids=lambda law: law.name)
def test_ollama_streams_obey_every_law_and_each_notices_its_fault(ollama, law):
    assert law.holds(parse_lines(ollama))
    stream = parse_lines(ollama)
    law.plant(stream)
    assert not law.holds(parse_lines("\n".join(map(json.dumps, stream.events)).encode()))


def _again(stream):
    return parse_sse(write_sse(stream))
