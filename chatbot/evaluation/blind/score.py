"""Sheets and the truth -> how often friends were right, and for whom they took each text."""

from collections.abc import Iterator, Sequence

import msgspec

from chatbot.evaluation.blind.code import Answer
from chatbot.evaluation.blind.records import BlindTest
from chatbot.evaluation.blind.sequential import Evidence, evidence
from chatbot.evaluation.intervals import Estimate, share

N_SURE = 4  # steps: not said, a guess, rather, sure


class BlindScore(msgspec.Struct, frozen=True, kw_only=True):
    """The result of all friends together.

    `bot_as_real`, `real_as_real`: how often each was taken for the person. `place`: the first over
    the second, 1 where the bot is taken for the person as often as the person is; None without
    either. `friends`: each alone, in the order of arrival. `by_sureness`: of answers by `sure`.
    """

    all_answers: Evidence
    friends: list[Evidence]
    bot_as_real: Estimate
    real_as_real: Estimate
    place: float | None
    by_sureness: list[Estimate]


def score_tests(tests: Sequence[BlindTest]) -> BlindScore:
    """Add up all answers to tests of one model."""
    sheets = [list(_judged(test, sheet.answers)) for test in tests for sheet in test.sheets]
    answers = [pair for sheet in sheets for pair in sheet]
    rates = [_taken_for_real(answers, is_bot) for is_bot in (True, False)]
    bot, real = rates
    return BlindScore(
        all_answers=_evidence(answers),
        friends=[_evidence(sheet) for sheet in sheets],
        bot_as_real=bot,
        real_as_real=real,
        place=bot.value / real.value if bot.n and real.n and real.value else None,
        by_sureness=[_right_when(answers, sure) for sure in range(N_SURE)],
    )


def of_latest_model(tests: Sequence[BlindTest]) -> list[BlindTest]:
    """Return the tests of the model that the latest test is of: others are not added to it."""
    if not tests:
        return []
    latest = tests[-1].step, tests[-1].data_fingerprint
    return [test for test in tests if (test.step, test.data_fingerprint) == latest]


def _judged(test: BlindTest, answers: Sequence[Answer]) -> Iterator[tuple[bool, Answer]]:
    """Yield whether the text that was shown is the bot's, and the answer."""
    for second_is_bot, answer in zip(test.second_is_bot, answers, strict=False):
        yield answer.shows_second == second_is_bot, answer


def _evidence(answers: Sequence[tuple[bool, Answer]]) -> Evidence:
    return evidence(sum(is_bot == answer.says_bot for is_bot, answer in answers), len(answers))


def _taken_for_real(answers: Sequence[tuple[bool, Answer]], is_bot: bool) -> Estimate:
    said = [not answer.says_bot for shown, answer in answers if shown == is_bot]
    return share(sum(said), len(said))


def _right_when(answers: Sequence[tuple[bool, Answer]], sure: int) -> Estimate:
    right = [is_bot == answer.says_bot for is_bot, answer in answers if answer.sure == sure]
    return share(sum(right), len(right))
