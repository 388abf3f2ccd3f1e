"""Logits -> the next token. V vocabulary."""

import numpy as np
import numpy.typing as npt

from chatbot.settings import SamplingConfig

Row = npt.NDArray[np.float32]


def sample_token(
    logits: Row,
    previous: list[int],
    settings: SamplingConfig,
    rng: np.random.Generator,
    forbidden: npt.NDArray[np.int64],
) -> int:
    """Draw a token from logits (V,); `forbidden` ids are never drawn.

    Order: forbid, penalize repeats, temperature, top-k, top-p. Temperature 0 is greedy.
    """
    scores = logits.astype(np.float64)
    scores[forbidden] = -np.inf
    if settings.repetition_penalty != 1 and previous:
        seen = np.unique(previous)
        # Dividing a negative logit would reward the repeat.
        scores[seen] = np.where(
            scores[seen] > 0,
            scores[seen] / settings.repetition_penalty,
            scores[seen] * settings.repetition_penalty,
        )
    if settings.temperature == 0:
        return int(scores.argmax())
    scores = _keep_top_k(scores / settings.temperature, settings.top_k)
    order = np.argsort(-scores, kind="stable")
    probabilities = np.exp(scores[order] - scores[order[0]])
    probabilities /= probabilities.sum()
    # The smallest set that holds top_p of the mass: whatever lies before top_p is reached.
    n_kept = int(np.searchsorted(np.cumsum(probabilities), settings.top_p)) + 1
    kept = probabilities[:n_kept]
    return int(order[rng.choice(len(kept), p=kept / kept.sum())])


def _keep_top_k(scores: npt.NDArray[np.float64], k: int) -> npt.NDArray[np.float64]:
    if not 0 < k < len(scores):
        return scores
    limit = np.partition(scores, -k)[-k]
    return np.where(scores >= limit, scores, -np.inf)
