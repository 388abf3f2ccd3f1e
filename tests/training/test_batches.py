"""Batches: every token trained once an epoch, targets one ahead, order a function of the seed."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chatbot.corpus.store import TokenStore
from chatbot.corpus.template import Turn, render_all
from chatbot.errors import CorpusError
from chatbot.settings.schema import ObjectiveConfig
from chatbot.training.batches import BatchSource
from tests.bases import tokenizer as of_base
from tests.corpus.texts import tokenizer

turns = st.lists(
    st.builds(Turn, st.integers(0, 2), st.text("abcㅋ가 ", max_size=20), st.booleans()),
    min_size=1,
    max_size=12,
)
EVERYTHING = ObjectiveConfig(loss_mode="all", context_weight=0.5, speaker_weight=0.25)
REPLIES = ObjectiveConfig(loss_mode="response_only", speaker_weight=0)


def store_of(sessions):
    examples = list(render_all(sessions, tokenizer()))
    return TokenStore(
        np.array([t for e in examples for t in e.tokens], dtype=np.uint16),
        np.array([m for e in examples for m in e.loss_mask], dtype=np.uint8),
    )


def source_of(sessions, objective=EVERYTHING, block_size=32, seed=0):
    return BatchSource(store_of(sessions), tokenizer(), objective, block_size, 4 * block_size, seed)


def epoch(source, number=0):
    return [source.batch(number, index) for index in range(source.n_batches(number))]


@settings(max_examples=60)
@given(st.lists(turns, min_size=1, max_size=6), st.sampled_from([16, 32, 64]))
def test_an_epoch_trains_every_token_exactly_once(sessions, block_size):
    trained = Counter()
    for batch in epoch(source_of(sessions, block_size=block_size)):
        assert batch.inputs.shape[1] <= block_size
        trained.update(
            zip(
                batch.targets[batch.weights > 0].tolist(),
                batch.weights[batch.weights > 0].tolist(),
                strict=True,
            )
        )
    store = store_of(sessions)
    wanted = Counter(
        (int(t), {1: 1.0, 2: 0.5, 0: 0.25}[int(m)])
        for t, m in zip(store.tokens, store.loss_mask, strict=True)
        if t != tokenizer().bos_id  # eos is text's, all other control tokens are speakers
    )
    assert trained == wanted


@settings(max_examples=40)
@given(st.lists(turns, min_size=1, max_size=6), st.integers(0, 3))
def test_targets_are_the_inputs_one_ahead_and_rows_begin_with_bos(sessions, number):
    for batch in epoch(source_of(sessions), number):
        assert (batch.inputs[:, 0] == tokenizer().bos_id).all()
        for row, weights, targets in zip(batch.inputs, batch.weights, batch.targets, strict=True):
            n = int(np.flatnonzero(weights).max()) + 1
            assert (row[1:n] == targets[: n - 1]).all()
            assert tokenizer().bos_id not in targets[:n]  # no session sees another


@settings(max_examples=40)
@given(st.lists(turns, min_size=2, max_size=6))
def test_order_is_a_function_of_seed_and_epoch(sessions):
    for one, two in zip(epoch(source_of(sessions), 2), epoch(source_of(sessions), 2), strict=True):
        np.testing.assert_array_equal(one.targets, two.targets)


def test_epochs_and_seeds_differ():
    sessions = [[Turn(0, f"{n}", True), Turn(1, "ㅋ" * n, True)] for n in range(40)]
    first = [b.targets.tolist() for b in epoch(source_of(sessions), 0)]
    assert first != [b.targets.tolist() for b in epoch(source_of(sessions), 1)]
    assert first != [b.targets.tolist() for b in epoch(source_of(sessions, seed=1), 0)]


@settings(max_examples=40)
@given(st.lists(turns, min_size=1, max_size=4))
def test_a_cut_session_carries_its_past_along_untrained(sessions):
    source = source_of(sessions, block_size=16)
    for piece in range(len(source.pieces)):
        start, end, trained = (
            int(a[piece])
            for a in (source.pieces.start, source.pieces.end, source.pieces.trained_from)
        )
        assert start <= trained < end <= start + 16


def test_response_only_trains_replies_alone():
    sessions = [[Turn(0, "하나"), Turn(1, "둘", True)]]
    (batch,) = epoch(source_of(sessions, REPLIES))
    assert tokenizer().decode(batch.targets[batch.weights > 0].tolist()) == "둘"


def test_sessions_without_a_trained_token_are_counted_and_skipped():
    source = source_of([[Turn(0, "하나")], [Turn(0, "하나"), Turn(1, "둘", True)]], REPLIES)
    assert (source.n_skipped, len(source.pieces)) == (1, 1)


def test_a_mask_without_a_trained_token_is_an_error():
    with pytest.raises(CorpusError, match="no target token"):
        source_of([[Turn(0, "하나")]], REPLIES)


def test_little_is_padding():
    rng = np.random.default_rng(0)
    sessions = [[Turn(0, "ab " * rng.integers(1, 9), True)] * 2 for _ in range(400)]
    assert source_of(sessions, block_size=64).padding_share() < 0.1


@settings(max_examples=60)
@example([[Turn(1, "", False)]], "gpt_neox", 48)
@given(
    st.lists(turns, min_size=1, max_size=5),
    st.sampled_from(["qwen2", "qwen3", "gpt_neox"]),
    st.sampled_from([48, 64, 100]),
)
def test_an_epoch_of_a_base_trains_every_token_exactly_once(sessions, kind, block_size):
    """With a long prefix, with none at all, with turns that end without a control token."""
    known = of_base(kind)
    sessions = [[Turn(t.speaker % 2, t.text, t.is_target) for t in talk] for talk in sessions]
    examples = list(render_all(sessions, known))
    store = TokenStore(
        np.array([token for one in examples for token in one.tokens], dtype=np.uint32),
        np.array([value for one in examples for value in one.loss_mask], dtype=np.uint8),
    )
    objective = ObjectiveConfig(context_weight=0.5, speaker_weight=0)
    if not store.loss_mask.any():  # empty turns that no control token ends
        with pytest.raises(CorpusError, match="no target token"):
            BatchSource(store, known, objective, block_size, 4 * block_size)
        return
    trained = Counter()
    source = BatchSource(store, known, objective, block_size, 4 * block_size)
    for batch in epoch(source):
        assert batch.inputs.shape[1] <= block_size
        assert (batch.inputs[:, : len(known.prefix)] == known.prefix).all()
        assert (batch.inputs < known.vocab_size).all()
        is_trained = batch.weights > 0
        trained.update(
            zip(batch.targets[is_trained].tolist(), batch.weights[is_trained].tolist(), strict=True)
        )
    wanted = Counter(
        (int(t), {1: 1.0, 2: 0.5}[int(m)])
        for t, m in zip(store.tokens, store.loss_mask, strict=True)
        if m
    )
    assert trained == wanted
