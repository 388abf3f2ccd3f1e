"""Let friends guess whether a reply is real or the bot's, and add up what they say."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from chatbot.cli.arguments import positive
from chatbot.cli.keys import ask_model_key, passphrase_of_page, require_owner, show_passphrase
from chatbot.cli.listening import address_of, gate_for, warn_who_reaches
from chatbot.cli.screen import advance, display, progress, say, table
from chatbot.errors import ConfigError, CorpusError
from chatbot.settings.schema import Config

if TYPE_CHECKING:
    from chatbot.evaluation.blind.questions import Draft
    from chatbot.evaluation.blind.records import BlindTest
    from chatbot.evaluation.blind.score import BlindScore
    from chatbot.evaluation.blind.sequential import Evidence

_N_QUESTIONS = 30
_SURENESS = ("not said", "a guess", "rather", "certain")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --file, --unencrypted, --serve, --score and --questions."""
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--file", type=Path, metavar="FILE", help="write a test as one HTML file")
    ways.add_argument("--serve", action="store_true", help="serve a test to a browser")
    ways.add_argument("--score", nargs="+", metavar="CODE", help="count the answers in a code")
    parser.add_argument(
        "--questions", type=positive, default=_N_QUESTIONS, metavar="N", help="at most"
    )
    parser.add_argument(
        "--unencrypted", action="store_true", help="write a file that anybody can read"
    )


def run(args: argparse.Namespace, config: Config) -> None:
    """Make a test, or count answers; then print the result so far."""
    from chatbot.evaluation.blind.code import MOST_QUESTIONS

    if args.questions > MOST_QUESTIONS:
        raise ConfigError(
            f"a code holds the answers to {MOST_QUESTIONS} questions", hint="lower --questions"
        )
    if args.unencrypted and args.file is None:
        raise ConfigError("--unencrypted is for --file", hint="add --file FILE.html")
    if args.file is not None:
        _write_file(args, config)
        return
    if args.serve:
        _serve(args, config)
    if args.score:
        _count(" ".join(args.score), config)
    _show(config)


def _write_file(args: argparse.Namespace, config: Config) -> None:
    from chatbot.publishing.export import require_new
    from chatbot.publishing.page.blind import questions_json, write_blind_file

    require_owner(config)
    require_new(args.file)
    phrase = None if args.unencrypted else passphrase_of_page()
    test, draft = _make_test(args.questions, config)
    write_blind_file(args.file, questions_json(test.id, draft), phrase)
    say(f"written to {args.file}: {len(draft.questions)} questions, and not which replies are real")
    say("it holds real messages of the room: for somebody who may read them")
    if phrase is None:
        say("warning: it is not encrypted: whoever has it can read the messages in it")
    else:
        show_passphrase(phrase)
    say("a friend sends you a code back: `chatbot blind --score CODE`")


def _serve(args: argparse.Namespace, config: Config) -> None:
    """Answer a browser until Ctrl+C; each friend's answers are stored as they arrive."""
    gate = gate_for(config)
    from chatbot.publishing.page.blind import questions_json
    from chatbot.serving.blind import Idle, create_blind_app
    from chatbot.serving.server import bind, create_server
    from chatbot.serving.service import authenticator_of

    with bind(config.serve) as listening:
        test, draft = _make_test(args.questions, config)
        authenticator = authenticator_of(gate, config.serve, listening.getsockname()[1])
        questions = questions_json(test.id, draft)
        app = create_blind_app(
            questions, lambda code: _count(code, config), authenticator, config.serve
        )
        warn_who_reaches(config, gate)
        say(f"{len(draft.questions)} questions; Ctrl+C ends")
        display(address_of(config.serve, listening))
        create_server(app, Idle(), config.serve).run(sockets=[listening])


