"""The invented desk of a shop from a small grammar, as a SQLite database, to try all without one.

As real tables do, it has HTML, greetings, signatures, personal data, advertisements, rows without
an answer, deleted rows, and dates of zeros.
"""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import msgspec

_BEGIN = datetime(2024, 3, 4, 9, 0)
_CREATE = """create table qna (
    no integer primary key, category text, content text, reply text, created_at text,
    is_deleted integer
)"""


class _Topic(msgspec.Struct, frozen=True):
    """Ways to ask, and what the desk answers."""

    type: str
    asked: list[str]
    answered: list[str]


class _Grammar(msgspec.Struct, frozen=True):
    """invented_desk.yaml."""

    slots: dict[str, list[str]]
    topics: list[_Topic]
    details: list[str]
    greetings: list[str]
    closings: list[str]
    advertising: list[str]


class DeskRow(NamedTuple):
    """A row of the invented table."""

    no: int
    category: str | None
    content: str | None
    reply: str | None
    created_at: str
    is_deleted: int


def invent_desk(n_rows: int, seed: int) -> Iterator[DeskRow]:
    """Yield the rows of an invented desk in time order; the same seed gives the same rows."""
    rng = random.Random(seed)  # noqa: S311 nothing secret
    grammar = _read_grammar()
    now = _BEGIN
    for no in range(1, n_rows + 1):
        now += timedelta(minutes=rng.randint(5, 400))
        asked_at = "0000-00-00 00:00:00" if rng.random() < 0.01 else f"{now:%Y-%m-%d %H:%M:%S}"
        yield _row(no, asked_at, grammar, rng)


def invent_questions(n_rows: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yield (type, question) as new customers ask."""
    rng = random.Random(seed)  # noqa: S311 nothing secret
    grammar = _read_grammar()
    for topic in rng.sample(grammar.topics, min(n_rows, len(grammar.topics))):
        yield topic.type, rng.choice(topic.asked).format(**_drawn(grammar, rng))


def write_desk(path: Path, rows: Iterator[DeskRow]) -> None:
    """Write rows into a new SQLite database, as table `qna`."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(_CREATE)
        database.executemany("insert into qna values (?, ?, ?, ?, ?, ?)", rows)


def _read_grammar() -> _Grammar:
    text = (files("chatbot.cli") / "invented_desk.yaml").read_text(encoding="utf-8")
    return msgspec.yaml.decode(text, type=_Grammar)


def _drawn(grammar: _Grammar, rng: random.Random) -> dict[str, str]:
    return {name: rng.choice(words) for name, words in grammar.slots.items()}


def _row(no: int, asked_at: str, grammar: _Grammar, rng: random.Random) -> DeskRow:
    """Return a row: an ordinary one, or one of those that no desk wants to learn from."""
    if rng.random() < 0.02:
        return DeskRow(no, None, rng.choice(grammar.advertising), "지웁니다.", asked_at, 0)
    topic, slots = rng.choice(grammar.topics), _drawn(grammar, rng)
    question = rng.choice(topic.asked).format(**slots)
    if rng.random() < 0.2:
        question += " " + rng.choice(grammar.details).format(**_person(rng))
    reply = (
        rng.choice(grammar.greetings)
        + rng.choice(topic.answered).format(**slots)
        + rng.choice(grammar.closings)
    )
    is_answered, is_deleted = rng.random() > 0.03, rng.random() < 0.02
    return DeskRow(
        no,
        topic.type,
        _as_html(question, rng),
        _as_html(reply, rng) if is_answered else None,
        asked_at,
        int(is_deleted),
    )


def _person(rng: random.Random) -> dict[str, str]:
    """Return invented personal data."""
    number = f"{rng.randint(1000, 9999)}-{rng.randint(1000, 9999)}"
    return {
        "order": f"2024{rng.randint(10**7, 10**8 - 1)}",
        "phone": f"010-{number}",
        "email": f"guest{rng.randint(100, 999)}@example.com",
    }


def _as_html(text: str, rng: random.Random) -> str:
    """Write a text as an editor of a web page does, now and then."""
    if rng.random() < 0.7:
        return text
    return f"<p>{text.replace('. ', '.<br>')}&nbsp;</p>"
