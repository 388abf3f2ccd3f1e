"""Extraction: every row is written or counted, stopped ones continue, nothing is written to."""

import sqlite3
from contextlib import closing, contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.errors import AccessError, ConfigError, CorpusError, ExportError
from chatbot.ingest.qna.database import explained_error, open_database
from chatbot.ingest.qna.extract import extract
from chatbot.ingest.qna.readonly import require_select
from chatbot.ingest.qna.rows import read_rows
from chatbot.ingest.qna.select import PARTS, plan_of
from chatbot.ingest.qna.tables import Column, DatabaseAwayError, Result, Table
from chatbot.listener import Silence
from chatbot.settings.qna import QnaColumnsConfig, QnaSourceConfig
from tests.conftest import make_project
from tests.ingest.qna.shops import SOURCE, execute, extracted, make_shop

ROWS = [
    (1, "배송", "<p>언제 와요?</p>", "내일 &amp; 모레 갑니다", "2024-01-01 09:00:00"),
    (2, "배송", "취소되나요", None, "2024-01-02"),
    (3, None, "  ", "답만 있어요", None),
    (4, "환불", "환불이요", "네 됩니다", "0000-00-00 00:00:00"),
    (7, "환불", "???? ???", "네 됩니다", "2024-01-04"),
]


def many(n):
    return [(i, "유형", f"질문 {i}", f"답변 {i}", "2024-01-01") for i in range(1, n + 1)]


def test_rows_are_cleaned_and_every_other_row_is_counted(project):
    make_shop(project, ROWS)
    account, rows = extracted(project)
    assert [(row.id, row.kind, row.question, row.answer) for row in rows] == [
        ("1", "배송", "언제 와요?", "내일 & 모레 갑니다"),
        ("4", "환불", "환불이요", "네 됩니다"),
    ]
    assert rows[1].asked_at is None and account.notes["without a time"] == 1
    assert account.dropped == {
        "unanswered": 1,
        "without a question": 1,
        "letters lost when stored": 1,
    }


def test_deleted_rows_are_dropped_before_the_answer_is_chosen(project):
    make_shop(project, many(3))
    execute(project, "alter table qna add gone text", "update qna set gone = 'Y' where no = 2")
    execute(project, "update qna set gone = 'N' where no = 1")
    columns = "qna.source.columns={id: no, question: body, answer: reply, deleted: gone}"
    account, rows = extracted(project, columns)
    assert [row.id for row in rows] == ["1", "3"] and account.dropped == {"deleted": 1}


@pytest.mark.parametrize(
    ("rule", "answers"), [("last", ["셋"]), ("first", ["하나"]), ("all", ["하나", "둘", "셋"])]
)
@pytest.mark.parametrize("page_rows", [1, 2, 100])
def test_of_several_answers_to_a_question_the_chosen_are_used(project, rule, answers, page_rows):
    make_shop(project, [*many(2)])
    execute(
        project,
        "create table answers (id integer primary key, qna_no int, text text)",
        "insert into answers values (1, 1, '하나'), (2, 1, '둘'), (5, 1, '셋'), (6, 9, '남')",
    )
    account, rows = extracted(
        project,
        "qna.source.columns={question: body, answer: answers.text}",
        "qna.source.joins=[answers.qna_no = qna.no]",
        f"qna.source.several_answers={rule}",
        f"qna.source.page_rows={page_rows}",
    )
    assert [row.answer for row in rows] == answers
    assert account.dropped["unanswered"] == 1 and account.n_read == 4


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ("{category: a}", [1, 2]),
        ("{category: [a, b]}", [1, 2, 3]),
        ("{category: null}", [4]),
        ("{'category !=': null, 'no >': 1}", [2, 3]),
        ("{category: 'x'' or 1=1 --'}", []),
        ("{category: []}", []),
    ],
)
def test_conditions_select_rows_and_their_values_are_bound(project, where, ids):
    kinds = ["a", "a", "b", None]
    make_shop(project, [(i, kind, "질문", "답변", None) for i, kind in enumerate(kinds, 1)])
    if ids:
        assert [int(row.id) for row in extracted(project, f"qna.source.where={where}")[1]] == ids
    else:
        with pytest.raises(CorpusError, match="no row has"):
            extracted(project, f"qna.source.where={where}")


NAMES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xD7A3), min_size=1, max_size=20)


