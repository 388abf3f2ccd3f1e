"""Questions -> answers of the nearest rows with the ids they rest on, or a hand-over."""

import re
from collections.abc import Iterable, Sequence

import msgspec

from chatbot.retrieval.index import Index, Match, Row
from chatbot.retrieval.terms import same_letters
from chatbot.retrieval.warranty import Outcome

# So many rows are compared before an answer is given, however few are cited.
N_COMPARED = 20


class Answer(msgspec.Struct, frozen=True):
    """An answer of the desk, and the ids of the rows that give it, the nearest first.

    `confidence`: by how much the nearest row is more similar than any that answers otherwise.
    """

    text: str
    citations: tuple[str, ...]
    confidence: float


def nearest_answer(matches: Sequence[Match], n_cited: int) -> Answer | None:
    """Return the answer of the nearest row; None without a row.

    Cited are the nearest row and other near ones with its answer. A row that is as near and answers
    otherwise leaves no confidence: the question alone does not tell which answer is meant.
    """
    if not matches:
        return None
    first = matches[0]
    agrees = [is_same(match.row.answer, first.row.answer) for match in matches]
    citations = [match.row.id for match, is_equal in zip(matches, agrees, strict=True) if is_equal]
    other = max(
        (m.similarity for m, is_equal in zip(matches, agrees, strict=True) if not is_equal),
        default=0.0,
    )
    confidence = max(0.0, first.similarity - other)
    return Answer(first.row.answer, tuple(citations[:n_cited]), confidence)


def is_same(answer: str, other: str) -> bool:
    """Whether two answers differ at most by spaces, signs and capital letters."""
    return same_letters(answer) == same_letters(other)


# What a question begins with that is about the one before: "그건 얼마예요?", "네 그럼 언제요?".
_REFERS_BACK = re.compile(
    r"\W*(?:(?:아|네|넵|예|음|근데|그런데)\W+)*"
    r"(?:그(?:거|건|게|걸|것|럼|러면|때|쪽|\s+(?:상품|제품|물건|경우)))|거(?:기|긴)(?![가-힣]{2})"
)
_N_BOTH = 200  # rows near either question, among which those near both are


def refers_back(question: str) -> bool:
    """Whether a question is about the one before it, by its first word.

    >>> refers_back("네, 그건 얼마예요?"), refers_back("그릇은 얼마예요?")
    (True, False)
    """
    return _REFERS_BACK.match(question) is not None


def near_both(matches: Iterable[Match], others: Iterable[Match]) -> list[Match]:
    """Return the rows of both, the nearest first: a row is as near as it is to the farther text."""
    nearness = {match.row.id: match.similarity for match in others}
    both = [
        Match(match.row, min(match.similarity, nearness[match.row.id]))
        for match in matches
        if match.row.id in nearness
    ]
    return sorted(both, key=lambda match: -match.similarity)


class Desk:
    """Answers from the rows of an index where they are near enough; any thread may ask.

    `n_cited`: how many rows an answer names at most. `threshold`: the least confidence of an
    answer; None hands over every question.
    """

    def __init__(self, index: Index, n_cited: int, threshold: float | None) -> None:
        self._index, self._n_cited, self._threshold = index, n_cited, threshold

    def answer(self, question: str, earlier: Sequence[str] = ()) -> Answer | None:
        """Return an answer; None if no row supports one, and a person has to.

        `earlier`: what the customer asked before. A question that refers back, and finds no answer
        alone, is answered by a row that is near it and near the latest one that does not.
        """
        answer = self._supported(self._index.search(question, N_COMPARED))
        subject = next((text for text in reversed(earlier) if not refers_back(text)), None)
        if answer is not None or subject is None or not refers_back(question):
            return answer
        near = (self._index.search(text, _N_BOTH) for text in (question, subject))
        return self._supported(near_both(*near)[:N_COMPARED])

    def _supported(self, matches: Sequence[Match]) -> Answer | None:
        answer = nearest_answer(matches, self._n_cited)
        if answer is None or self._threshold is None or answer.confidence < self._threshold:
            return None
        return answer


def spoken(answer: Answer | None, hand_over: str) -> str:
    """Return what the customer reads: the answer and the rows it rests on, or the hand-over.

    >>> spoken(Answer("이틀 걸립니다.", ("12", "55"), 0.9), "")
    '이틀 걸립니다.\\n[근거: 12, 55]'
    """
    if answer is None:
        return hand_over
    return f"{answer.text}\n[근거: {', '.join(answer.citations)}]"


def later_outcomes(index: Index, rows: Iterable[Row]) -> list[Outcome]:
    """Return how rows that the index does not have would be answered.

    An answer is wrong unless it is that of the row: an equally good one counts as wrong too.
    """
    return [outcome_of(index.search(row.text, N_COMPARED), row) for row in rows]


def earlier_outcomes(index: Index, n_rows: int) -> list[Outcome]:
    """Return how the latest rows of the index would be answered from the others."""
    rows = [index.row(place) for place in range(max(0, len(index) - n_rows), len(index))]
    nearest = (index.search(row.text, N_COMPARED + 1) for row in rows)
    return [
        outcome_of([match for match in matches if match.row.id != row.id][:N_COMPARED], row)
        for matches, row in zip(nearest, rows, strict=True)
    ]


def outcome_of(matches: Sequence[Match], row: Row) -> Outcome:
    """Return how a row would be answered from others near it."""
    answer = nearest_answer(matches, 1)
    if answer is None:
        return Outcome(0.0, True)
    return Outcome(answer.confidence, not is_same(answer.text, row.answer))
