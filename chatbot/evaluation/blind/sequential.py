"""Right and wrong answers, in any order -> evidence against guessing that may be looked at always.

The beta-binomial mixture of Robbins (Ann. Math. Stat. 41, 1970, "Statistical methods related to the
law of the iterated logarithm"): the likelihood averaged over all rates of right answers, divided by
the likelihood at one rate. If that is the true rate, the ratio is a martingale that begins at 1, so
by Ville's inequality it ever reaches 20 with a probability of at most 5 %, however often one looks
and whenever one stops. The rates at which it stays below 20 are a confidence sequence (Howard et
al., "Time-uniform, nonparametric, nonasymptotic confidence sequences", Ann. Stat. 49, 2021,
arXiv 1810.08240; Waudby-Smith and Ramdas, "Estimating means of bounded random variables by
betting", JRSS B 86, 2024, arXiv 2010.09686). It assumes one rate for all answers; guessing has one.
Answers of several friends to one question are alike if they share an opinion; then the bound is
more than 5 % (measured in docs/evaluation.md).
"""

import math
from bisect import bisect_left
from typing import Literal

import msgspec

ERROR_RATE = 0.05
GUESSING = 0.5
MANY = 10_000  # answers that nobody will give
_HALVINGS = 60
_LOG_LIMIT = -math.log(ERROR_RATE)

Verdict = Literal["can tell", "the other way round", "open"]


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What the answers show so far, valid at any time of looking.

    `low` and `high`: of the rate of right answers, 95 %. `e_value`: against guessing; 20 is enough.
    `n_more`: answers that are still needed at the present rate; None where that is never, or more
    than `MANY`.
    """

    n_right: int
    n: int
    low: float
    high: float
    e_value: float
    n_more: int | None

    @property
    def verdict(self) -> Verdict:
        """Whether real and generated replies are told apart; the interval decides."""
        if self.low > GUESSING:
            return "can tell"
        return "the other way round" if self.high < GUESSING else "open"


def evidence(n_right: int, n: int) -> Evidence:
    """Return what `n_right` of `n` answers show.

    >>> shown = evidence(27, 30)
    >>> (round(shown.low, 2), round(shown.high, 2), shown.verdict, shown.n_more)
    (0.65, 0.99, 'can tell', 0)
    """
    low, high = interval(n_right, n)
    e_value = math.exp(min(700.0, log_e_value(n_right, n)))
    return Evidence(
        n_right=n_right, n=n, low=low, high=high, e_value=e_value, n_more=n_more(n_right, n)
    )


def log_e_value(n_right: float, n: float, rate: float = GUESSING) -> float:
    """Return the logarithm of the evidence against a rate of right answers, 0 < rate < 1.

    >>> log_e_value(0, 0)
    0.0
    >>> round(math.exp(log_e_value(8, 8)), 1)  # 2^8 / (8 + 1)
    28.4
    """
    n_wrong = n - n_right
    mixture = math.lgamma(n_right + 1) + math.lgamma(n_wrong + 1) - math.lgamma(n + 2)
    return mixture - n_right * math.log(rate) - n_wrong * math.log1p(-rate)


def interval(n_right: int, n: int) -> tuple[float, float]:
    """Return the rates against which there is not enough evidence: from, to."""
    if n == 0:
        return 0.0, 1.0
    share = n_right / n
    low = 0.0 if n_right == 0 else _boundary(n_right, n, 0.0, share)
    high = 1.0 if n_right == n else _boundary(n_right, n, 1.0, share)
    return low, high


def _boundary(n_right: int, n: int, outside: float, inside: float) -> float:
    """Return the rate where the evidence is just enough; it falls from `outside` to `inside`."""
    for _ in range(_HALVINGS):
        middle = (outside + inside) / 2
        is_outside = not 0 < middle < 1 or log_e_value(n_right, n, middle) >= _LOG_LIMIT
        outside, inside = (middle, inside) if is_outside else (outside, middle)
    return outside


def n_more(n_right: int, n: int) -> int | None:
    """Return how many more answers at this rate would show that they are told apart.

    None for a rate of 1/2 or less, and where `MANY` are not enough.
    """
    if n == 0 or n_right <= n * GUESSING:
        return None
    share = n_right / n
    if log_e_value(n_right, n) >= _LOG_LIMIT:
        return 0
    # At a constant rate the evidence may fall at first, but never again once it rises.
    place = bisect_left(
        range(n, MANY + 1), _LOG_LIMIT, key=lambda total: log_e_value(share * total, total)
    )
    return place if n + place <= MANY else None
