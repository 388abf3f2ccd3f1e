"""The one renderer: text never forges control, the mask is exactly the replies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.corpus.template import (
    CONTEXT,
    NEVER,
    TARGET,
    Turn,
    parse,
    parse_turns,
    render_all,
    render_prompt,
)
from chatbot.corpus.tokenizer import BpeTokenizer
from chatbot.errors import CorpusError
from tests.corpus.texts import hostile, tokenizer, turns


@given(hostile)
def test_text_comes_back_and_yields_no_control_token(text):
    tokens = tokenizer().encode(text)
    assert tokenizer().decode(tokens) == text
    assert all(token >= tokenizer().n_control for token in tokens)


@given(st.lists(turns, max_size=4))
def test_rendered_sessions_parse_back(sessions):
    for session, example in zip(sessions, render_all(sessions, tokenizer()), strict=True):
        assert list(parse(example.tokens, tokenizer())) == [(t.speaker, t.text) for t in session]
        arrays = np.array(example.tokens), np.array(example.loss_mask, dtype=np.uint8)
        assert list(parse_turns(*arrays, tokenizer())) == session
        assert len(example.tokens) == len(example.loss_mask)


@given(turns)
def test_masked_tokens_decode_to_exactly_the_replies(session):
    (example,) = render_all([session], tokenizer())
    for value in (TARGET, CONTEXT):
        chosen = [turn for turn in session if turn.loss_value == value]
        tokens = [t for t, m in zip(example.tokens, example.loss_mask, strict=True) if m == value]
        assert tokenizer().decode(tokens) == "".join(turn.text for turn in chosen)
        assert tokens.count(tokenizer().eos_id) == len(chosen)


@given(turns)
def test_never_trained_are_frames_and_what_is_context_only(session):
    (example,) = render_all([session], tokenizer())
    never = [t for t, m in zip(example.tokens, example.loss_mask, strict=True) if m == NEVER]
    silent = [turn for turn in session if turn.is_context_only]
    assert tokenizer().decode(never) == "".join(turn.text for turn in silent)
    assert never.count(tokenizer().eos_id) == len(silent)


@given(turns, st.integers(0, 2))
def test_a_prompt_is_the_beginning_of_what_training_renders(session, speaker):
    reply = Turn(speaker, "응", True)
    (example,) = render_all([[*session, reply]], tokenizer())
    prompt = render_prompt(session, speaker, tokenizer(), 100_000)
    assert example.tokens[: len(prompt)] == prompt
    assert example.loss_mask[len(prompt)] == TARGET


@given(turns, st.integers(8, 60))
def test_a_prompt_fits_and_drops_whole_turns_from_the_front(session, limit):
    prompt = render_prompt(session, 0, tokenizer(), limit)
    assert len(prompt) <= limit
    assert prompt[0] == tokenizer().bos_id and prompt[-1] == tokenizer().speaker_id(0)
    kept = list(parse(prompt, tokenizer()))
    whole = [(t.speaker, t.text) for t in session]
    assert kept[1:] == whole[len(whole) - len(kept) + 1 :]
    assert len(kept) >= 1


def test_unknown_speaker_number_is_an_error():
    with pytest.raises(CorpusError, match="no speaker 3"):
        tokenizer().speaker_id(3)


def test_foreign_or_damaged_tokenizer_is_refused():
    for text in ("{}", '{"version": "1.0", "model": {"type": "BPE", "vocab": {}, "merges": []}}'):
        with pytest.raises(CorpusError):
            BpeTokenizer(text)
