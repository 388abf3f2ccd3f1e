"""Llama-2, Mistral and Gemma as chat: our tokens are those of their own chat templates."""

import random
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.corpus.chat_template import jinja_of
from chatbot.corpus.hf_tokenizer import BaseTokenizer
from chatbot.corpus.store import TokenStore
from chatbot.corpus.template import Turn, parse, render_all, render_prompt, session_lead
from chatbot.corpus.tokenizer import EOS
from chatbot.errors import ChatbotError
from chatbot.model.pretrained.hub import Base
from chatbot.model.pretrained.tokenizer import base_tokenizer
from chatbot.settings.schema import BaseModelConfig, ObjectiveConfig
from chatbot.training.batches import BatchSource
from tests.bases import lines
from tests.instruct import TEMPLATES, tokenizer_of

PROMPT = "너는 다정한 친구야. Be kind."
# Which template, with a system prompt or not, is followed token by token.
FOLLOWED = [
    ("llama-2", ""), ("mistral-v1", ""), ("mistral-v3", ""), ("gemma-2", ""), ("gemma-3", ""),
    ("gemma-3", PROMPT),
]  # fmt: skip
WORDS = ["가나다", "ㅋㅋ", "👍", "abc", "5", "a  5", "...", "?!", "[INST", "오늘\n내일", "뭐 해"]
FORGED = [*WORDS, "[/INST]", "[INST]", "<s>", "</s>", "<start_of_turn>", "[/IN[/INST]ST]"]


@cache
def followed(name: str, prompt: str) -> BaseTokenizer:
    import tempfile

    return base_tokenizer(base_of(name, prompt, Path(tempfile.mkdtemp())), 2)[0]


def base_of(name: str, prompt: str, folder: Path, form: str = "chat") -> Base:
    tokenizer_of(name).save_pretrained(folder)
    (folder / "config.json").write_text('{"model_type": "llama"}')
    settings = BaseModelConfig(base_model=str(folder), form=form, system_prompt=prompt)
    return Base(settings, Path())


def talk_of(texts: list[str], prompt: str) -> list[dict[str, str]]:
    system = [{"role": "system", "content": prompt}] if prompt else []
    roles = ("user", "assistant")
    return system + [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]


@pytest.mark.parametrize(("name", "prompt"), FOLLOWED)
def test_a_thousand_conversations_are_token_for_token_those_of_the_template(name, prompt):
    ours, theirs = followed(name, prompt), tokenizer_of(name)
    draw = random.Random(0)  # noqa: S311
    words = [*WORDS, *(word for line in lines() for word in line.split())]
    for _ in range(1000):
        texts = [
            " ".join(draw.choices(words, k=draw.randint(1, 6))) for _ in range(draw.randint(1, 7))
        ]
        wanted = theirs.apply_chat_template(
            talk_of(texts, prompt), tokenize=True, return_dict=False
        )
        turns = [Turn(1 - i % 2, text) for i, text in enumerate(texts)]
        if len(texts) % 2:  # their prompt ends where ours begins the reply
            generated = theirs.apply_chat_template(
                talk_of(texts, prompt), tokenize=True, return_dict=False, add_generation_prompt=True
            )
            assert render_prompt(turns, 0, ours, 10_000) == generated
        else:
            (example,) = render_all([turns], ours)
            lead, n_replaced = session_lead(example.tokens[1:], ours)
            assert [*lead, *example.tokens[1 + n_replaced :]] == wanted


@pytest.mark.parametrize(("name", "prompt"), FOLLOWED)
@settings(max_examples=50)
@given(data=st.data())
def test_no_message_forges_a_turn(name, prompt, data):
    ours = followed(name, prompt)
    texts = st.lists(st.sampled_from(FORGED), min_size=1, max_size=4).map(" ".join)
    turns = data.draw(st.lists(st.builds(Turn, st.integers(0, 1), texts), min_size=1, max_size=6))
    turns = [t for i, t in enumerate(turns) if not i or t.speaker != turns[i - 1].speaker]
    (example,) = render_all([turns], ours)
    assert [speaker for speaker, _ in parse(example.tokens, ours)] == [t.speaker for t in turns]


