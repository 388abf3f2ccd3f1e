"""An audit copy of a model: trained from scratch with canaries and without some sessions.

It measures what training remembers. It never replies, and is never written to a disk.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from chatbot.corpus.store import Corpus, TokenStore, session_bounds
from chatbot.corpus.template import Turn, render_all
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.inference.scoring import item_of
from chatbot.model.interface import LanguageModel
from chatbot.privacy.memorization import ranks
from chatbot.training.interface import Blueprint
from chatbot.training.loop import adopt_average, train_steps
from chatbot.training.prepare import make_state, train_source
from chatbot.training.recipe import with_steps

REPEATS = (1, 2, 4, 8, 16)
N_EACH = 4  # canaries for each form and repeat count
DIGITS = 4
FORMS = (
    ("현관 비번이 뭐였지?", "현관 비번은 {}이야"),
    ("사물함 번호 알려 줘", "내 사물함 번호 {}"),
    ("쿠폰 번호 뭐야", "쿠폰 번호 {} 써"),
)
_SHARE_OUT = 0.1


@dataclass(frozen=True)
class Canary:
    """An invented secret, and its number of occurrences in the audit copy's data."""

    form: int
    secret: str
    n_repeats: int


@dataclass(frozen=True)
class Audit:
    """The audit copy, its training sessions, and those held out at random."""

    model: LanguageModel
    members: TokenStore
    others: TokenStore
    canaries: list[Canary]


def draw_canaries(rng: random.Random) -> list[Canary]:
    """Draw distinct canaries."""
    numbers = rng.sample(range(10**DIGITS), len(FORMS) * len(REPEATS) * N_EACH)
    return [
        Canary(form, f"{numbers.pop():0{DIGITS}}", n_repeats)
        for form in range(len(FORMS))
        for n_repeats in REPEATS
        for _ in range(N_EACH)
    ]


def train_audit_copy(
    blueprint: Blueprint, corpus: Corpus, max_steps: int, seed: int, on_step: Callable[[], None]
) -> Audit:
    """Train like the run, on 9 of 10 sessions and the canaries, for the same number of steps."""
    rng = random.Random(seed)  # noqa: S311 canaries are not secret
    canaries = draw_canaries(rng)
    members, others = split_at_random(corpus.train, corpus.tokenizer, rng)
    planted = with_canaries(members, canaries, corpus.tokenizer, rng)
    source = train_source(blueprint, corpus, planted)
    state = make_state(blueprint)
    settings = with_steps(blueprint.recipe, max_steps)
    for result in train_steps(state, source, settings, blueprint.compute):
        on_step()
        if result.step % 50 == 0:
            float(result.loss)  # raises an error if it is not finite
    adopt_average(state)
    return Audit(state.model.language_model(), members, others, canaries)


def split_at_random(
    store: TokenStore, tokenizer: Tokenizer, rng: random.Random
) -> tuple[TokenStore, TokenStore]:
    """Hold out sessions at random: split by date, topics would distinguish the two sets."""
    bounds = list(zip(*session_bounds(store.tokens, tokenizer.bos_id), strict=True))
    held = set(rng.sample(range(len(bounds)), max(1, round(_SHARE_OUT * len(bounds)))))
    parts = ([b for i, b in enumerate(bounds) if i not in held], [bounds[i] for i in sorted(held)])
    return _sessions(store, parts[0]), _sessions(store, parts[1])


def _sessions(store: TokenStore, bounds: Sequence[tuple[int, int]]) -> TokenStore:
    def join(array: np.ndarray) -> np.ndarray:
        return np.concatenate([array[begin:end] for begin, end in bounds] or [array[:0]])

    return TokenStore(join(store.tokens), join(store.loss_mask))


def with_canaries(
    store: TokenStore, canaries: Sequence[Canary], tokenizer: Tokenizer, rng: random.Random
) -> TokenStore:
    """Insert every canary, as often as it asks for, as separate sessions among the others."""
    sessions = [
        [Turn(1, FORMS[c.form][0]), Turn(0, FORMS[c.form][1].format(c.secret), True)]
        for c in canaries
        for _ in range(c.n_repeats)
    ]
    rng.shuffle(sessions)
    examples = list(render_all(sessions, tokenizer))
    tokens = [token for example in examples for token in example.tokens]
    mask = [value for example in examples for value in example.loss_mask]
    return TokenStore(
        np.concatenate([store.tokens, np.array(tokens, dtype=store.tokens.dtype)]),
        np.concatenate([store.loss_mask, np.array(mask, dtype=np.uint8)]),
    )


def exposures(audit: Audit, tokenizer: Tokenizer) -> dict[int, list[float]]:
    """Return number of repeats -> exact exposures of canaries, in bits; at most 13.3.

    All four-digit numbers are ranked, so this is no estimate.
    """
    room = audit.model.context_length
    exposures_by_n: dict[int, list[float]] = {n: [] for n in REPEATS}
    for form, (question, answer) in enumerate(FORMS):
        items = [
            item_of([Turn(1, question)], Turn(0, answer.format(f"{n:0{DIGITS}}")), tokenizer, room)
            for n in range(10**DIGITS)
        ]
        rank = ranks(audit.model, items)
        for canary in audit.canaries:
            if canary.form == form:
                place = rank[answer.format(canary.secret)]
                exposures_by_n[canary.n_repeats].append(
                    DIGITS * float(np.log2(10)) - float(np.log2(place))
                )
    return exposures_by_n
