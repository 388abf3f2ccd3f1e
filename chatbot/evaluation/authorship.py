"""Messages -> who wrote them: a naive Bayes classifier over character n-grams, scored on bags.

One message says little about its author, so bags of many are classified, and the curve over their
size is reported. A authors, H hash buckets.
"""

import random
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from chatbot.evaluation.intervals import Estimate, share
from chatbot.inference.scoring import Floats

BAG_SIZES = (1, 5, 10, 20, 30, 40)
PERSONA, NOBODY = "persona", "nobody"
_N_BUCKETS = 1 << 16
_ORDERS = (1, 2, 3, 4)
_SMOOTHING = 0.1
_MOST_MESSAGES = 20_000
_UNSEEN = 1.5  # times as likely with nobody as with any member
_MOST_UNIFORM = 0.5


class BagScore(msgspec.Struct, frozen=True, kw_only=True):
    """The share of bags of one size that were taken for the persona's; `n` counts bags.

    `group`: who wrote them in truth. Bags share no message.
    """

    group: str
    n_messages: int
    as_persona: Estimate


@dataclass(frozen=True)
class Authors:
    """A fitted classifier: the log-probability (A, H) of each hashed n-gram by author."""

    names: list[str]
    log_probabilities: Floats

    def author_of(self, messages: Sequence[str]) -> str:
        """Return the likeliest author of all messages together; equal scores are nobody's."""
        scores = self.log_probabilities @ count_ngrams(messages)
        best = np.flatnonzero(scores == scores.max())
        return self.names[best[0]] if len(best) == 1 else NOBODY


def count_ngrams(messages: Sequence[str]) -> Floats:
    """Count the n-grams of 1 to 4 characters of messages, hashed: (H,)."""
    buckets = [
        zlib.crc32(framed[place : place + n].encode("utf-8", "replace")) % _N_BUCKETS
        for framed in (f"\n{message}\n" for message in messages)
        for n in _ORDERS
        for place in range(len(framed) - n + 1)
    ]
    return np.bincount(np.array(buckets, dtype=np.int64), minlength=_N_BUCKETS).astype(np.float64)


def fit_authors(messages: Mapping[str, Sequence[str]], rng: random.Random) -> Authors:
    """Fit on as many messages of each author, and on all of them with shuffled letters: nobody's.

    Text that no member writes is thus not given to the member who is merely least unlikely. What
    nobody ever wrote, like the letters of an untrained model, is nobody's too: n-grams that are not
    in the data are likelier there than with any member.
    """
    n = min(_MOST_MESSAGES, *map(len, messages.values()))
    chosen = {name: rng.sample(list(texts), n) for name, texts in messages.items()}
    every = [text for texts in chosen.values() for text in texts]
    chosen[NOBODY] = [shuffled(text, rng) for text in rng.sample(every, n)]
    counts = np.stack([count_ngrams(texts) for texts in chosen.values()]) + _SMOOTHING
    chances = counts / counts.sum(axis=1, keepdims=True)
    unseen = _SMOOTHING * _N_BUCKETS / counts.sum(axis=1)  # times the buckets, as a share of all
    part = min(_MOST_UNIFORM, (_UNSEEN * unseen.max() - unseen[-1]) / (1 - unseen[-1]))
    chances[-1] = (1 - part) * chances[-1] + part / _N_BUCKETS
    return Authors(list(chosen), np.log(chances))


def shuffled(text: str, rng: random.Random) -> str:
    """Return a text with its characters in another order."""
    return "".join(rng.sample(text, len(text)))


def score_bags(
    authors: Authors, groups: Mapping[str, Sequence[str]], rng: random.Random
) -> list[BagScore]:
    """Return, by group and size of bag, how often bags are taken for the persona's."""
    scores = []
    for group, messages in groups.items():
        order = rng.sample(list(messages), len(messages))
        for size in BAG_SIZES:
            bags = [order[begin : begin + size] for begin in range(0, len(order), size)]
            whole = [bag for bag in bags if len(bag) == size]
            if whole:
                n_persona = sum(authors.author_of(bag) == PERSONA for bag in whole)
                estimate = share(n_persona, len(whole))
                scores.append(BagScore(group=group, n_messages=size, as_persona=estimate))
    return scores
