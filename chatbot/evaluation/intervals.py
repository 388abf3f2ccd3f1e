"""Counts and values -> estimates with 95 % intervals."""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

_Z = 1.959964  # 95 %, two sides
_N_RESAMPLES = 1000


class Estimate(msgspec.Struct, frozen=True):
    """A share or a mean, and its 95 % interval; `n`: of how many."""

    value: float
    low: float
    high: float
    n: int

    def shown(self, form: str) -> str:
        """Return it with its interval, each in a format.

        >>> Estimate(0.125, 0.1, 0.2, 50).shown(".1%")
        '12.5% (10.0% to 20.0%)'
        """
        return f"{self.value:{form}} ({self.low:{form}} to {self.high:{form}})"


def share(n_hits: int, n: int) -> Estimate:
    """Return a share with its Wilson interval.

    >>> share(5, 50)  # doctest: +ELLIPSIS
    Estimate(value=0.1, low=0.0434..., high=0.2136..., n=50)
    """
    if n == 0:
        return Estimate(math.nan, 0.0, 1.0, 0)
    value, z2 = n_hits / n, _Z**2
    middle = (value + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * math.sqrt(value * (1 - value) / n + z2 / (4 * n * n))
    return Estimate(value, max(0.0, middle - half), min(1.0, middle + half), n)


def mean(values: Sequence[float], rng: np.random.Generator) -> Estimate:
    """Return a mean with its bootstrap interval."""
    numbers = np.asarray(values, dtype=np.float64)
    return ratio_of_sums(np.stack([numbers, np.ones_like(numbers)], axis=1), rng)


def ratio_of_sums(pairs: npt.NDArray[np.float64], rng: np.random.Generator) -> Estimate:
    """Return the sum of N numerators over that of N denominators: (N, 2), drawn pair by pair.

    A pair holds what belongs together, like the tokens of a session, which are not independent.
    """
    if not len(pairs):
        return Estimate(math.nan, math.nan, math.nan, 0)
    drawn = rng.multinomial(len(pairs), np.full(len(pairs), 1 / len(pairs)), _N_RESAMPLES)
    sums = drawn @ pairs
    sums = sums[sums[:, 1] > 0]
    low, high = np.percentile(sums[:, 0] / sums[:, 1], [2.5, 97.5])
    numerator, denominator = pairs.sum(axis=0)
    return Estimate(float(numerator / denominator), float(low), float(high), len(pairs))