def _make_test(n: int, config: Config) -> tuple["BlindTest", "Draft"]:
    """Draw the questions of a new test, and store its truth; raises CorpusError without any."""
    from chatbot.evaluation.blind import records
    from chatbot.evaluation.blind.questions import draw_questions
    from chatbot.inference.loading import find_model, load_model, trained_corpus
    from chatbot.publishing.policy import require_not_stale

    path = find_model(config)
    require_not_stale(path)
    loaded = load_model(path, config, ask_model_key)
    corpus = trained_corpus(loaded, config)
    seed = records.draw_seed()
    with progress(n, "asking for replies") as bar:
        draft = draw_questions(loaded, corpus, n, records.seeded(seed), lambda: advance(bar))
    if not draft.questions:
        raise CorpusError(
            "no held-out session has a reply of the persona that the bot could match in length",
            hint="add exports, or raise `sampling.max_new_tokens` and `output.max_bubbles`",
        )
    if len(draft.questions) < n:
        say(f"the held-out sessions hold {len(draft.questions)} questions that fit, not {n}")
    test = records.new_test(seed, loaded.about, draft.second_is_bot)
    records.write_test(test, config)
    return test, draft


def _count(text: str, config: Config) -> None:
    """Count the answers in one code or more; none of them if one is mistyped."""
    from chatbot.evaluation.blind.code import read_code, split_codes
    from chatbot.evaluation.blind.records import add_sheet

    for sheet in [read_code(code) for code in split_codes(text)]:
        add_sheet(sheet, config)
        say(f"{len(sheet.answers)} answers counted")


def _show(config: Config) -> None:
    """Print what all friends said about the run's latest model."""
    from chatbot.evaluation.blind.records import read_tests
    from chatbot.evaluation.blind.score import of_latest_model, score_tests

    tests = read_tests(config)
    if not tests:
        raise ConfigError(
            f"run {config.run_name} has no blind test yet",
            hint="`chatbot blind --file blind.html` makes one for a friend",
        )
    latest = of_latest_model(tests)
    score = score_tests(latest)
    if not score.all_answers.n:
        say("no answers yet: a friend sends you a code, `chatbot blind --score CODE` counts it")
        return
    _print_score(score)
    if n_other := sum(len(t.sheets) for t in tests) - sum(len(t.sheets) for t in latest):
        say(f"{n_other} sheets are about an earlier model of this run and are not added")


def _print_score(score: "BlindScore") -> None:
    rows = [["", "right", "of", "rate", "95 % at any time of looking", "evidence (20 is enough)"]]
    rows += [_row(f"friend {i}", friend) for i, friend in enumerate(score.friends, start=1)]
    if len(score.friends) > 1:
        rows.append(_row("together", score.all_answers))
    display(table(rows))
    display()
    display(_verdict(score.all_answers))
    bot, real = score.bot_as_real, score.real_as_real
    for name, taken in (("the bot", bot), ("the person", real)):
        if taken.n:
            display(f"taken for the person: {name} in {taken.shown('.0%')} of {taken.n}")
    if score.place is not None:
        display(f"place: {score.place:.2f} (1: as often as the person, 0: never)")
    for name, right in list(zip(_SURENESS, score.by_sureness, strict=True))[1:]:
        if right.n:
            display(f"right when {name}: {right.value:.0%} of {right.n}")


def _row(name: str, shown: "Evidence") -> list[str]:
    rate, between = shown.n_right / shown.n, f"{shown.low:.0%} to {shown.high:.0%}"
    return [name, str(shown.n_right), str(shown.n), f"{rate:.0%}", between, f"{shown.e_value:.3g}"]


def _verdict(shown: "Evidence") -> str:
    """Say what the answers show, and how many more are needed."""
    if shown.verdict == "can tell":
        return "shown: friends can tell the bot from the person"
    if shown.verdict == "the other way round":
        return "shown: friends take the bot for the person more often than the person"
    if shown.n_more is None:
        return "not shown: friends are not right more often than by guessing, or hardly"
    return f"not shown that friends can tell: at this rate about {shown.n_more} more answers would"
