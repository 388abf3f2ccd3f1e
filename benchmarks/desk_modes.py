"""Rows, a model, or one as a check of the other: `python -m benchmarks.desk_modes --root PROJECT`.

PROJECT has prepared rows and a model that was trained on their prompts without the latest tenth, as
`python -m benchmarks.desk_split` says how. Each mode answers the questions of that tenth, and is
compared at equal shares of answered questions, the most confident first:

rows: the nearest row's answer, by its margin. model: its own reply, by the mean log probability of
its tokens. model, checked: its reply, by its chrF with the answers of the five nearest rows. rows,
checked: the nearest row's answer, by its margin times its chrF with the model's reply.

Wrong is an answer with other letters than the row's own. "answerable": rows of the past have it.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chatbot.evaluation.desk import Case, report_system
from chatbot.evaluation.intervals import Estimate
from chatbot.evaluation.text_overlap import chrf
from chatbot.inference.bot import Bot
from chatbot.inference.loading import find_model, load_bot
from chatbot.ingest.qna.prompts import QuestionForm
from chatbot.retrieval.desk import read_desk_table
from chatbot.retrieval.grounding import N_COMPARED, nearest_answer
from chatbot.retrieval.index import Index, Match, Row, build_index
from chatbot.retrieval.terms import same_letters
from chatbot.settings.load import load_config
from chatbot.settings.schema import Config
from chatbot.storage.files import write_bytes

_SHARES = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
_N_CHECKED = 5
_N_EXAMPLES = 20
MODES = ("rows", "model", "model, checked", "rows, checked")


@dataclass(frozen=True)
class Answered:
    """A question as each mode answers it: a case and its confidence."""

    cases: tuple[Case, ...]
    confidences: tuple[float, ...]
    is_answerable: bool


class Asker:
    """Asks the rows and the model."""

    def __init__(self, index: Index, bot: Bot, form: QuestionForm, answers: set[str]) -> None:
        self._index, self._bot, self._form, self._answers = index, bot, form, answers

    def ask(self, row: Row) -> Answered:
        """Return what each mode answers to the question of a row."""
        matches = self._index.search(row.text, N_COMPARED)
        nearest = nearest_answer(matches, 1)
        margin = nearest.confidence if nearest else 0.0
        ranked = _ranked(matches)
        self._bot.forget()
        self._bot.hear(self._form.asked(row.text))
        reply = "".join(self._bot.stream((), 0))
        drawn = [token.log_probability for token in self._bot.record.drawn]
        sureness = float(np.mean(drawn)) if drawn else -np.inf
        support = max((chrf(reply, m.row.answer) for m in matches[:_N_CHECKED]), default=0.0)
        by_rows = Case(row.text, row.answer, ranked, bool(ranked))
        by_model = Case(row.text, row.answer, (reply,), bool(reply))
        agreement = chrf(reply, ranked[0]) if ranked else 0.0
        return Answered(
            (by_rows, by_model, by_model, by_rows),
            (margin, sureness, support, margin * agreement),
            same_letters(row.answer) in self._answers,
        )


def _ranked(matches: Sequence[Match]) -> tuple[str, ...]:
    """Return the answers of rows, the nearest first, each once."""
    answers = {same_letters(m.row.answer): m.row.answer for m in reversed(matches)}
    return tuple(reversed(answers.values()))


def ask_all(config: Config, n_questions: int, folder: Path) -> list[Answered]:
    """Return what is answered to the latest questions; the index is written to a folder."""
    desk = read_desk_table(config)
    n_later = len(desk.rows) // 10
    past, latest = desk.rows[: len(desk.rows) - n_later], desk.rows[len(desk.rows) - n_later :]
    index = Index(folder, build_index(folder, past, "ngrams", desk.fingerprint))
    bot = load_bot(find_model(config), config)
    form = QuestionForm(config.qna.prepare.label, config.qna.prepare.default_type)
    asker = Asker(index, bot, form, {same_letters(row.answer) for row in past})
    return [asker.ask(row) for row in latest[:n_questions]]


def _shown(estimate: Estimate, percent: float = 100.0) -> str:
    low, high = percent * estimate.low, percent * estimate.high
    return f"{percent * estimate.value:.1f} [{low:.1f}, {high:.1f}]"


def print_modes(title: str, asked: Sequence[Answered]) -> None:
    """Print the modes on some questions, at each answered share; shares are in percent."""
    print(f"\n{title}: {len(asked):,} questions")
    head = ("answered", "wrong", "chrF", "token F1")
    print(f"{'mode':16}" + "".join(f"{name:>19}" for name in head))
    for place, mode in enumerate(MODES):
        order = sorted(asked, key=lambda answered: -answered.confidences[place])
        cases = [answered.cases[place] for answered in order]
        for share in _SHARES:
            report = report_system(mode, cases[: max(1, int(len(cases) * share))])
            cells = (_shown(report.wrong), _shown(report.chrf, 1), _shown(report.token_f1, 1))
            print(f"{mode:16}{share:19.0%}" + "".join(f"{cell:>19}" for cell in cells))
        if mode == "rows":
            print(f"{'':16}hit@1 {_shown(report.hit_at_1)}, hit@5 {_shown(report.hit_at_5)}")


def examples(asked: Sequence[Answered]) -> str:
    """Return the first questions with the answers of rows and model, as a table."""
    lines = [
        "| question | the desk | nearest row (margin) | the model (support) |",
        "|---|---|---|---|",
    ]
    for answered in asked[:_N_EXAMPLES]:
        (rows, model, _, _), (margin, _, support, _) = answered.cases, answered.confidences
        nearest = rows.ranked[0] if rows.ranked else ""
        cells = (
            rows.question,
            rows.truth,
            f"{nearest} ({margin:.2f})",
            f"{model.ranked[0]} ({support:.0f})",
        )
        lines.append(f"| {' | '.join(cell.replace(chr(10), ' ') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print wrong among answered by mode and answered share."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--questions", type=int, default=10**9)
    parser.add_argument("--examples", type=Path, help="a file for twenty questions with answers")
    args = parser.parse_args()
    # Greedy: the same reply every time.
    config = load_config(args.root, ("sampling.temperature=0",))
    with tempfile.TemporaryDirectory() as folder:
        asked = ask_all(config, args.questions, Path(folder) / "index")
    print_modes("all", asked)
    print_modes("answerable", [answered for answered in asked if answered.is_answerable])
    if args.examples:
        write_bytes(args.examples, examples(asked).encode())


if __name__ == "__main__":
    main()
