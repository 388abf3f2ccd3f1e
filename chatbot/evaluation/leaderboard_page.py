"""A leaderboard -> tables of text, Markdown, and an HTML page with curves."""

from collections.abc import Iterator, Sequence
from html import escape

from chatbot.evaluation.html_page import (
    Series,
    Words,
    document,
    item,
    line_chart,
    read_words,
    small_curve,
    table_of_html,
)
from chatbot.evaluation.leaderboard import Group, Leaderboard, RunSummary

HEADS = ("rank", "run", "bits/byte", "nats", "best step", "of", "time", "state")
_N_FINGERPRINT = 12


def describe_group(group: Group) -> str:
    """Describe what a group's runs have in common, and whether their order has a meaning."""
    n_runs = len(group.runs)
    if not group.fingerprint:
        return f"{n_runs} with unknown data: not ranked"
    data = f"data {group.fingerprint[:_N_FINGERPRINT]}"
    if group.eval_tokens:
        data += f", held-out part of at most {group.eval_tokens} tokens"
    if group.is_ranked:
        return f"{data}: {n_runs} runs, ranked by bits per byte"
    return f"{data}: nothing to compare with, not ranked"


def text_rows(group: Group, board: Leaderboard) -> list[tuple[str, ...]]:
    """Return the rows of a group's table, the header first, without the curve."""
    rows: list[tuple[str, ...]] = [(*HEADS, "settings", "comment")]
    rows += [
        (rank, *_cells(run), own_settings(run, board), run.comment) for rank, run in group.ranks()
    ]
    return rows


def own_settings(run: RunSummary, board: Leaderboard) -> str:
    """Return a run's values of the settings in which runs differ."""
    pairs = board.differing().items()
    return ", ".join(f"{s} {run.settings[name]}" for name, s in pairs if name in run.settings)


def _cells(run: RunSummary) -> tuple[str, ...]:
    best, status = run.best, run.status
    numbers = ("-",) * 3
    if best is not None:
        numbers = (f"{best.bits_per_byte:.3f}", f"{best.val_loss:.3f}", f"{best.step:,}")
    minutes = f"{status.trained_seconds / 60:,.1f} min"
    state = "forgotten messages inside" if run.is_stale else status.state
    return run.place, *numbers, f"{status.step:,}", minutes, state


def markdown(board: Leaderboard) -> str:
    """Return the leaderboard as Markdown."""
    words = read_words("leaderboard_page.yaml")
    lines = [f"# {words['title']}", "", words["lead"].strip(), ""]
    for group in board.groups:
        lines += [f"## {describe_group(group)}", "", *_markdown_table(text_rows(group, board)), ""]
    return "\n".join(lines + [f"- {problem}" for problem in board.problems]) + "\n"


def _markdown_table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    for number, row in enumerate(rows):
        cells = (cell.replace("|", r"\|").replace("<", "&lt;") for cell in row)
        yield f"| {' | '.join(cells)} |"
        if number == 0:
            yield "|---" * len(row) + "|"


def leaderboard_page(board: Leaderboard) -> str:
    """Return the leaderboard as a self-contained HTML page, in Korean and English."""
    words = read_words("leaderboard_page.yaml")
    parts = [f"<h1>{words['title']}</h1><p>{words['lead']}</p>"]
    parts += [_section(group, board, words) for group in board.groups]
    if board.problems:
        parts.append(f"<h2>{words['problems']}</h2><ul>{''.join(map(item, board.problems))}</ul>")
    return document(words["title"], parts)


def _section(group: Group, board: Leaderboard, words: Words) -> str:
    series = [Series(run.place, _points(run)) for run in group.runs if run.evaluations]
    heads = [words["columns"][head] for head in (*HEADS, "curve", "settings", "comment")]
    rows = (
        (
            *map(escape, (rank, *_cells(run))),
            _curves(run, words),
            escape(own_settings(run, board)),
            escape(run.comment),
        )
        for rank, run in group.ranks()
    )
    kind = words["ranked" if group.is_ranked else "unranked"]
    return (
        f"<h2>{kind}</h2><p>{escape(describe_group(group))}</p>"
        f"{line_chart(series, words['held_out'])}{table_of_html(heads, rows)}"
    )


def _points(run: RunSummary) -> list[tuple[float, float]]:
    return [(each.step, each.bits_per_byte) for each in run.evaluations]


def _curves(run: RunSummary, words: Words) -> str:
    """Return the curves of the training loss and of the held-out loss."""
    losses = [loss for _, loss in run.losses]
    held_out = [each.val_loss for each in run.evaluations]
    return small_curve(losses, words["train"]) + small_curve(held_out, words["held_out"])
