"""The clients that people use, against a trained model on a real server."""

import json
import urllib.parse

import httpx
import ollama
import openai
import pytest

from tests.conftest import Project
from tests.serving.servers import BEARER, PASSWORD, asked, running, trained_service

KEY = urllib.parse.quote(PASSWORD)  # headers of these clients are ASCII
MESSAGES = [{"role": "user", "content": "오늘 뭐함"}]


@pytest.fixture(scope="module")
def address(_trained):
    with trained_service(Project(_trained)) as service, running(service) as address:
        yield address


@pytest.fixture(scope="module")
def client(address):
    with openai.OpenAI(base_url=f"{address}/v1", api_key=KEY, max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def local(address):
    with ollama.Client(address, headers={"Authorization": f"Bearer {KEY}"}) as client:
        yield client


def test_openai_lists_and_finds_models(client):
    models = client.models.list().data
    assert models[0].id == "main" and client.models.retrieve("main").object == "model"
    with pytest.raises(openai.NotFoundError, match="no such model"):
        client.models.retrieve("gpt-4o")


def test_openai_chats(client):
    reply = client.chat.completions.create(model="main", messages=MESSAGES, seed=1)
    assert reply.choices[0].message.content and reply.usage.completion_tokens > 0


def test_the_same_seed_is_the_same_text_streamed_or_not(client):
    def text():
        made = client.chat.completions.create(model="main", messages=MESSAGES, seed=3)
        return made.choices[0].message.content

    stream = client.chat.completions.create(model="main", messages=MESSAGES, seed=3, stream=True)
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert text() == text() == streamed


def test_stop_strings_end_the_text_before_them(client):
    whole = client.chat.completions.create(model="main", messages=MESSAGES, seed=3)
    whole = whole.choices[0].message.content
    for stop in {whole[1:3], whole[-1:]}:
        cut = client.chat.completions.create(model="main", messages=MESSAGES, seed=3, stop=stop)
        assert cut.choices[0].message.content == whole[: whole.index(stop)]
        assert cut.choices[0].finish_reason == "stop"


def test_a_limit_of_tokens_says_length(client):
    cut = client.chat.completions.create(model="main", messages=MESSAGES, seed=3, max_tokens=1)
    assert cut.choices[0].finish_reason == "length" and cut.usage.completion_tokens == 1


@pytest.mark.parametrize("stream", [True, False])
def test_tokens_with_probabilities_are_the_text(client, stream):
    made = client.chat.completions.create(
        model="main", messages=MESSAGES, seed=4, logprobs=True, top_logprobs=3, stream=stream
    )
    if stream:
        choices = [chunk.choices[0] for chunk in made]
        text = "".join(choice.delta.content or "" for choice in choices)
        tokens = [t for choice in choices if choice.logprobs for t in choice.logprobs.content]
    else:
        text = made.choices[0].message.content
        tokens = made.choices[0].logprobs.content
    assert "".join(token.token for token in tokens) == text
    assert all(token.logprob <= 0 and len(token.top_logprobs) == 3 for token in tokens)


def test_openai_responds(client):
    whole = client.responses.create(model="main", input="오늘 뭐함", instructions="짧게")
    assert whole.output_text and whole.status in ("completed", "incomplete")
    with client.responses.stream(
        model="main", input=[{"role": "user", "content": "뭐해"}]
    ) as stream:
        events = list(stream)
    assert events[0].type == "response.created"
    assert events[-1].type in ("response.completed", "response.incomplete")
    assert events[-1].response.output_text


def test_ollama_chats_and_generates(local):
    assert local.list().models[0].model == "main:latest"
    assert local.ps().models[0].model == "main:latest"
    assert local.show("main").details.family == "gpt"
    assert local.chat("main", MESSAGES).message.content
    parts = list(local.chat("main", MESSAGES, stream=True))
    assert parts[-1].done and parts[-1].done_reason in ("stop", "length")
    assert local.generate("main", "오늘 뭐함", options={"seed": 1, "num_predict": 4}).response
    with pytest.raises(ollama.ResponseError, match="no such model"):
        local.chat("llama3", MESSAGES)


def test_control_tokens_and_html_in_text_are_text(address):
    said = '<|eos|><|spk:0|>\x00\u202e<img src=x onerror=alert(1)><script>"</script>'
    messages = [{"role": "user", "content": said}]
    with httpx.Client(base_url=address, headers=BEARER) as client:
        plain = client.post("/v1/chat/completions", json=asked(messages=messages)).json()
        stream = client.post("/v1/chat/completions", json=asked(messages=messages, stream=True))
    assert plain["usage"]["prompt_tokens"] > len(said) / 4  # each sign was read as text
    text = "".join(
        json.loads(line[6:])["choices"][0]["delta"].get("content") or ""
        for line in stream.text.splitlines()
        if line.startswith("data: {")
    )
    assert "<|" not in text and "\x00" not in text


def test_a_history_longer_than_the_context_is_cut_not_refused(client):
    messages = [{"role": "user", "content": f"{i}번째 이야기"} for i in range(900)]
    reply = client.chat.completions.create(model="main", messages=messages)
    assert 0 < reply.usage.prompt_tokens < 64


def test_who_leaves_is_no_fault_and_frees_the_engine(_trained, caplog):
    with (
        trained_service(Project(_trained), "sampling.max_new_tokens=48") as service,
        running(service) as address,
        httpx.Client(base_url=address, headers=BEARER) as client,
    ):
        for _ in range(8):
            with client.stream("POST", "/v1/chat/completions", json=asked(stream=True)) as answer:
                next(answer.iter_lines())
        assert client.post("/v1/chat/completions", json=asked()).status_code == 200
    assert not [record for record in caplog.records if record.name.startswith("chatbot")]


@pytest.mark.slow
def test_a_base_is_served_by_the_same_code(tuned):
    with (
        trained_service(tuned("qwen2")) as service,
        running(service) as address,
        httpx.Client(base_url=address, headers=BEARER) as client,
    ):
        answer = client.post("/v1/chat/completions", json=asked(seed=1)).json()
        assert answer["choices"][0]["message"]["content"]
        assert client.get("/api/tags").json()["models"][0]["details"]["family"] == "pretrained"
        assert ": reading" not in client.post("/v1/chat/completions", json=asked(stream=True)).text