class OneTable:
    """A database with a table, which fails if any other name is quoted, or anything is run."""

    names = ("qna", "no", "body", "reply")

    def table_names(self):
        return ["qna"]

    def table(self, name):
        return Table(name, tuple(Column(name, "text") for name in self.names[1:]), ("no",))

    def quote(self, name):
        assert name in self.names
        return name


@given(NAMES.filter(lambda name: name not in OneTable.names), st.sampled_from(["table", *PARTS]))
def test_only_the_databases_own_names_reach_a_statement(name, part):
    columns = {"id": "no", "question": "body", "answer": "reply"}
    table, columns = (name, columns) if part == "table" else ("qna", columns | {part: name})
    source = QnaSourceConfig(table=table, columns=QnaColumnsConfig(**columns))
    with pytest.raises(ConfigError):
        plan_of(source, OneTable())


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("qna.source.table=qa", "did you mean qna?"),
        ("qna.source.columns={question: bodi, answer: reply}", "did you mean body?"),
        ("qna.source.where={categori: x}", "did you mean category?"),
        ("qna.source.joins=[qnas.no = qna.no]", "did you mean qna?"),
        ("qna.source.columns.answer=''", "`chatbot qna inspect` prints a proposal to paste into"),
        ("qna.source.table=zzz", "`chatbot qna inspect` lists all"),
    ],
)
def test_a_missing_name_is_told_with_the_near_ones(project, override, hint):
    make_shop(project, many(1))
    with pytest.raises(ConfigError) as caught:
        extracted(project, override)
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize(
    "query",
    [
        "delete from qna",
        "select 1; drop table qna",
        "with x as (select 1) delete from qna",
        "select * into outfile '/tmp/x' from qna",
        "/*!50000 delete from qna */",
        "select 1 /*! into outfile 'x' */",
        "pragma writable_schema = 1",
        "insert into qna select * from qna",
        "",
    ],
)
def test_a_query_that_writes_is_refused(query):
    with pytest.raises(ConfigError):
        require_select(query)


@pytest.mark.parametrize(
    "query",
    [
        "select no, replace(body, 'a', 'b') from qna;",
        "-- delete\nselect 'drop table; x' as body from `update`",
        "(select 1) union (select 2)",
        "with x as (select 1) select * from x where a = 'it''s; delete'",
    ],
)
def test_a_query_that_reads_is_accepted(query):
    assert require_select(query) == query.rstrip(";")


def test_the_file_is_opened_read_only(project):
    make_shop(project, many(1))
    database = open_database(project.config())
    with pytest.raises(ConfigError, match="would write"), database.select("delete from qna", {}):
        pass
    database.close()


@pytest.mark.parametrize("key", ["id: no, ", ""])
def test_a_query_of_the_settings_is_read(project, key):
    make_shop(project, many(25))
    account, rows = extracted(
        project,
        "qna.source.table=''",
        "qna.source.query=select no, body, ':reply' as label, reply from qna where no > 5",
        f"qna.source.columns={{{key}question: body, answer: reply, type: label, time: ''}}",
        "qna.source.page_rows=4",
    )
    assert account.n_written == 20 and rows[0].kind == ":reply"
    assert [row.id for row in rows] == [str(i + 6 if key else i + 1) for i in range(20)]


class Unreliable:
    """A database whose connection is lost after so many rows, some times."""

    def __init__(self, config, losses):
        self._database, self._losses = open_database(config), losses

    def __getattr__(self, name):
        return getattr(self._database, name)

    @contextmanager
    def select(self, sql, binds):
        with self._database.select(sql, binds) as result:
            yield Result(result.names, self._rows(result.rows))

    def _rows(self, rows):
        for row in rows:
            if self._losses:
                self._losses[0] -= 1
                if self._losses[0] < 0:
                    self._losses.pop(0)
                    raise DatabaseAwayError("no database answers at shop")
            yield row


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    project = make_project(tmp_path_factory.mktemp("shop") / "project")
    make_shop(project, many(60))
    execute(project, "delete from qna where no % 7 = 0")
    return project


@settings(max_examples=25)
@given(st.lists(st.integers(0, 90), max_size=6), st.integers(1, 70), st.integers(0, 3))
def test_a_lost_connection_loses_and_doubles_no_row(shop, losses, page_rows, retries):
    overrides = (*SOURCE, f"qna.source.page_rows={page_rows}", f"qna.source.retries={retries}")
    config = shop.config(*overrides)
    losses = list(losses)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.sleep", lambda _seconds: None)
        while True:
            try:
                account = extract(config, lambda config: Unreliable(config, losses))
                break
            except ExportError as error:
                assert "`chatbot qna extract`" in error.hint
    rows = list(read_rows(config.path(config.qna.source.path)))
    assert [int(row.id) for row in rows] == [i for i in range(1, 61) if i % 7]
    assert account.n_read == account.n_written == len(rows)
    assert {path.name for path in (shop.root / "data").iterdir()} == {
        "qna_dataset_sample.csv",
        "qna_dataset_sample.csv.lock",
    }


