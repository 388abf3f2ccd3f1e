"""The index of who said what: every run of one speaker's tokens is in it, nobody's shared ones."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.corpus import ngrams
from chatbot.corpus.ngrams import N, index_ngrams
from chatbot.corpus.store import TokenStore
from chatbot.corpus.template import Turn, render_all
from tests.corpus.texts import tokenizer

turns = st.lists(
    st.builds(Turn, st.integers(0, 2), st.text("abcdefgh", min_size=1, max_size=20)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60)
@given(st.lists(turns, min_size=1, max_size=4), st.sampled_from([16, 1 << 22]))
def test_a_run_of_tokens_is_its_only_speakers(sessions, at_once):
    ngrams._AT_ONCE, before = at_once, ngrams._AT_ONCE
    examples = list(render_all(sessions, tokenizer()))
    store = TokenStore(
        np.array([t for e in examples for t in e.tokens], dtype=np.uint16),
        np.array([m for e in examples for m in e.loss_mask], dtype=np.uint8),
    )
    index = index_ngrams(store, tokenizer())
    ngrams._AT_ONCE = before
    owners: dict[tuple[int, ...], set[int]] = {}
    for turn in (turn for session in sessions for turn in session):
        ids = tokenizer().encode(turn.text)
        for place in range(len(ids) - N + 1):
            owners.setdefault(tuple(ids[place : place + N]), set()).add(turn.speaker)
    assert len(index.hashes) == sum(len(who) == 1 for who in owners.values())
    for run, who in owners.items():
        for speaker in range(3):
            wanted = len(who) == 1 and speaker not in who
            assert index.is_from_another([9, *run], speaker) == wanted
            assert not index.is_from_another(list(run[1:]), speaker)
