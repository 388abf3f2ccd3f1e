"""`chatbot qna eval`: later questions, answered from the rows and by the model, on one page."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from chatbot.cli.commands._qna_infer import for_answers, with_form
from chatbot.cli.screen import advance, display, progress, say, table
from chatbot.settings.schema import Config

if TYPE_CHECKING:
    from chatbot.evaluation.desk import SystemReport

_N_QUESTIONS = 500


def add_subcommand(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add eval."""
    summary = "answer later questions from the rows and by the model, and write desk.html"
    parser = subcommands.add_parser("eval", help=summary, description=summary)
    parser.add_argument(
        "--questions",
        type=int,
        default=_N_QUESTIONS,
        metavar="N",
        help="evaluate at most the N latest",
    )
    parser.add_argument(
        "--without-model", action="store_true", help="only what the rows answer: seconds"
    )
    parser.set_defaults(run_subcommand=_evaluate)


def _evaluate(args: argparse.Namespace, config: Config) -> None:
    """Write desk.json and desk.html beside the prepared rows, and print the comparison."""
    from chatbot.evaluation.desk_page import desk_page
    from chatbot.evaluation.desk_run import evaluate_desk
    from chatbot.storage.files import write_bytes

    reply = None if args.without_model else _model_reply(config)
    with progress(0, "asking") as bar:
        report = evaluate_desk(config, args.questions, reply, lambda: advance(bar))
    path = config.path(config.qna.prepare.csv_path).with_name("desk.html")
    write_bytes(path.with_suffix(".json"), msgspec.json.encode(report), mode=0o600)
    write_bytes(path, desk_page(report).encode(), mode=0o600)
    rows = [["", "hit@1", "hit@5", "answered", "wrong", "hand-overs right", "chrF", "F1"]]
    rows += [_row(system) for system in report.systems]
    display(table(rows))
    say(report.promise)
    say(f"{path} shows it; it holds questions and answers of the desk")


def _row(system: "SystemReport") -> list[str]:
    shares = (system.hit_at_1, system.hit_at_5, system.answered, system.wrong)
    cells = [f"{part.value:.1%}" if part.n else "-" for part in (*shares, system.right_hand_overs)]
    return [system.name, *cells, f"{system.chrf.value:.1f}", f"{system.token_f1.value:.1f}"]


def _model_reply(config: Config) -> Callable[[str], str]:
    """Return what asks the model one question as `qna infer` does, without a past."""
    from chatbot.cli.bot import open_loaded_model
    from chatbot.inference.generate import Prefix

    loaded = with_form(open_loaded_model(for_answers(config)), config)
    bot = loaded.bot(Prefix(loaded.model))

    def reply(question: str) -> str:
        bot.forget()
        bot.hear(question)
        return bot.reply().text

    return reply
