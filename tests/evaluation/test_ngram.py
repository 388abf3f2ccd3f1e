"""Counting models: probabilities, and a bigram that beats a unigram where order matters."""

import numpy as np

from chatbot.corpus.store import open_corpus
from chatbot.evaluation.ngram import ngram_losses


def test_bigram_beats_unigram_and_unigram_beats_chance(processed):
    corpus = open_corpus(processed.root / "data/processed")
    losses = ngram_losses(corpus)
    assert losses.bigram < losses.unigram < np.log(corpus.stats.vocab_size)
