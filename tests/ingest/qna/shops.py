"""Invented databases of shops: rows in SQLite, and projects that read them."""

import sqlite3
from contextlib import closing

from chatbot.ingest.qna.database import open_database
from chatbot.ingest.qna.extract import extract
from chatbot.ingest.qna.rows import read_rows

COLUMNS = "qna.source.columns={id: no, question: body, answer: reply, type: category, time: asked}"
SOURCE = ("qna.source.table=qna", COLUMNS)


def make_shop(project, rows):
    """Write rows (no, category, body, reply, asked) to the SQLite database of a project."""
    path = project.root / "shop.db"
    with closing(sqlite3.connect(path)) as shop, shop:
        shop.execute(
            "create table qna (no integer primary key, category text, body text, reply text, asked text)"
        )
        shop.executemany("insert into qna values (?, ?, ?, ?, ?)", rows)
    (project.root / ".env").write_text("DB_URL=sqlite:///shop.db\n")


def execute(project, *statements):
    with closing(sqlite3.connect(project.root / "shop.db")) as shop, shop:
        for statement in statements:
            shop.execute(statement)


def extracted(project, *overrides):
    """Extract; return the account and the rows."""
    config = project.config(*SOURCE, *overrides)
    account = extract(config, open_database)
    assert account.n_read == account.n_written + sum(account.dropped.values())
    return account, list(read_rows(config.path(config.qna.source.path)))
