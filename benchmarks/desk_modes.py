"""Rows, a model, or one as a check of the other: `python -m benchmarks.desk_modes --root PROJECT`.

PROJECT has prepared rows and a model that was trained on their prompts without the latest tenth,
on which wrong answers are counted at equal shares of answered questions, the most confident first:

rows: the nearest row's answer, by its margin. model: its own reply, by the mean log probability of
its tokens. model, checked: its reply, by its chrF with the answers of the five nearest rows. rows,
checked: the nearest row's answer, by its margin times its chrF with the model's reply.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chatbot.evaluation.text_overlap import chrf
from chatbot.inference.loading import find_model, load_bot
from chatbot.retrieval.desk import read_desk_table
from chatbot.retrieval.grounding import N_COMPARED, is_same, nearest_answer
from chatbot.retrieval.index import Index, build_index
from chatbot.settings.load import load_config

_SHARES = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
_N_CHECKED = 5


@dataclass(frozen=True)
class Scored:
    """A mode's confidence in an answer, and whether that is wrong."""

    confidence: float
    is_wrong: bool


def score(root: Path, n_questions: int, folder: Path) -> dict[str, list[Scored]]:
    """Return what each mode answers to the latest questions; the index is written to a folder."""
    # Greedy: the same reply every time.
    config = load_config(root, ("sampling.temperature=0",))
    desk = read_desk_table(config)
    n_later = len(desk.rows) // 10
    latest = desk.rows[len(desk.rows) - n_later :][:n_questions]
    earlier = desk.rows[: len(desk.rows) - n_later]
    index = Index(folder, build_index(folder, earlier, "ngrams", desk.fingerprint))
    bot = load_bot(find_model(config), config)
    modes: dict[str, list[Scored]] = {
        name: [] for name in ("rows", "model", "model, checked", "rows, checked")
    }
    for row in latest:
        matches = index.search(row.text, N_COMPARED)
        bot.forget()
        bot.hear(f"[{config.qna.prepare.label}] {row.text}")
        reply = "".join(bot.stream((), 0))
        drawn = [token.log_probability for token in bot.record.drawn]
        sureness = float(np.mean(drawn)) if drawn else -np.inf
        support = max((chrf(reply, m.row.answer) for m in matches[:_N_CHECKED]), default=0.0)
        answer = nearest_answer(matches, 1)
        text, margin = (answer.text, answer.confidence) if answer else ("", 0.0)
        is_reply_wrong = not is_same(reply, row.answer)
        is_row_wrong = not is_same(text, row.answer)
        modes["rows"].append(Scored(margin, is_row_wrong))
        modes["model"].append(Scored(sureness, is_reply_wrong))
        modes["model, checked"].append(Scored(support, is_reply_wrong))
        modes["rows, checked"].append(Scored(margin * chrf(reply, text), is_row_wrong))
    return modes


def wrong_shares(answers: Sequence[Scored]) -> list[float]:
    """Return the share of wrong answers among the most confident parts."""
    order = sorted(answers, key=lambda answer: -answer.confidence)
    return [
        float(np.mean([answer.is_wrong for answer in order[: max(1, int(len(order) * share))]]))
        for share in _SHARES
    ]


def main() -> None:
    """Print wrong among answered by mode and answered share."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--questions", type=int, default=500)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        modes = score(args.root, args.questions, Path(folder) / "index")
    print("answered        " + "".join(f"{share:8.0%}" for share in _SHARES))
    for name, answers in modes.items():
        print(f"{name:16}" + "".join(f"{share:8.1%}" for share in wrong_shares(answers)))


if __name__ == "__main__":
    main()
