"""`chatbot qna index`: the index of the desk's rows, and the promise that goes with it."""

import argparse

from chatbot.cli.screen import display, say
from chatbot.settings.schema import Config


def add_subcommand(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add index."""
    summary = "index the prepared rows, and measure on the latest when to hand over"
    parser = subcommands.add_parser("index", help=summary, description=summary)
    parser.set_defaults(run_subcommand=_index)


def _index(_args: argparse.Namespace, config: Config) -> None:
    """Write the index, and print what is promised."""
    from chatbot.retrieval.desk import index_desk

    desk = index_desk(config)
    warranty = desk.warranty
    say(f"{desk.about.n_rows:,} rows indexed, {warranty.n_questions:,} later ones measured")
    if not desk.has_times:
        say("warning: no row has a time; their order in the table is taken for it")
    display(warranty.sentence())
    if warranty.threshold is None and config.qna.answering.threshold == "auto":
        say(
            "without a promise everything is handed over; `chatbot qna eval` shows what is wrong; "
            "`qna.answering.max_wrong` or `qna.answering.threshold` is yours to choose"
        )
    elif warranty.threshold is not None:
        say(
            f"{warranty.n_answered / warranty.n_questions:.0%} answered, from confidence "
            f"{warranty.threshold:.3f} on"
        )
    if not config.qna.answering.enabled:
        say("`qna.answering.enabled: true` lets reply, chat and serve answer so")
