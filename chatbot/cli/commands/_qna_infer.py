"""`chatbot qna infer`: a table of new questions -> a table of answers."""

import argparse
import dataclasses
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from chatbot.cli.bot import open_loaded_model
from chatbot.cli.keys import require_owner
from chatbot.cli.screen import TERMINAL, first_of, say
from chatbot.ingest.organize.inbox import zone_of
from chatbot.ingest.qna.prompts import QuestionForm
from chatbot.ingest.qna.table_rows import TableRow
from chatbot.settings.schema import Config
from chatbot.storage.files import sha256_of

if TYPE_CHECKING:
    from chatbot.inference.loading import LoadedModel
    from chatbot.inference.tables import AnsweredTable, Answerer

_SUFFIXES = {".json": ".jsonl", ".jsonl": ".jsonl"}  # others: .csv
_N_SHOWN = 5
_N_SEARCHES = 2  # of the rows at once


def add_subcommand(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add infer."""
    summary = "answer a table of questions (csv, jsonl), or continue"
    infer = subcommands.add_parser("infer", help=summary, description=summary)
    infer.add_argument("file", type=Path, help="a table with a column of questions")
    infer.add_argument(
        "--output", type=Path, metavar="OUT", help="csv or jsonl (default: FILE_answers)"
    )
    infer.set_defaults(run_subcommand=_infer)


def _infer(args: argparse.Namespace, config: Config) -> None:
    """Answer the rows that have no answer yet: from the rows of the desk, or by the model."""
    from chatbot.inference.tables import TableJob, answer_table, count_rows

    target = args.output or _target_of(args.file)
    config = for_answers(config)
    speaking = _desk_speaker(config) if config.qna.answering.enabled else _model_speaker(config)
    seed = _seed_of(config)
    job = TableJob(args.file, target, speaking.hash, seed, speaking.n_at_once, zone_of(config))
    n_rows = count_rows(job)
    say(f"{n_rows:,} rows, {speaking.n_at_once} at once; seed {seed}")
    try:
        with TERMINAL.progress(n_rows, "answering") as advance, speaking.answering() as answer:
            result = answer_table(job, answer, speaking.prompt_of, advance)
    except KeyboardInterrupt:
        say(f"stopped: the answers so far are in {job.unfinished}; the same command continues")
        raise
    _report(result, target)


@dataclasses.dataclass(frozen=True)
class _Speaker:
    """What answers: its hash, how many rows at once, how it is asked."""

    hash: str
    n_at_once: int
    answering: "Callable[[], AbstractContextManager[Answerer]]"
    prompt_of: Callable[[TableRow], TableRow]


def _seed_of(config: Config) -> int:
    """Return the seed of a table's answers."""
    drawn = config.sampling.seed
    return config.runtime.seed if drawn is None else drawn


def _model_speaker(config: Config) -> _Speaker:
    """Load the model, after the password check."""
    from chatbot.inference.engine import n_slots_for
    from chatbot.inference.tables import answering, hash_of_answerer

    loaded = with_form(open_loaded_model(config), config)
    n_at_once = n_slots_for(loaded.model, config)
    model_hash = hash_of_answerer(loaded, _seed_of(config))
    form = loaded.about.text_rules.question
    return _Speaker(
        model_hash, n_at_once, lambda: answering(loaded, n_at_once), lambda row: row.as_prompt(form)
    )


def _desk_speaker(config: Config) -> _Speaker:
    """Open the rows of the desk, after the password check."""
    from chatbot.inference.journal import Answer
    from chatbot.retrieval.desk import open_desk

    require_owner(config)
    desk, settings = open_desk(config), config.qna.answering
    form = QuestionForm(config.qna.prepare.label)

    def answer(row: TableRow, _seed: int) -> Answer:
        asked = [form.split(turn.text)[1] for turn in row.turns if not turn.is_desk]
        supported = desk.answer(asked[-1], asked[:-1])
        if supported is None:
            return Answer(settings.hand_over, is_handed_over=True)
        return Answer(supported.text, supported.citations)

    table = config.path(config.qna.prepare.csv_path)
    of_rows = sha256_of(table) if table.is_file() else ""
    parts = f"{of_rows} {msgspec.json.encode(settings).decode()}"
    desk_hash = sha256(parts.encode()).hexdigest()
    return _Speaker(desk_hash, _N_SEARCHES, lambda: nullcontext(answer), lambda row: row)


def _target_of(source: Path) -> Path:
    suffix = _SUFFIXES.get(source.suffix.lower(), ".csv")
    return source.with_name(f"{source.stem}_answers{suffix}")


def for_answers(config: Config) -> Config:
    """Return the settings with those of `qna.infer` for replies."""
    rules = config.qna.infer
    sampling = replace(
        config.sampling, temperature=rules.temperature, max_new_tokens=rules.max_new_tokens
    )
    output = replace(config.output, max_bubbles=rules.max_lines)
    return replace(config, sampling=sampling, output=output)


def with_form(loaded: "LoadedModel", config: Config) -> "LoadedModel":
    """Return the model as `qna.infer.ask_as` asks it: by its own form, as prompts, or barely."""
    rules, prepare = loaded.about.text_rules, config.qna.prepare
    forms = {
        "auto": rules.question,
        "prompt": QuestionForm(prepare.label, prepare.default_type),
        "question": QuestionForm(),
    }
    rules = replace(rules, question=forms[config.qna.infer.ask_as])
    settings = dataclasses.replace(loaded.settings, text_rules=rules)
    about = replace(loaded.about, text_rules=rules)
    return dataclasses.replace(loaded, settings=settings, about=about)


def _report(result: "AnsweredTable", target: Path) -> None:
    dropped = ", ".join(f"{n:,} {reason}" for reason, n in sorted(result.dropped.items()))
    handed_over = f", {result.n_handed_over:,} handed over" if result.n_handed_over else ""
    say(
        f"{result.n_rows:,} rows: {result.n_answered:,} answered{handed_over}"
        + (f"; without an answer: {dropped}" if dropped else "")
    )
    if result.n_cut:
        say(
            f"warning: {result.n_cut:,} answers end where their tokens do: raise "
            "`qna.infer.max_new_tokens`"
        )
    if result.n_continued:
        say(f"{result.n_continued:,} of them had an answer before this call")
    if result.damaged_lines:
        lines = first_of([str(line) for line in result.damaged_lines], _N_SHOWN)
        say(f"warning: damaged rows at line {lines}")
    say(f"written to {target}")
