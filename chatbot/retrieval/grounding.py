"""Questions -> answers of the nearest rows with the ids they rest on, or a hand-over."""

from collections.abc import Iterable, Sequence

import msgspec

from chatbot.retrieval.index import Index, Match, Row
from chatbot.retrieval.terms import same_letters
from chatbot.retrieval.warranty import Outcome


class Answer(msgspec.Struct, frozen=True):
    """An answer of the desk, the ids of the rows that give it, and how near the nearest is."""

    text: str
    citations: tuple[str, ...]
    confidence: float


def nearest_answer(matches: Sequence[Match]) -> Answer | None:
    """Return the answer of the nearest row; None without a row.

    Cited are the nearest row and those others of the nearest whose answer is the same.
    """
    if not matches:
        return None
    first = matches[0].row
    citations = [match.row.id for match in matches if is_same(match.row.answer, first.answer)]
    return Answer(first.answer, tuple(citations), matches[0].similarity)


def is_same(answer: str, other: str) -> bool:
    """Whether two answers differ at most by spaces, signs and capital letters."""
    return same_letters(answer) == same_letters(other)


class Desk:
    """Answers from the rows of an index where they are near enough; any thread may ask.

    `threshold`: the least similarity of the nearest row; None hands over every question.
    """

    def __init__(self, index: Index, n_nearest: int, threshold: float | None) -> None:
        self._index, self._n_nearest, self._threshold = index, n_nearest, threshold

    def answer(self, question: str) -> Answer | None:
        """Return an answer; None if no row supports one, and a person has to."""
        answer = nearest_answer(self._index.search(question, self._n_nearest))
        if answer is None or self._threshold is None or answer.confidence < self._threshold:
            return None
        return answer


def later_outcomes(index: Index, rows: Iterable[Row], n_nearest: int) -> list[Outcome]:
    """Return how rows that the index does not have would be answered.

    An answer is wrong unless it is that of the row: an equally good one counts as wrong too.
    """
    return [_outcome(index.search(row.text, n_nearest), row) for row in rows]


def earlier_outcomes(index: Index, n_rows: int, n_nearest: int) -> list[Outcome]:
    """Return how the latest rows of the index would be answered from the others."""
    rows = [index.row(place) for place in range(max(0, len(index) - n_rows), len(index))]
    nearest = (index.search(row.text, n_nearest + 1) for row in rows)
    return [
        _outcome([match for match in matches if match.row.id != row.id][:n_nearest], row)
        for matches, row in zip(nearest, rows, strict=True)
    ]


def _outcome(matches: Sequence[Match], row: Row) -> Outcome:
    answer = nearest_answer(matches)
    if answer is None:
        return Outcome(0.0, True)
    return Outcome(answer.confidence, not is_same(answer.text, row.answer))
