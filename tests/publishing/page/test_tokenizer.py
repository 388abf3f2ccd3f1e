"""The page's tokenizer is ours, on all text."""

import json

import pytest
from hypothesis import HealthCheck, given, settings

from chatbot.publishing.page.payload import pack
from chatbot.settings.schema import Config
from tests.publishing.page.models import random_bundle
from tests.publishing.page.texts import lines, texts

SHAPE = {"n_layer": 1, "n_head": 2, "n_kv_head": 2, "n_embd": 16, "n_hidden": 16, "block_size": 32}
_ENCODE = "(lines) => lines.map((line) => bot.tokenizer.encode(line))"
_DECODE = "(lists) => lists.map((tokens) => bot.tokenizer.decode(tokens))"
within_a_test = settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@pytest.fixture
def tokenizer(engine):
    bundle = random_bundle(dict(SHAPE))
    engine.open(pack(bundle, Config(), "int8"))
    return bundle.tokenizer


def encoded_in_the_page(engine, texts):
    return engine.page.evaluate(_ENCODE, texts)


def test_any_text_has_the_same_tokens(engine, tokenizer):
    @within_a_test
    @given(texts)
    def check(texts):
        tokens = encoded_in_the_page(engine, texts)
        assert tokens == tokenizer.encode_all(texts)
        assert all(token >= tokenizer.n_control for row in tokens for token in row)
        assert engine.page.evaluate(_DECODE, tokens) == texts

    check()


def test_any_tokens_are_the_same_text(engine, tokenizer):
    """Pieces of characters and control tokens too."""
    rows = [list(range(start, tokenizer.vocab_size, 7)) for start in range(7)]
    assert engine.page.evaluate(_DECODE, rows) == [tokenizer.decode(row) for row in rows]


def test_a_long_word_takes_no_time(engine, tokenizer):
    word = "가나다라마바사아자차" * 400
    assert encoded_in_the_page(engine, [word]) == [tokenizer.encode(word)]
    milliseconds = engine.page.evaluate(
        "(word) => { const start = performance.now(); bot.tokenizer.encode(word + '.');"
        "bot.tokenizer.cache.clear(); bot.tokenizer.encode(word); return performance.now() - start; }",
        word,
    )
    assert milliseconds < 3000


def test_tokens_of_space_are_the_same(engine, tokenizer):
    assert engine.page.evaluate("bot.tokenizer.spaceIds") == tokenizer.space_ids.tolist()
    assert set(engine.page.evaluate("[...bot.tokenizer.blankIds]")) == tokenizer.blank_ids


@pytest.mark.slow
def test_ten_thousand_lines_have_the_same_tokens(engine, tokenizer):
    many = lines(10_000)
    for line, ours, theirs in zip(
        many, tokenizer.encode_all(many), encoded_in_the_page(engine, many), strict=True
    ):
        assert ours == theirs, json.dumps(line)
