"""A desk's rows in time order -> an index of the earlier, a promise, and a report on the latest."""

from collections.abc import Callable, Sequence

from chatbot.evaluation.desk import Case, DeskReport, SystemReport, report_system
from chatbot.evaluation.intervals import share
from chatbot.retrieval.desk import DeskTable, read_desk_table
from chatbot.retrieval.grounding import (
    N_COMPARED,
    Answer,
    earlier_outcomes,
    later_outcomes,
    nearest_answer,
)
from chatbot.retrieval.index import Index, Row, temporary_index
from chatbot.retrieval.terms import same_letters
from chatbot.retrieval.warranty import Warranty, fit_warranty
from chatbot.settings.schema import Config

_LATER = 10  # a tenth of the rows fits the threshold, the tenth after it is evaluated
_N_EARLIER = 2000
_NOTES = (
    "every question is asked alone, without what was said before",
    "right hand-overs: handed over, and the nearest row would have answered otherwise",
)


class _Nearest:
    """A question, its true answer, and what the rows say."""

    def __init__(self, index: Index, row: Row) -> None:
        matches = index.search(row.text, N_COMPARED)
        self.row = row
        self.answer: Answer | None = nearest_answer(matches, 1)
        texts: dict[str, str] = {}
        for match in matches:
            texts.setdefault(same_letters(match.row.answer), match.row.answer)
        self.ranked = tuple(texts.values())


def evaluate_desk(
    config: Config,
    n_questions: int,
    reply: Callable[[str], str] | None,
    on_reply: Callable[[], object],
) -> DeskReport:
    """Return the report on the latest tenth of the rows, at most `n_questions` of them.

    The index holds all but the latest fifth; `reply` is the model alone. The model must not have
    been trained on the latest rows, or it is measured on what it learned.
    """
    settings, desk = config.qna.answering, read_desk_table(config)
    n = len(desk.rows)
    n_later = n // _LATER
    indexed, fit, latest = (
        desk.rows[: n - 2 * n_later],
        desk.rows[n - 2 * n_later : n - n_later],
        desk.rows[n - min(n_later, n_questions) :],
    )
    folder = config.path(settings.index_dir).parent
    with temporary_index(folder, indexed, settings.index, "chatbot qna eval") as index:
        warranty = fit_warranty(
            earlier_outcomes(index, _N_EARLIER),
            later_outcomes(index, fit),
            settings.max_wrong,
            settings.confidence,
        )
        nearest = [_Nearest(index, row) for row in latest]
    threshold = warranty.threshold if settings.threshold == "auto" else settings.threshold
    systems = _row_systems(nearest, threshold)
    if reply is not None:
        systems.append(report_system("model alone", _model_cases(latest, reply, on_reply)))
    return _report(desk, indexed, latest, warranty, systems)


def _row_systems(nearest: Sequence[_Nearest], threshold: float | None) -> list[SystemReport]:
    """Return the reports of rows that always answer, and of those that hand over."""

    def cases(is_answered: Callable[[Answer], bool]) -> list[Case]:
        return [
            Case(
                asked.row.text,
                asked.row.answer,
                asked.ranked,
                asked.answer is not None and is_answered(asked.answer),
            )
            for asked in nearest
        ]

    return [
        report_system("rows alone", cases(lambda answer: True)),
        report_system(
            "grounded",
            cases(lambda answer: threshold is not None and answer.confidence >= threshold),
        ),
    ]


def _model_cases(
    rows: Sequence[Row], reply: Callable[[str], str], on_reply: Callable[[], object]
) -> list[Case]:
    cases = []
    for row in rows:
        cases.append(Case(row.text, row.answer, (reply(row.text),), True))
        on_reply()
    return cases


def _report(
    desk: DeskTable,
    indexed: Sequence[Row],
    latest: Sequence[Row],
    warranty: Warranty,
    systems: list[SystemReport],
) -> DeskReport:
    answers = {same_letters(row.answer) for row in indexed}
    n_answerable = sum(same_letters(row.answer) in answers for row in latest)
    notes = list(_NOTES)
    if not desk.has_times:
        notes.append("no row has a time; their order in the table is taken for it")
    return DeskReport(
        n_indexed=len(indexed),
        answerable=share(n_answerable, len(latest)),
        promise=warranty.sentence(),
        notes=notes,
        systems=systems,
    )
