"""Results of stages -> tables and samples at the terminal."""

from chatbot.cli.screen import display, first_of, say, table
from chatbot.corpus.hf_tokenizer import BaseTokenizer
from chatbot.corpus.preview import PreviewTurn, preview
from chatbot.corpus.speakers import read_speakers
from chatbot.corpus.store import SPLITS, Stats, open_corpus
from chatbot.ingest.qna.sessions import TableAccount
from chatbot.settings.schema import Config

_GREEN, _GREY = 32, 90


def print_stats(stats: Stats) -> None:
    """Print the counts of messages and rows, and the size of the corpus."""
    if stats.exports:
        _print_messages(stats)
    if stats.tables:
        _print_tables(stats.tables)
    if stats.masked:
        say(f"masked: {_listed(stats.masked)} (`chatbot preprocess --show-masked` lists them)")
    rows = [["split", "sessions", "turns", "tokens", "trained", "context", "untrained"]]
    for name in SPLITS:
        split = stats.splits[name]
        numbers = (split.n_sessions, split.n_turns, split.n_tokens)
        masks = (split.n_target, split.n_context, split.n_control)
        rows.append([name, *(f"{n:,}" for n in numbers + masks)])
    display(table(rows))
    say(f"vocabulary {stats.vocab_size:,}; data fingerprint {stats.fingerprint[:12]}")


def _print_messages(stats: Stats) -> None:
    if n_merged := sum(stats.merged.values()):
        n_read = stats.messages["seen"] + n_merged
        say(f"{n_read:,} messages in the exports: {n_merged:,} are in several and count once")
    dropped = dict(stats.dropped)
    n_system = dropped.pop("system", 0)
    say(
        f"{stats.messages['seen'] - n_system:,} messages: {stats.messages['kept']:,} kept, "
        + _listed(dropped)
        + (f"; lines of the messenger itself: {n_system:,}" if n_system else "")
    )
    if stats.context_only:
        say(f"of those kept, context only, never trained: {_listed(stats.context_only)}")


def _print_tables(tables: dict[str, TableAccount]) -> None:
    """Print what became of the rows of each table, in the order of `processed.tables`."""
    reasons = sorted({reason for account in tables.values() for reason in account.dropped})
    rows = [["table", "rows", "kept", *reasons]]
    for name, account in tables.items():
        numbers = (account.n_rows, account.n_kept, *(account.dropped.get(r, 0) for r in reasons))
        rows.append([name, *(f"{n:,}" for n in numbers)])
    display(table(rows))
    for name, account in tables.items():
        if account.damaged_lines:
            lines = first_of([str(line) for line in account.damaged_lines], 5)
            say(f"warning: {name}: damaged rows at line {lines}")
    if any("too_long" in account.dropped for account in tables.values()):
        say("too_long: raise `processed.preprocess.max_message_chars` to keep such rows")


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {name}" for name, n in sorted(counts.items()))


def print_samples(config: Config, n_samples: int) -> None:
    """Print samples, with trained text in green."""
    corpus, speakers = open_corpus(config.processed_dir), read_speakers(config.processed_dir)
    if isinstance(corpus.tokenizer, BaseTokenizer):
        _print_form(corpus.tokenizer)
    samples = preview(corpus.train, corpus.tokenizer, n_samples)
    for number, sample in enumerate(samples, start=1):
        display(f"--- sample {number}: {sample.n_tokens} tokens")
        for turn in sample.turns:
            name = speakers.name_of(turn.speaker) if speakers else None
            _print_turn(turn, name or str(turn.speaker))
    say("* and green: replies that are trained; -: context only, nothing of it is trained")


def _print_turn(turn: PreviewTurn, name: str) -> None:
    mark = "*" if turn.is_trained else "-" if turn.is_context_only else " "
    display(f"{mark} {name}: {turn.text}", colour=_GREEN if turn.is_trained else _GREY)


def _print_form(tokenizer: BaseTokenizer) -> None:
    """Print the frames around turns in samples."""
    form = tokenizer.form
    display(f"form {form.kind}; before every session: {form.prefix!r}")
    if form.opening:
        display(f"the first turn of speaker 1 begins with {form.opening!r}")
    for speaker, (head, tail) in enumerate(zip(form.heads, form.tails, strict=True)):
        display(f"speaker {speaker}: {head!r} ... {tail!r}")