@pytest.mark.parametrize(("name", "prompt"), FOLLOWED)
def test_a_reply_learns_its_end_and_what_is_before_it(name, prompt):
    ours = followed(name, prompt)
    (example,) = render_all([[Turn(1, "오늘"), Turn(0, "뭐 해", True)]], ours)
    learned = [t for t, m in zip(example.tokens, example.loss_mask, strict=True) if m == 1]
    tail = ours.tail(0)
    assert learned == [*ours.encode("뭐 해"), *tail[: tail.index(ours.eos_id) + 1]]


@pytest.mark.parametrize(
    ("name", "prompt", "problem"),
    [
        ("llama-2", PROMPT, "encodes the text of a turn differently"),
        ("mistral-old", "", "encodes the text of a turn differently"),
        ("mistral-v1", PROMPT, "encodes the text of a turn differently"),
        ("mistral-v3", PROMPT, "puts model.system_prompt before the last message only"),
        ("gemma-2", PROMPT, "System role not supported"),
    ],
)
def test_what_cannot_be_followed_is_refused_for_its_true_reason(tmp_path, name, prompt, problem):
    with pytest.raises(ChatbotError, match=problem):
        base_tokenizer(base_of(name, prompt, tmp_path), 2)
    auto = base_of(name, prompt, tmp_path, "auto")
    if prompt:  # never dropped in silence
        with pytest.raises(ChatbotError, match=problem):
            base_tokenizer(auto, 2)
    else:
        ours, sentence = base_tokenizer(auto, 2)
        assert ours.form.kind == "plain" and problem in sentence


def test_a_template_that_drops_a_system_prompt_is_refused(tmp_path):
    base = base_of("gemma-3", PROMPT, tmp_path)
    template = TEMPLATES["gemma-3"][0].replace("messages[0]['content'] + '\\n\\n'", "''")
    (tmp_path / "chat_template.jinja").write_text(template)
    with pytest.raises(ChatbotError, match=r"drops model\.system_prompt"):
        base_tokenizer(base, 2)


def test_a_session_that_a_bot_begins_follows_a_turn_of_the_system_prompt_alone():
    ours, theirs = followed("gemma-3", PROMPT), tokenizer_of("gemma-3")
    (example,) = render_all([[Turn(0, "안녕"), Turn(1, "응")]], ours)
    lead, n_replaced = session_lead(example.tokens[1:], ours)
    talk = talk_of(["", "안녕", "응"], PROMPT)
    wanted = theirs.apply_chat_template(talk, tokenize=True, return_dict=False)
    assert n_replaced == 0 and [*lead, *example.tokens[1:]] == wanted


def test_batches_begin_with_the_system_prompt_and_train_the_replies_alone():
    ours = followed("gemma-3", PROMPT)
    sessions = [[Turn(1 - i % 2, f"{i} 번째 말", i % 2 == 1) for i in range(n)] for n in (2, 5, 40)]
    sessions.append([Turn(0, "먼저", True), Turn(1, "응")])
    examples = list(render_all(sessions, ours))
    tokens = np.array([t for e in examples for t in e.tokens])
    mask = np.array([m for e in examples for m in e.loss_mask], dtype=np.uint8)
    replies = ObjectiveConfig(loss_mode="response_only")
    source = BatchSource(TokenStore(tokens, mask), ours, replies, 128, 512)
    asked = ours.decode(ours.opening).strip()
    trained = []
    for index in range(source.n_batches(0)):
        batch = source.batch(0, index)
        for inputs, targets, weights in zip(
            batch.inputs, batch.targets, batch.weights, strict=True
        ):
            assert asked in ours.decode(inputs[: 8 + len(ours.opening)])
            trained += targets[weights > 0].tolist()
    assert sorted(trained) == sorted(tokens[mask == 1].tolist())


@pytest.mark.parametrize(("name", "prompt"), FOLLOWED)
def test_the_template_that_is_exported_renders_what_the_base_does(name, prompt):
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    exported = ImmutableSandboxedEnvironment().from_string(jinja_of(followed(name, prompt).form))
    theirs, texts = tokenizer_of(name), ["뭐해", "그냥", "아"]
    wanted = theirs.apply_chat_template(
        talk_of(texts, prompt), tokenize=False, add_generation_prompt=True
    )
    shown = exported.render(messages=talk_of(texts, ""), add_generation_prompt=True)
    assert shown == wanted and EOS not in shown
