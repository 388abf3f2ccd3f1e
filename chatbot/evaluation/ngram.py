"""Unigram and bigram baselines: the losses that a network has to beat."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chatbot.corpus.store import Corpus
from chatbot.corpus.template import NEVER, TARGET
from chatbot.inference.scoring import Floats


@dataclass(frozen=True)
class NgramLosses:
    """Nats per held-out target token, and bits per byte of reply text (without end tokens)."""

    unigram: float
    bigram: float
    unigram_bpb: float
    bigram_bpb: float


@dataclass(frozen=True)
class TargetLosses:
    """The places of the N held-out target tokens, and their nats: (N,) each."""

    places: npt.NDArray[np.int64]
    unigram: Floats
    bigram: Floats


def ngram_losses(corpus: Corpus) -> NgramLosses:
    """Return the mean losses of both models."""
    measured = target_losses(corpus)
    n_bytes = corpus.tokenizer.token_sizes[np.asarray(corpus.val.tokens)[measured.places]]
    losses = (measured.unigram, measured.bigram)
    nats = [float(loss.mean()) for loss in losses]
    n_bits = [float(loss[n_bytes > 0].sum()) / np.log(2) for loss in losses]
    n_text = max(1, int(n_bytes.sum()))
    return NgramLosses(*nats, *(bits / n_text for bits in n_bits))


def target_places(corpus: Corpus) -> npt.NDArray[np.int64]:
    """Return the places of the held-out target tokens: (N,)."""
    return np.flatnonzero(np.asarray(corpus.val.loss_mask) == TARGET)


def target_losses(corpus: Corpus) -> TargetLosses:
    """Fit on the training tokens that can be targets, and evaluate on the held-out targets.

    Unigram: add-one counts. Bigram: absolute discounting by 0.75, backed off to the unigram.
    """
    V = corpus.stats.vocab_size
    tokens = np.asarray(corpus.train.tokens).astype(np.int64)
    is_text = np.asarray(corpus.train.loss_mask) != NEVER
    counts = np.bincount(tokens[is_text], minlength=V).astype(np.float64)
    unigram = (counts + 1) / (counts.sum() + V)
    held_out = np.asarray(corpus.val.tokens).astype(np.int64)
    places = target_places(corpus)
    target, before = held_out[places], held_out[places - 1]

    pairs = tokens[:-1] * V + tokens[1:]
    seen, n_seen = np.unique(pairs[is_text[1:]], return_counts=True)
    n_before = np.bincount(seen // V, weights=n_seen, minlength=V)
    n_kinds = np.bincount(seen // V, minlength=V)
    bigrams = before * V + target
    place = np.minimum(np.searchsorted(seen, bigrams), len(seen) - 1)
    count = np.where(seen[place] == bigrams, n_seen[place], 0)
    discount = 0.75
    total = np.maximum(n_before[before], 1)
    backed_off = np.where(n_before[before] > 0, discount * n_kinds[before] / total, 1.0)
    bigram = np.maximum(count - discount, 0) / total + backed_off * unigram[target]
    return TargetLosses(places, -np.log(unigram[target]), -np.log(bigram))
