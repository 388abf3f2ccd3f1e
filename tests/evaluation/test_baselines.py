"""Baselines of a bot: replies to similar situations, counts, chance."""

import math

import numpy as np
import pytest

from chatbot.corpus.store import open_corpus
from chatbot.corpus.template import Turn
from chatbot.evaluation.authorship import NOBODY, PERSONA
from chatbot.evaluation.baselines import bigram_likelihood, chance_likelihood, past_replies
from chatbot.evaluation.held_out import held_out_replies
from chatbot.evaluation.imitation import References, flat
from chatbot.evaluation.metrics import ranking
from chatbot.evaluation.ngram import ngram_losses


@pytest.fixture
def corpus(processed):
    return open_corpus(processed.root / "data/processed")


def test_retrieval_beats_chance_at_naming_the_true_reply(corpus, tmp_path):
    replies = list(held_out_replies(corpus))
    pool = [reply.turn.text for reply in replies]
    with past_replies(corpus, tmp_path) as past:
        first, *_ = ranking(past.score, replies, pool)
    assert first.n_distractors == 20 and first.hits_at_1.low > 1 / 21


def test_what_was_answered_once_is_found_again(corpus, tmp_path):
    folder = tmp_path / "private"
    with past_replies(corpus, folder) as past:
        row = next(row for row in past._index.rows() if row.id == "0" and len(row.text) > 4)
        reply = past.reply([Turn(1, row.text)], 0)
        assert reply in {other.answer for other in past._index.rows() if other.text == row.text}
        assert past.reply([Turn(1, "")], 0) == ""
        assert [path.suffix for path in folder.iterdir()] == [".part"]
    assert not list(folder.iterdir())


def test_counts_are_measured_as_networks_are(corpus):
    losses, bigram = ngram_losses(corpus), bigram_likelihood(corpus)
    assert bigram.reply_bpb.value == pytest.approx(losses.bigram_bpb)
    assert bigram.perplexity.value == pytest.approx(math.exp(losses.bigram))
    chance = chance_likelihood(corpus)
    assert chance.perplexity.value == pytest.approx(corpus.stats.vocab_size)
    assert chance.reply_bpb.value > bigram.reply_bpb.high


def test_an_untrained_model_is_nobody(corpus):
    """Tokens drawn blindly, as a new network draws them, are given to no member."""
    references, rng = References.of(corpus), np.random.default_rng(0)
    texts = [
        corpus.tokenizer.decode(rng.integers(0, corpus.stats.vocab_size, 6).tolist())
        for _ in range(400)
    ]
    bags = [texts[begin : begin + 20] for begin in range(0, len(texts), 20)]
    authors = [references.authors.author_of(bag) for bag in bags]
    assert authors.count(NOBODY) >= 0.9 * len(bags)
    own = flat(references.later)[:20]
    assert references.authors.author_of(own) == PERSONA