def test_without_an_id_a_lost_connection_starts_again_and_says_so_before(project, monkeypatch):
    make_shop(project, many(20))
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    query = "qna.source.query=select body, reply from qna order by no"
    columns = "qna.source.columns={question: body, answer: reply}"
    losses, told = [15, 3], Told()
    config = project.config(query, columns)
    account = extract(config, lambda config: Unreliable(config, losses), told)
    assert not losses and account.n_read == account.n_written == 20
    assert [row.id for row in read_rows(config.path(config.qna.source.path))] == [
        str(number) for number in range(1, 21)
    ]
    assert "all rows are read again" in told.lines[0] and len(told.lines) == 3


class Told(Silence):
    """Keeps what it is told."""

    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines.append(text)

    warn = say


def test_changed_settings_start_again(project):
    make_shop(project, many(20))
    lost = [15]
    config = project.config(*SOURCE, "qna.source.page_rows=3", "qna.source.retries=0")
    with pytest.raises(ExportError):
        extract(config, lambda config: Unreliable(config, lost))
    account, rows = extracted(project, "qna.source.where={'no >': 5}")
    assert account.n_read == len(rows) == 15


def test_an_answer_of_a_megabyte_is_one_row(project):
    make_shop(project, [(1, "", "질문", "가나다라마바 <b>" * 100_000, None)])
    _, (row,) = extracted(project)
    assert len(row.answer) > 600_000


def test_stored_cp949_is_read(project):
    make_shop(project, [])
    with closing(sqlite3.connect(project.root / "shop.db")) as shop, shop:
        row = ("언제 와요".encode("cp949"), "내일 갑니다".encode("cp949"))
        shop.execute("insert into qna values (1, '', cast(? as text), cast(? as text), null)", row)
    _, (row,) = extracted(project)
    assert (row.question, row.answer) == ("언제 와요", "내일 갑니다")


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ("DB_URL=sqlite:///none.db", "no database file"),
        ("DB_URL=sqlite:///.env", "not a SQLite database"),
        ("", "no database is named"),
        ("DB_URL=geheim@nowhere", "DB_URL in .env is no address"),
        ("DB_NAME=shop\nDB_PORT=x\nDB_PASSWORD=geheim", "DB_PORT in .env is no port"),
        ("DB_URL=mysql://u:geheim@127.0.0.1:1/shop", "no database answers at 127.0.0.1"),
        ("DB_URL=mssql://u:geheim@127.0.0.1:1/shop", "mssql is not installed"),
        ("DB_URL=nowhere://u:geheim@127.0.0.1:1/shop", "no driver"),
    ],
)
def test_an_address_that_leads_nowhere_is_explained_without_the_password(project, env, message):
    pytest.importorskip("sqlalchemy")
    (project.root / ".env").write_text(env + "\n")
    with pytest.raises((ConfigError, ExportError)) as caught:
        open_database(project.config())
    assert message in str(caught.value) and caught.value.hint
    assert "geheim" not in repr(caught.value) + caught.value.hint + caught.value.private


class PostgresError(Exception):
    """An error as psycopg has them."""

    def __init__(self, sqlstate, text=""):
        super().__init__(text)
        self.sqlstate = sqlstate


PostgresError.__name__ = "OperationalError"


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (PostgresError(None, "connection refused"), DatabaseAwayError),
        (PostgresError(None, 'password authentication failed for "geheim"'), AccessError),
        (PostgresError(None, 'database "geheim" does not exist'), ConfigError),
        (PostgresError("57P01"), DatabaseAwayError),
        (PostgresError("25006"), ConfigError),
        (PostgresError("42P01", "geheim"), ConfigError),
        (PostgresError("XX000", "geheim"), ExportError),
    ],
)
def test_errors_of_postgres_are_told_apart(reason, kind):
    errors = pytest.importorskip("sqlalchemy.exc")
    told = explained_error(errors.DBAPIError("select", {}, reason), "127.0.0.1")
    assert type(told) is kind and told.hint and "geheim" not in str(told)
