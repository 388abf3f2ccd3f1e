"""Logits -> the next token. V vocabulary."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chatbot.settings.schema import SamplingConfig

Row = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A drawn token, and the most likely ones in its place, with their log-probabilities."""

    token: int
    log_probability: float
    likely: tuple[tuple[int, float], ...]


class Sampler:
    """Draws tokens by the settings, and records their probability.

    `n_likely`: how many of the most likely tokens are recorded beside each drawn one; None: nothing
    is recorded but the mean.
    """

    def __init__(
        self, settings: SamplingConfig, rng: np.random.Generator, n_likely: int | None = None
    ) -> None:
        self._settings = settings
        self._rng = rng
        self._n_likely = n_likely
        self.drawn: list[Drawn] = []
        self._log_probability = 0.0
        self._n_drawn = 0

    @property
    def confidence(self) -> float:
        """Mean log-probability of the drawn tokens under the unmodified network; 0 is certain."""
        return self._log_probability / max(1, self._n_drawn)

    def draw(
        self,
        logits: Row,
        previous: Sequence[int],
        forbidden: Ids,
        is_refused: Callable[[int], bool] = lambda token: False,
    ) -> int | None:
        """Draw a token from logits (V,); None if every token is refused.

        `forbidden` ids, and tokens for which `is_refused` is true, are never drawn. Order: forbid,
        penalize repeats, temperature, top-k, top-p, min-p. Temperature 0 is greedy.
        """
        scores = allowed_scores(logits, previous, forbidden, self._settings)
        while np.isfinite(scores).any():
            tokens, probabilities = distribution(scores, self._settings)
            token = int(tokens[self._rng.choice(len(tokens), p=probabilities)])
            if not is_refused(token):
                self._count(logits, token)
                return token
            scores[token] = -np.inf
        return None

    def _count(self, logits: Row, token: int) -> None:
        highest = float(logits.max())
        log_total = highest + float(np.log(np.exp(logits - highest).sum()))
        log_probability = float(logits[token]) - log_total
        self._log_probability += log_probability
        self._n_drawn += 1
        if self._n_likely is not None:
            order = np.argsort(-logits, kind="stable")[: self._n_likely].tolist()
            likely = tuple((other, float(logits[other]) - log_total) for other in order)
            self.drawn.append(Drawn(token, log_probability, likely))


def allowed_scores(
    logits: Row, previous: Sequence[int], forbidden: Ids, settings: SamplingConfig
) -> Scores:
    """Return logits (V,) without forbidden tokens, and with repeated ones penalized."""
    scores = logits.astype(np.float64)
    scores[forbidden] = -np.inf
    repeated = repeating(previous, settings.no_repeat_ngram)
    if len(repeated) and np.isfinite(np.delete(scores, repeated)).any():
        scores[repeated] = -np.inf
    penalize(scores, previous, settings.repetition_penalty)
    return scores


def distribution(scores: Scores, settings: SamplingConfig) -> tuple[Ids, Scores]:
    """Return the tokens that can be drawn, most likely first, and their probabilities."""
    if settings.temperature == 0:
        return np.array([scores.argmax()]), np.ones(1)
    likely = _candidates(scores, settings)
    order = likely[np.lexsort((likely, -scores[likely]))][: settings.top_k or None]
    weights = np.exp((scores[order] - scores[order[0]]) / settings.temperature)
    n_kept = int((weights >= settings.min_p).sum())
    if settings.top_p < 1:
        # The smallest set with a probability of at least top_p: all tokens before that is reached.
        total = weights.sum() if len(order) == settings.top_k else _total(scores, settings)
        n_kept = min(n_kept, int(np.searchsorted(np.cumsum(weights) / total, settings.top_p)) + 1)
    kept = weights[:n_kept]
    return order[:n_kept], kept / kept.sum()


def _candidates(scores: Scores, settings: SamplingConfig) -> Ids:
    """Return the tokens that top-k and min-p leave, and a few more: fewer are faster to sort."""
    if 0 < settings.top_k < len(scores):
        lowest = np.partition(scores, -settings.top_k)[-settings.top_k]
        return np.flatnonzero(scores >= lowest)
    if settings.min_p:
        lowest = scores.max() + settings.temperature * (np.log(settings.min_p) - 1e-6)
        return np.flatnonzero(scores >= lowest)
    return np.arange(len(scores))


def _total(scores: Scores, settings: SamplingConfig) -> float:
    """Return the sum of all weights, of which the most likely token has 1."""
    return float(np.exp((scores - scores.max()) / settings.temperature).sum())


def penalize(scores: Scores, previous: Sequence[int], penalty: float) -> None:
    """Penalize tokens that occurred. A negative logit is multiplied: dividing would favour it."""
    if penalty == 1 or not previous:
        return
    seen = np.unique(previous)
    scores[seen] = np.where(scores[seen] > 0, scores[seen] / penalty, scores[seen] * penalty)


def repeating(previous: Sequence[int], n: int) -> Ids:
    """Return the tokens that would repeat an n-gram.

    >>> repeating([5, 6, 7, 5, 6], 3).tolist()
    [7]
    """
    last = list(previous[len(previous) - n + 1 :]) if n > 1 else []
    if n < 1 or len(previous) < n:
        return np.array([], dtype=np.int64)
    positions = [
        previous[i + n - 1]
        for i in range(len(previous) - n + 1)
        if list(previous[i : i + n - 1]) == last
    ]
    return np.unique(np.array(positions, dtype=np.int64))
