"""Training data -> baselines of a bot: retrieval, counts, chance.

N target tokens, S sessions, K candidates.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chatbot.corpus.preview import turns_by_session
from chatbot.corpus.store import Corpus, session_bounds
from chatbot.corpus.template import Turn
from chatbot.errors import CorpusError
from chatbot.evaluation.intervals import Estimate
from chatbot.evaluation.metrics import LikelihoodReport, RankingReport, likelihood_of
from chatbot.evaluation.ngram import target_losses, target_places
from chatbot.inference.scoring import Floats
from chatbot.retrieval.index import Index, Row, temporary_index
from chatbot.retrieval.terms import character_terms, split_keys

_N_COMPARED = 50  # situations


class PastReplies:
    """The replies of the training data, found by the turn that they answered."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def reply(self, past: Sequence[Turn], speaker: int) -> str:
        """Return what a speaker answered in the most similar situation; "" if none is similar."""
        matches = self._index.search(past[-1].text, _N_COMPARED)
        return next((m.row.answer for m in matches if m.row.id == str(speaker)), "")

    def score(self, past: Sequence[Turn], speaker: int, texts: Sequence[str]) -> Floats:
        """Return for each of K texts how like it is to what was answered in similar situations.

        (K,): the highest similarity of a situation times that of its reply to the text.
        """
        matches = self._index.search(past[-1].text, _N_COMPARED)
        scores = np.zeros(len(texts))
        for match in matches:
            if match.row.id == str(speaker):
                alike = [_likeness(match.row.answer, text) for text in texts]
                scores = np.maximum(scores, match.similarity * np.array(alike))
        return scores


def _likeness(text: str, other: str) -> float:
    """Return Dice's coefficient of the terms of two texts."""
    terms, others = _terms(text), _terms(other)
    return 2 * len(terms & others) / max(1, len(terms) + len(others))


@lru_cache(maxsize=1 << 14)
def _terms(text: str) -> frozenset[int]:
    return frozenset(split_keys(character_terms([text]))[0].tolist())


@contextmanager
def past_replies(corpus: Corpus, folder: Path) -> Iterator[PastReplies | None]:
    """Index the training data below a folder while the block runs; None if it has no reply."""
    with ExitStack() as stack:
        built = temporary_index(folder, _rows(corpus), "ngrams", "chatbot eval")
        try:
            index = stack.enter_context(built)
        except CorpusError:
            yield None
            return
        yield PastReplies(index)


def _rows(corpus: Corpus) -> Iterator[Row]:
    """Yield each reply with the turn that it answers; the id is its speaker."""
    for _, turns in turns_by_session(corpus.train, corpus.tokenizer):
        before = None
        for turn in turns:
            if before is not None and not turn.is_context_only and turn.text.strip():
                yield Row(str(turn.speaker), before.text, turn.text)
            before = turn


# ---------------------------------------------------------------- counts and chance
def bigram_likelihood(corpus: Corpus) -> LikelihoodReport:
    """Measure the bigram model on the replies that models are measured on."""
    measured = target_losses(corpus)
    return likelihood_of(_by_session(corpus, measured.places, measured.bigram), 1)


def chance_likelihood(corpus: Corpus) -> LikelihoodReport:
    """Measure a model to which all tokens are equally likely."""
    places = target_places(corpus)
    losses = np.full(len(places), math.log(corpus.stats.vocab_size))
    return likelihood_of(_by_session(corpus, places, losses), 0)


def chance_ranking(ranking: RankingReport) -> RankingReport:
    """Return how often drawing blindly would hit among as many candidates."""
    n = ranking.n_distractors + 1

    def at(k: int) -> Estimate:
        return Estimate(k / n, k / n, k / n, ranking.hits_at_1.n)

    return RankingReport(n_distractors=ranking.n_distractors, hits_at_1=at(1), hits_at_10=at(10))


def _by_session(corpus: Corpus, places: npt.NDArray[np.int64], losses: Floats) -> Floats:
    """Sum the losses (N,) of target tokens: (S, 4), in the columns of `session_losses`."""
    starts, _ = session_bounds(corpus.val.tokens, corpus.tokenizer.bos_id)
    sizes = corpus.tokenizer.token_sizes[np.asarray(corpus.val.tokens)[places]]
    columns = np.stack([losses * (sizes > 0), sizes, losses, np.ones_like(losses)], axis=1)
    sums = np.zeros((len(starts), 4))
    np.add.at(sums, np.searchsorted(starts, places, "right") - 1, columns)
    return sums[sums[:, 3] > 0]
