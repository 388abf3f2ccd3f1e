"""A model and messages -> how much it remembers: extraction, membership, exposure.

Formulas: Carlini et al. 2019 (exposure), Hayes et al. 2024 ((n, p)-extraction), Shi et al. 2024
(Min-K%). T tokens, V vocabulary, N messages.
"""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chatbot.corpus.tokenizer import Ids
from chatbot.inference.sampling import allowed_scores, distribution
from chatbot.inference.scoring import Floats, Item, reply_logits, token_log_probabilities
from chatbot.model.interface import LanguageModel
from chatbot.settings.schema import SamplingConfig

_LOWEST = 0.2  # Min-K%: the least likely fifth of the tokens
_N_BOOTSTRAPS = 300


# ---------------------------------------------------------------- extraction
def queries_to_extract(
    model: LanguageModel, items: Sequence[Item], control: Ids, sampling: SamplingConfig
) -> Floats:
    """Return (N,): replies until each message is generated verbatim with probability 1/2.

    With the real sampler: temperature, cutoffs, penalties. Infinite if it is impossible.
    """
    n_replies = []
    for item, logits in reply_logits(model, items):
        chance = 0.0  # its logarithm
        for place, token in enumerate(item.reply):
            forbidden = control[control != item.reply[-1]]
            scores = allowed_scores(logits[place], item.reply[:place], forbidden, sampling)
            tokens, probabilities = distribution(scores, sampling)
            drawn = probabilities[tokens == token]
            if not len(drawn):
                chance = -math.inf
                break
            chance += math.log(drawn[0])
        probability = math.exp(chance)
        n_replies.append(queries(probability))
    return np.array(n_replies)


def queries(probability: float) -> float:
    """Return the draws after which an event has occurred at least once with probability 1/2.

    >>> queries(0.5), queries(0.1), queries(0.0)
    (1.0, 7.0, inf)
    """
    if probability >= 0.5:
        return 1.0
    if probability < 1e-300:
        return math.inf
    return float(math.ceil(math.log(0.5) / math.log1p(-probability)))


# ---------------------------------------------------------------- membership
def membership_scores(model: LanguageModel, items: Sequence[Item]) -> dict[str, Floats]:
    """Return attack -> scores (N,); a higher score means: trained on."""
    rows = []
    for item, logits in reply_logits(model, items):
        likely = token_log_probabilities(logits, item.reply)
        n_lowest = max(1, round(_LOWEST * len(likely)))
        size = len(zlib.compress(item.text.encode()))
        rows.append((likely.mean(), likely.sum() / size, np.sort(likely)[:n_lowest].mean()))
    columns = np.array(rows).T if rows else np.zeros((3, 0))
    names = "loss", "loss / compressed size", "loss of the least likely 20 %"
    return dict(zip(names, columns, strict=True))


@dataclass(frozen=True)
class Attack:
    """How well a score separates trained messages from others, with 95 % intervals."""

    auc: float
    auc_interval: tuple[float, float]
    tpr_at_1_percent: float
    tpr_interval: tuple[float, float]


def attack(members: Floats, others: Floats, rng: np.random.Generator) -> Attack:
    """Evaluate a membership attack, with bootstrap intervals over messages."""
    drawn = np.array(
        [
            _attack(rng.choice(members, len(members)), rng.choice(others, len(others)))
            for _ in range(_N_BOOTSTRAPS)
        ]
    )
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    auc, tpr = _attack(members, others)
    return Attack(auc, (float(low[0]), float(high[0])), tpr, (float(low[1]), float(high[1])))


def _attack(members: Floats, others: Floats) -> tuple[float, float]:
    """Return the area under the ROC curve, and the true positive rate at 1 % false positives."""
    sorted_others = np.sort(others)
    below = np.searchsorted(sorted_others, members, "left") + np.searchsorted(
        sorted_others, members, "right"
    )
    threshold = np.quantile(others, 0.99, method="higher")
    return float(below.mean() / 2 / len(others)), float((members > threshold).mean())


# ---------------------------------------------------------------- exposure
def exposure(model: LanguageModel, secret: Item, references: Sequence[Item]) -> float:
    """Return the bits by which a secret ranks above chance among texts of its form.

    The last rank gives 0, the first the maximum, log2(references + 1).
    """
    scores = {
        id(item): float(token_log_probabilities(logits, item.reply).sum())
        for item, logits in reply_logits(model, [secret, *references])
    }
    own = scores.pop(id(secret))
    rank = 1 + sum(score > own for score in scores.values())
    return math.log2((len(scores) + 1) / rank)


def ranks(model: LanguageModel, items: Sequence[Item]) -> dict[str, int]:
    """Return the rank of each text among all of them; 1 is the most likely."""
    scores = {
        item.text: float(token_log_probabilities(logits, item.reply).sum())
        for item, logits in reply_logits(model, items)
    }
    ordered = sorted(scores, key=lambda text: -scores[text])
    return {text: place for place, text in enumerate(ordered, start=1)}
