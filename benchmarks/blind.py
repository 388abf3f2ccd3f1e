"""Answers after which judges are recognized, looking after each: `python benchmarks/blind.py`."""

import math

import numpy as np
import numpy.typing as npt

from chatbot.evaluation.blind.sequential import ERROR_RATE, GUESSING

N_JUDGES, N_ANSWERS, N_QUESTIONS = 2000, 400, 30
_RATES = (GUESSING, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9)


def recognized_after(
    rate: float, n_judges: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Return the number of answers after which each judge "can tell"; infinity for never."""
    return _shown_after(rng.random((n_judges, N_ANSWERS)) < rate)


def alike_after(
    n_friends: int, following: float, n_tests: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Return the same for friends of one file who know nothing, and go by the same wrong sign.

    `following`: the share of answers in which each goes by it; both truth and sign are coins.
    """
    is_truth = rng.random((n_tests, 1, N_QUESTIONS)) < GUESSING
    follows = rng.random((n_tests, n_friends, N_QUESTIONS)) < following
    return _shown_after((is_truth == follows).reshape(n_tests, -1))


def _shown_after(is_right: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return after how many of N answers each row of (R, N) "can tell"; infinity for never."""
    n_answers, right = is_right.shape[1], is_right.cumsum(axis=1)
    n = np.arange(1, n_answers + 1)
    factorials = np.array([math.lgamma(k + 1) for k in range(n_answers + 2)])
    logs = factorials[right] + factorials[n - right] - factorials[n + 1] - n * math.log(GUESSING)
    is_shown = (logs >= -math.log(ERROR_RATE)) & (right > n * GUESSING)
    return np.where(is_shown.any(axis=1), is_shown.argmax(axis=1) + 1.0, np.inf)


if __name__ == "__main__":
    rng = np.random.default_rng(17)
    for rate in _RATES:
        recognized = recognized_after(rate, N_JUDGES, rng)
        share = np.isfinite(recognized).mean()
        half, most = (np.quantile(recognized, q, method="higher") for q in (0.5, 0.9))
        print(
            f"right in {rate:.0%}: {share:.1%} of {N_JUDGES} judges recognized within {N_ANSWERS} "
            f"answers, half of them after {half:.0f}, 90 % after {most:.0f}"
        )
    for n_friends, following in ((3, 1.0), (5, 1.0), (10, 1.0), (5, 0.9), (10, 0.9), (10, 0.5)):
        share = np.isfinite(alike_after(n_friends, following, N_JUDGES, rng)).mean()
        print(
            f"{n_friends} friends of one file who know nothing and go by the same sign in "
            f"{following:.0%} of answers: {share:.1%} of {N_JUDGES} called recognized"
        )
