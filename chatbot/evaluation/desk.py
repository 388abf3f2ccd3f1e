"""Held-out questions of a desk and the answers of systems -> a report with intervals."""

from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np

from chatbot.evaluation.intervals import Estimate, mean, share
from chatbot.evaluation.text_overlap import chrf, token_f1
from chatbot.retrieval.terms import same_letters

_N_CONFUSIONS = 10
_N_EXAMPLES = 20


class Case(msgspec.Struct, frozen=True):
    """A held-out question, the desk's true answer, and what a system says.

    `ranked`: its answers, the likeliest first. `is_answered`: whether it gives the first, and does
    not hand over.
    """

    question: str
    truth: str
    ranked: tuple[str, ...]
    is_answered: bool

    @property
    def is_wrong(self) -> bool:
        """Whether its first answer is not the true one, letter by letter."""
        return not self.is_hit(1)

    def is_hit(self, k: int) -> bool:
        """Whether the true answer is among its first k."""
        return same_letters(self.truth) in map(same_letters, self.ranked[:k])


class Confusion(msgspec.Struct, frozen=True):
    """A wrong answer that was given, the true one, and how often."""

    given: str
    truth: str
    n_times: int


class SystemReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a system does with the questions.

    `wrong`: among answered. `right_hand_overs`: among handed over, how many would have been wrong.
    `chrf`, `token_f1`: of first answers to all questions, in percent.
    """

    name: str
    hit_at_1: Estimate
    hit_at_5: Estimate
    answered: Estimate
    wrong: Estimate
    right_hand_overs: Estimate
    chrf: Estimate
    token_f1: Estimate
    confusions: list[Confusion]
    examples: list[Case]


class DeskReport(msgspec.Struct, frozen=True, kw_only=True):
    """The report of a desk; `answerable`: questions whose true answer the index has."""

    n_indexed: int
    answerable: Estimate
    promise: str
    notes: list[str]
    systems: list[SystemReport]


def report_system(name: str, cases: Sequence[Case]) -> SystemReport:
    """Return the report of a system by its cases."""
    rng = np.random.default_rng(0)
    answered = [case for case in cases if case.is_answered]
    handed_over = [case for case in cases if not case.is_answered]
    first = [(case.ranked[0] if case.ranked else "", case.truth) for case in cases]
    return SystemReport(
        name=name,
        hit_at_1=share(sum(case.is_hit(1) for case in cases), len(cases)),
        hit_at_5=share(sum(case.is_hit(5) for case in cases), len(cases)),
        answered=share(len(answered), len(cases)),
        wrong=share(sum(case.is_wrong for case in answered), len(answered)),
        right_hand_overs=share(sum(case.is_wrong for case in handed_over), len(handed_over)),
        chrf=mean([chrf(*pair) for pair in first], rng),
        token_f1=mean([token_f1(*pair) for pair in first], rng),
        confusions=confusions(answered),
        examples=list(cases[:_N_EXAMPLES]),
    )


def confusions(cases: Sequence[Case]) -> list[Confusion]:
    """Return the most frequent wrong answers with the true ones."""
    pairs = Counter((case.ranked[0], case.truth) for case in cases if case.is_wrong and case.ranked)
    return [Confusion(*pair, n) for pair, n in pairs.most_common(_N_CONFUSIONS)]
