"""Outcomes of a later period -> the least confidence at which few answers are wrong, as promised.

Clopper-Pearson: errors among n answers are binomial, whatever the model. Several thresholds are
tried without weakening the promise, because their order is fixed before the later period is looked
at (fixed-sequence testing; Angelopoulos et al., 2110.01052): the outcomes of earlier questions say
which is likeliest to pass, and the first that fails ends it.
"""

import math
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

_N_CANDIDATES = 20
_STEPS = 60  # halvings: more than a float has


class Outcome(msgspec.Struct, frozen=True):
    """How a question whose answer is known would be answered."""

    confidence: float
    is_wrong: bool


class Warranty(msgspec.Struct, frozen=True, kw_only=True):
    """What was promised, and by how many questions. `threshold` is None without a promise.

    `upper_bound`: what the share of wrong answers does not exceed, with `confidence`.
    """

    max_wrong: float
    confidence: float
    n_questions: int
    threshold: float | None = None
    n_answered: int = 0
    n_wrong: int = 0
    upper_bound: float = 1.0

    def sentence(self) -> str:
        """Say what is promised, or that it cannot be."""
        claim = f"at most {self.max_wrong:.1%} of answers wrong, with {self.confidence:.0%}"
        if self.threshold is None:
            n_least = least_answers(0, self.max_wrong, self.confidence)
            return (
                f"not enough to promise {claim} confidence, by {self.n_questions:,} later "
                f"questions: {n_least} answers without an error are the least"
            )
        return (
            f"{claim} confidence: {self.n_wrong} wrong of {self.n_answered:,} answered, "
            f"of {self.n_questions:,} later questions"
        )


def binomial_cdf(n_wrong: int, n: int, share: float) -> float:
    """Return the probability of at most `n_wrong` errors among n, each with probability `share`."""
    if n_wrong >= n or share <= 0:
        return 1.0
    if share >= 1:
        return 0.0
    odds = math.log(share) - math.log1p(-share)
    term = n * math.log1p(-share)
    terms = [term]
    for k in range(n_wrong):
        term += math.log(n - k) - math.log(k + 1) + odds
        terms.append(term)
    return min(1.0, float(np.exp(terms).sum()))


def upper_bound(n_wrong: int, n: int, confidence: float) -> float:
    """Return the upper Clopper-Pearson bound, one-sided, of the share of wrong answers.

    >>> round(upper_bound(0, 59, 0.95), 4), round(upper_bound(1, 93, 0.95), 4)
    (0.0495, 0.05)
    """
    low, high = (n_wrong / n if n else 0.0), 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if binomial_cdf(n_wrong, n, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def passes(n_wrong: int, n: int, max_wrong: float, confidence: float) -> bool:
    """Whether n answers with this many errors show a share of at most `max_wrong`."""
    return n > n_wrong and binomial_cdf(n_wrong, n, max_wrong) <= 1 - confidence


def least_answers(n_wrong: int, max_wrong: float, confidence: float) -> int:
    """Return how many answers with this many errors are the least that pass.

    >>> least_answers(0, 0.05, 0.95), least_answers(1, 0.05, 0.95)
    (59, 93)
    """
    n = n_wrong + 1
    while not passes(n_wrong, n, max_wrong, confidence):
        n += 1
    return n


def fit_warranty(
    earlier: Sequence[Outcome], later: Sequence[Outcome], max_wrong: float, confidence: float
) -> Warranty:
    """Return the threshold that answers most of the later questions, if any can be promised.

    `earlier`: of questions from the period of the index, which only choose the thresholds to try.
    """
    best = Warranty(max_wrong=max_wrong, confidence=confidence, n_questions=len(later))
    for threshold in _candidates(earlier, len(later), max_wrong, confidence):
        answered = [outcome for outcome in later if outcome.confidence >= threshold]
        n_wrong = sum(outcome.is_wrong for outcome in answered)
        if not passes(n_wrong, len(answered), max_wrong, confidence):
            break
        if len(answered) > best.n_answered:
            best = msgspec.structs.replace(
                best,
                threshold=threshold,
                n_answered=len(answered),
                n_wrong=n_wrong,
                upper_bound=upper_bound(n_wrong, len(answered), confidence),
            )
    return best


def _candidates(
    earlier: Sequence[Outcome], n_later: int, max_wrong: float, confidence: float
) -> Iterator[float]:
    """Yield thresholds by their chance to pass for `n_later` questions, the likeliest first."""
    outcomes = sorted(earlier, key=lambda outcome: -outcome.confidence)
    n_wrong = np.cumsum([outcome.is_wrong for outcome in outcomes])
    chances: dict[float, float] = {}
    for rank in range(1, _N_CANDIDATES + 1):
        n = math.ceil(len(outcomes) * (rank / _N_CANDIDATES) ** 2)  # more of the strict ones
        if n and outcomes[n - 1].confidence > 0:
            n_answered = round(n_later * n / len(outcomes))
            share = (n_wrong[n - 1] + 1) / (n + 2)
            most = _most_errors(n_answered, max_wrong, confidence)
            chance = binomial_cdf(most, n_answered, share) if most >= 0 else 0.0
            chances[outcomes[n - 1].confidence] = chance
    yield from sorted(chances, key=lambda threshold: (-chances[threshold], threshold))


def _most_errors(n: int, max_wrong: float, confidence: float) -> int:
    """Return with how many errors n answers still pass; -1 if not even without one."""
    n_wrong = -1
    while n_wrong + 1 < n and passes(n_wrong + 1, n, max_wrong, confidence):
        n_wrong += 1
    return n_wrong
