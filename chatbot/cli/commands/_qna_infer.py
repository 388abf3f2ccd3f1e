"""`chatbot qna infer`: a table of new questions -> a table of answers."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from chatbot.cli.bot import open_loaded_model
from chatbot.cli.screen import TERMINAL, first_of, say
from chatbot.ingest.organize.inbox import zone_of
from chatbot.ingest.qna.table_rows import TableRow
from chatbot.settings.schema import Config

if TYPE_CHECKING:
    from chatbot.inference.tables import AnsweredTable

_SUFFIXES = {".json": ".jsonl", ".jsonl": ".jsonl"}  # others: .csv
_N_SHOWN = 5


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
    """Answer the rows that have no answer yet."""
    from chatbot.inference.engine import n_slots_for
    from chatbot.inference.tables import (
        TableJob,
        answer_table,
        answering,
        count_rows,
        hash_of_answerer,
    )

    target = args.output or _target_of(args.file)
    config = _for_answers(config)
    loaded = open_loaded_model(config)
    drawn = config.sampling.seed
    seed = config.runtime.seed if drawn is None else drawn
    n_at_once = n_slots_for(loaded.model, config)
    answerer_hash = hash_of_answerer(loaded, seed)
    job = TableJob(args.file, target, answerer_hash, seed, n_at_once, zone_of(config))
    n_rows = count_rows(job)
    say(f"{n_rows:,} rows, {n_at_once} at once; seed {seed}")
    try:
        with (
            TERMINAL.progress(n_rows, "answering") as advance,
            answering(loaded, n_at_once) as answer,
        ):
            result = answer_table(job, answer, _prompt_of(config), advance)
    except KeyboardInterrupt:
        say(f"stopped: the answers so far are in {job.unfinished}; the same command continues")
        raise
    _report(result, target)


def _target_of(source: Path) -> Path:
    suffix = _SUFFIXES.get(source.suffix.lower(), ".csv")
    return source.with_name(f"{source.stem}_answers{suffix}")


def _for_answers(config: Config) -> Config:
    """Return the settings with those of `qna.infer` for replies."""
    rules = config.qna.infer
    sampling = replace(
        config.sampling, temperature=rules.temperature, max_new_tokens=rules.max_new_tokens
    )
    output = replace(config.output, max_bubbles=rules.max_lines)
    return replace(config, sampling=sampling, output=output)


def _prompt_of(config: Config) -> Callable[[TableRow], TableRow]:
    """Return what writes a row as the model is asked."""
    prepare = config.qna.prepare
    is_prompt = config.qna.infer.ask_as == "prompt" or (
        config.qna.infer.ask_as == "auto"
        and bool({prepare.csv_path, prepare.jsonl_path} & set(config.processed.tables))
    )
    if not is_prompt:
        return lambda row: row
    return lambda row: row.as_prompt(prepare.label, prepare.default_type)


def _report(result: "AnsweredTable", target: Path) -> None:
    dropped = ", ".join(f"{n:,} {reason}" for reason, n in sorted(result.dropped.items()))
    handed_over = f", {result.n_handed_over:,} handed over" if result.n_handed_over else ""
    say(
        f"{result.n_rows:,} rows: {result.n_answered:,} answered{handed_over}"
        + (f"; without an answer: {dropped}" if dropped else "")
    )
    if result.n_continued:
        say(f"{result.n_continued:,} of them had an answer before this call")
    if result.damaged_lines:
        lines = first_of([str(line) for line in result.damaged_lines], _N_SHOWN)
        say(f"warning: damaged rows at line {lines}")
    say(f"written to {target}")
