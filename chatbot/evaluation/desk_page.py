"""A desk's report -> an HTML page, which holds its questions and answers."""

from collections.abc import Sequence
from html import escape

from chatbot.evaluation.desk import Case, DeskReport, SystemReport
from chatbot.evaluation.html_page import Words, document, item, read_words, table
from chatbot.evaluation.intervals import Estimate


def desk_page(report: DeskReport) -> str:
    """Return the report as a self-contained HTML page, in Korean and English."""
    words = read_words("desk_page.yaml")
    parts = [
        f"<h1>{words['title']}</h1><p>{words['lead']}</p>",
        _promise(report, words),
        _bars(report.systems, words),
        _comparison(report.systems, words),
        *(_details(system, words) for system in report.systems),
        f"<h2>{words['notes']}</h2><ul>{''.join(item(note) for note in report.notes)}</ul>",
    ]
    return document(words["title"], parts, words["style"])


def _promise(report: DeskReport, words: Words) -> str:
    kind = "promise made" if report.promise.startswith("at most") else "promise"
    return (
        f'<h2>{words["promise"]}</h2><p class="{kind}">{escape(report.promise)}</p>'
        f'<p class="soft">{report.n_indexed:,} rows; answerable {_shown(report.answerable)}</p>'
    )


def _bars(systems: Sequence[SystemReport], words: Words) -> str:
    """Return for each system how many questions are answered right, wrong, or handed over."""
    rows = []
    for system in systems:
        answered = system.answered.value
        wrong = answered * (system.wrong.value if system.wrong.n else 0.0)
        parts = (("right", answered - wrong), ("wrong", wrong), ("over", 1 - answered))
        spans = "".join(
            f'<span class="{kind}" style="width:{part:.2%}" title="{words[kind]} {part:.1%}">'
            "</span>"
            for kind, part in parts
        )
        label = ", ".join(f"{words[kind]} {part:.1%}" for kind, part in parts)
        rows.append(
            f"<div>{escape(system.name)} <small>{label}</small></div>"
            f'<div class="bar" role="img" aria-label="{label}">{spans}</div>'
        )
    key = "".join(
        f'<span class="{kind}"></span>{words[kind]}' for kind in ("right", "wrong", "over")
    )
    return f'<h2>{words["bars"]}</h2><p class="key">{key}</p>{"".join(rows)}'


def _comparison(systems: Sequence[SystemReport], words: Words) -> str:
    names = words["columns"]
    rows = [
        (title, *(_shown(getattr(system, field), field) for system in systems))
        for field, title in names.items()
    ]
    heads = ("", *(system.name for system in systems))
    return f"<h2>{words['systems']}</h2>{table(heads, rows)}<p><small>95 % intervals</small></p>"


def _shown(estimate: Estimate, field: str = "") -> str:
    if not estimate.n:
        return "-"
    if field in ("chrf", "token_f1"):
        return estimate.shown(".1f")
    return f"{estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%}, n {estimate.n:,})"


def _details(system: SystemReport, words: Words) -> str:
    wrong = [(c.truth, c.given, str(c.n_times)) for c in system.confusions]
    heads = (words["truth"], words["given"], words["times"])
    confusions = table(heads, wrong) if wrong else f"<p>{words['none']}</p>"
    examples = [_example(case, words) for case in system.examples]
    heads = (words["question"], words["given"], words["truth"])
    return (
        f"<h2>{escape(system.name)}</h2><h3>{words['confusions']}</h3>{confusions}"
        f"<details><summary>{words['examples']}</summary>{table(heads, examples)}</details>"
    )


def _example(case: Case, words: Words) -> tuple[str, str, str]:
    first = case.ranked[0] if case.ranked else ""
    mark = "✗" if case.is_wrong else "✓"
    given = f"{mark} {first}" if case.is_answered else f"{words['over']} ({mark} {first})"
    return case.question, given, case.truth
