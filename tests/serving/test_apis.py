"""Requests of every kind: what is answered, what is refused, and by which sentence."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.serving.servers import Sayer, asked, serving

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def sayer():
    return Sayer()


@pytest.fixture(scope="module")
def client(sayer):
    with serving(sayer, max_messages=1000, max_chars=5000, max_tokens=100) as client:
        yield client


def turns(sayer):
    return sayer.questions[-1].turns


def test_roles_are_speakers_and_system_prompts_have_no_effect(client, sayer):
    messages = [
        {"role": "system", "content": "너는 해적이다"},
        {"role": "user", "content": "하나"},
        {"role": "assistant", "content": [{"type": "text", "text": "둘"}]},
        {"role": "user", "content": "셋", "name": "하늘"},
        {"role": "user", "content": "넷", "name": "모르는 사람"},
    ]
    answer = client.post(CHAT, json=asked(messages=messages))
    assert turns(sayer) == ((None, "하나"), (0, "둘"), (1, "셋"), (2, "넷"))
    assert answer.headers["x-ignored"] == "system"
    assert "x-ignored" not in client.post(CHAT, json=asked()).headers


def test_another_persona_has_its_own_turns(client, sayer):
    said = {"role": "assistant", "content": "응"}
    client.post(CHAT, json=asked(model="main-1", messages=[said]))
    assert sayer.questions[-1].speaker == 1 and turns(sayer) == ((1, "응"),)


@pytest.mark.parametrize("model", ["main", "main:latest", "", None])
def test_the_default_persona_has_several_names(client, model):
    assert client.post(CHAT, json=asked(model=model)).json()["model"] == "main"


def test_settings_of_a_request_reach_the_bot(client, sayer):
    client.post(CHAT, json=asked(temperature=0.5, top_p=0.4, top_k=3, min_p=0.2, seed=-1, max_tokens=9, stop=["가", "나"]))  # fmt: skip
    question = sayer.questions[-1]
    drawn = question.sampling
    assert (drawn.temperature, drawn.top_p, drawn.top_k, drawn.min_p) == (0.5, 0.4, 3, 0.2)
    assert (drawn.seed, drawn.max_new_tokens, question.stop) == (2**31 - 1, 9, ("가", "나"))


def test_options_of_ollama_reach_the_bot(client, sayer):
    options = {"temperature": 0, "top_k": 2, "seed": 7, "num_predict": -1, "repeat_penalty": 1.3, "num_ctx": 99}  # fmt: skip
    client.post("/api/chat", json=asked(options={**options, "stop": ["끝"]}, stream=False))
    drawn, stop = sayer.questions[-1].sampling, sayer.questions[-1].stop
    assert (drawn.temperature, drawn.top_k, drawn.seed, drawn.max_new_tokens) == (0, 2, 7, 100)
    assert (drawn.repetition_penalty, stop) == (1.3, ("끝",))


def test_no_request_gets_more_tokens_than_the_limit(client, sayer):
    client.post(CHAT, json=asked(max_completion_tokens=10**12))
    assert sayer.questions[-1].sampling.max_new_tokens == 100


def test_several_choices_of_a_seed_differ_and_the_first_is_that_of_one(client, sayer):
    first = len(sayer.questions)
    body = client.post(CHAT, json=asked(n=3, seed=5)).json()
    seeds = [question.sampling.seed for question in sayer.questions[first:]]
    assert len({*seeds}) == 3 and min(seeds) == 5
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]
    assert body["usage"] == {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}


def test_several_choices_are_streamed_each_with_its_role_and_end(client):
    content = client.post(CHAT, json=asked(n=2, stream=True)).text
    chunks = [json.loads(line[6:]) for line in content.splitlines() if line.startswith("data: {")]
    for index in range(2):
        own = [c["choices"][0] for c in chunks if c["choices"][0]["index"] == index]
        assert own[0]["delta"] == {"role": "assistant", "content": None}
        assert own[-1]["finish_reason"] == "stop"
    assert content.count("[DONE]") == 1


def test_a_cut_reply_says_length():
    with serving(Sayer(reason="length")) as client:
        assert client.post(CHAT, json=asked()).json()["choices"][0]["finish_reason"] == "length"
        stream = client.post(CHAT, json=asked(stream=True)).text
        assert '"finish_reason":"length"' in stream and '"stop"' not in stream
        cut = client.post("/v1/responses", json={"input": "뭐해"}).json()
        assert cut["status"] == "incomplete"
        assert cut["incomplete_details"] == {"reason": "max_output_tokens"}
        assert client.post("/v1/responses", json={"input": "뭐해", "stream": True}).text.count("response.incomplete") == 2  # fmt: skip


REFUSED = {
    "tools": {"tools": [{"type": "function"}]},
    "functions": {"functions": [{}]},
    "response_format": {"response_format": {"type": "json_object"}},
    "logit_bias": {"logit_bias": {"5": 1}},
    "presence_penalty": {"presence_penalty": 0.1},
    "frequency_penalty": {"frequency_penalty": -1},
    "modalities": {"modalities": ["text", "audio"]},
    "audio": {"audio": {"voice": "x"}},
    "top_logprobs": {"top_logprobs": 2},
    "n": {"n": 0},
    "stop": {"stop": ["a", "b", "c", "d", "e"]},
    "stop[0]": {"stop": [""]},
    "temperature": {"temperature": "hot"},
    "max_tokens": {"max_tokens": 0},
    "seed": {"seed": 1.5},
    "stream": {"stream": "yes"},
    "messages": {"messages": []},
    "messages[0].role": {"messages": [{"role": "tool", "content": "x"}]},
    "messages[0].content[0]": {
        "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]
    },
    "messages[0].content": {"messages": [{"role": "user", "content": 5}]},
}  # fmt: skip


@pytest.mark.parametrize(("param", "fields"), REFUSED.items(), ids=REFUSED)
def test_what_would_change_the_answer_is_refused_by_its_name(client, param, fields):
    answer = client.post(CHAT, json=asked(**fields))
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["param"] == param and error["type"] == "invalid_request_error" and error["message"]


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [], "tool_choice": "auto"}, {"tools": [{"x": 1}], "tool_choice": "none"},
        {"response_format": {"type": "text"}}, {"logit_bias": {}}, {"presence_penalty": 0},
        {"stop": None, "n": None, "user": "나", "store": True, "metadata": {"a": "b"}}, {"unknown": [1]},
        {"top_p": 0, "top_k": -1}, {"modalities": ["text"]},
    ],
)  # fmt: skip
def test_what_changes_nothing_is_tolerated(client, fields):
    assert client.post(CHAT, json=asked(**fields)).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/responses", {"input": "x", "tools": [{}]}, 400),
        ("/v1/responses", {"input": "x", "previous_response_id": "resp_1"}, 400),
        ("/v1/responses", {"input": "x", "text": {"format": {"type": "json_schema"}}}, 400),
        ("/v1/responses", {"input": [{"type": "function_call_output", "output": "x"}]}, 400),
        ("/v1/responses", {"input": ""}, 400),
        ("/v1/responses", {}, 400),
        ("/api/chat", {"model": "main", "messages": [{"role": "user", "content": "x"}], "format": "json"}, 400),
        ("/api/chat", {"model": "main", "messages": [{"role": "user", "content": "x", "images": ["x"]}]}, 400),
        ("/api/generate", {"prompt": "x", "raw": True}, 400),
        ("/api/generate", {"prompt": "x", "template": "{{x}}"}, 400),
        ("/api/generate", {"prompt": "x", "options": {"temperature": "x"}}, 400),
        ("/api/show", {"model": "other"}, 404),
        ("/api/chat", {"model": "other"}, 404),
        (CHAT, {"model": "other", "messages": []}, 404),
    ],
)  # fmt: skip
def test_other_surfaces_refuse_as_well(client, path, body, status):
    answer = client.post(path, json=body)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert isinstance(error, str if path.startswith("/api/") else dict)


def test_ollama_loads_a_model_by_asking_nothing(client):
    assert client.post("/api/generate", json={"model": "main"}).json()["done_reason"] == "load"
    assert client.post("/api/chat", json={"model": "main", "messages": []}).json()["done"]


def test_the_root_greets_programs_and_shows_the_page_to_browsers(client):
    assert client.get("/").text == "Ollama is running"
    assert client.head("/").status_code == 200
    page = client.get("/", headers={"accept": "text/html,*/*"})
    assert page.text.startswith("<!doctype html>") or page.text.startswith("<!DOCTYPE html>")


def test_metrics_count_and_hold_no_text(client):
    secret = "비밀이야기"  # noqa: S105 no password
    client.post(CHAT, json=asked(messages=[{"role": "user", "content": secret}]))
    client.get(f"/{secret}")
    text = client.get("/metrics").text
    assert 'chatbot_requests_total{method="POST",path="/v1/chat/completions",status="200"}' in text
    assert 'path="other"' in text and "chatbot_tokens_total" in text
    assert secret not in text and "127.0.0.1" not in text and "하늘" not in text


def test_a_fault_is_no_text_in_answers_and_logs(caplog):
    with serving(Sayer(fault=ValueError("비밀"))) as client:
        assert client.post(CHAT, json=asked()).json()["error"]["code"] == "internal_error"
        last = client.post(CHAT, json=asked(stream=True)).text.split("\n\n")[-2]
    assert '"code":"internal_error"' in last
    assert "ValueError at servers.py:" in caplog.text and "비밀" not in caplog.text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
FIELDS = ("messages", "model", "stream", "stop", "n", "seed", "options", "prompt", "input", "tools", "logprobs", "top_k", "max_tokens", "format", "text")  # fmt: skip
BODIES = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5) | JSON
PATHS = (CHAT, "/v1/responses", "/api/chat", "/api/generate", "/api/show", "/login")


@pytest.mark.slow
@settings(max_examples=300)
@given(path=st.sampled_from(PATHS), body=BODIES)
def test_no_json_makes_the_server_fail(client, path, body):
    content = json.dumps(body).encode()
    assert client.post(path, content=content).status_code in (200, 204, 400, 401, 404, 413, 429)


@settings(max_examples=15)
@given(path=st.sampled_from(PATHS), content=st.binary(max_size=60))
def test_no_bytes_make_the_server_fail(client, path, content):
    assert client.post(path, content=content).status_code in (200, 204, 400, 401, 404, 429)


@pytest.mark.parametrize(
    "content",
    [b"", b"null", b"[" * 50_000, b'{"messages":' * 20_000, b'{"messages":[{"role":"user","content":"\\ud800"}]}', b"\xff\xfe{}",
     b'{"messages":[{"role":"user","content":"x"}],"seed":' + b"9" * 5000 + b"}", b'{"messages":[],"temperature":1e999}'],
    ids=["empty", "null", "deep", "deeper", "surrogate", "no-utf8", "huge-number", "infinite"],
)  # fmt: skip
def test_malformed_bodies_are_refused(client, content):
    answer = client.post(CHAT, content=content)
    assert answer.status_code == 400 and answer.json()["error"]["message"]


def test_a_body_that_is_no_object_names_no_field(client):
    assert client.post(CHAT, content=b"[]").json()["error"]["param"] is None


def test_too_many_messages_or_characters_are_refused(client):
    one = {"role": "user", "content": "x"}
    many = client.post(CHAT, json=asked(messages=[one] * 1001)).json()["error"]
    assert many["code"] == "too_many_messages"
    long = client.post(CHAT, json=asked(messages=[{**one, "content": "가" * 5001}])).json()["error"]
    assert long["code"] == "too_long"
