"""Extraction from a real MariaDB server: text, dates, rights, and a server killed in between."""

import gc
import threading
from contextlib import contextmanager

import pytest

from chatbot.errors import AccessError, ChatbotError, ConfigError, ExportError
from chatbot.ingest.qna.database import open_database
from chatbot.ingest.qna.extract import extract
from chatbot.ingest.qna.inspect import inspect_tables, propose
from chatbot.ingest.qna.rows import read_rows
from chatbot.ingest.qna.tables import Result
from tests.ingest.qna.shops import SOURCE, extracted
from tests.mariadb import SECRET

pytestmark = [
    pytest.mark.mariadb,
    pytest.mark.slow,
    # PyMySQL leaves the socket of a failed attempt to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
TABLE = (
    "use shop; create table qna (no int auto_increment primary key, category varchar(20), "
    "body text, reply longtext, asked datetime default '0000-00-00') character set utf8mb4;"
)
N_ROWS = 20_000


@pytest.fixture
def shop(project, mariadb):
    """A project whose .env names the server."""
    (project.root / ".env").write_text(mariadb.env())
    mariadb.execute(TABLE)
    yield project
    gc.collect()


def fill(mariadb, values):
    mariadb.execute(f"use shop; insert into qna values {values}")


def test_text_of_every_kind_comes_back_as_it_was_stored(shop, mariadb):
    fill(
        mariadb,
        "(1, '배송', '언제 와요? 😊👍🏽 뷁', '<b>내일</b> 100% &lt;꼭&gt; :qna_last', '2024-02-29 23:59:59'),"
        "(2, null, '질문', repeat('가', 400000), '0000-00-00 00:00:00'),"
        "(3, '', '질문', null, null), (4, '', null, '답', '2024-00-00 00:00:00'),"
        "(5, '', convert(cast(convert('안녕하세요' using utf8mb4) as binary) using latin1), '네네', null)",
    )
    account, rows = extracted(shop)
    assert (rows[0].question, rows[0].answer) == (
        "언제 와요? 😊👍🏽 뷁",
        "내일 100% <꼭> :qna_last",
    )
    assert rows[0].asked_at.isoformat() == "2024-02-29T23:59:59" and rows[1].asked_at is None
    assert len(rows[1].answer) == 400_000 and rows[2].question == "안녕하세요"
    assert account.dropped == {"unanswered": 1, "without a question": 1}


def test_columns_in_another_encoding_come_back(shop, mariadb):
    mariadb.execute(
        "use shop; alter table qna modify body text character set euckr;"
        "insert into qna values (1, '', '환불해 주세요', '네 됩니다', null)"
    )
    assert extracted(shop)[1][0].question == "환불해 주세요"


def test_an_address_is_an_alternative_to_its_parts(shop, mariadb):
    fill(mariadb, "(1, '', '질문', '답변', null)")
    address = f"mysql://desk:g%3Ah%2Fe%40i%23m@/shop?unix_socket={mariadb.socket}"
    (shop.root / ".env").write_text(f"DB_URL={address}\n")
    assert len(extracted(shop)[1]) == 1


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"DB_PASSWORD": "f:a/l@s#c#h"}, AccessError, "refuses this user or password"),
        ({"DB_USER": "nobody"}, AccessError, "refuses this user or password"),
        ({"DB_NAME": "mysql"}, AccessError, "refuses this user or password"),
        ({"DB_HOST": "/nowhere/s"}, ExportError, "no database answers at /nowhere/s"),
    ],
)
def test_who_may_not_read_is_told_so_without_the_password(shop, mariadb, change, kind, message):
    lines = dict(line.split("=", 1) for line in mariadb.env().splitlines()) | change
    (shop.root / ".env").write_text(
        "".join(f"{name}='{v.strip(chr(39))}'\n" for name, v in lines.items())
    )
    with pytest.raises(kind, match=message) as caught:
        open_database(shop.config())
    told = repr(caught.value) + caught.value.hint + caught.value.private
    assert SECRET not in told and change.get("DB_PASSWORD", SECRET) not in told
    assert caught.value.__cause__ is None


def test_the_session_refuses_to_write_even_for_who_may(shop, mariadb):
    fill(mariadb, "(1, '', '질문', '답변', null)")
    (shop.root / ".env").write_text(f"DB_USER=root\nDB_HOST={mariadb.socket}\nDB_NAME=shop\n")
    database = open_database(shop.config())
    for statement in ("delete from qna", "drop table qna", "insert into qna (no) values (9)"):
        with pytest.raises(ConfigError, match="would write"), database.select(statement, {}):
            pass
    database.close()
    assert len(extracted(shop)[1]) == 1


def test_a_wrong_query_is_told_at_the_terminal_only(shop):
    overrides = ("qna.source.table=''", "qna.source.query=select nothing as body from qna")
    with pytest.raises(ChatbotError, match="does not accept the query") as caught:
        extracted(shop, *overrides)
    assert "nothing" in caught.value.private and "nothing" not in str(caught.value)


@pytest.mark.parametrize("key", ["id: no, ", ""])
def test_a_query_is_sent_as_it_is_written(shop, mariadb, key):
    fill(mariadb, "(1, '', '질문 100%', '답변', null), (2, '', '다른 질문', '답변 둘', null)")
    _, rows = extracted(
        shop,
        "qna.source.table=''",
        "qna.source.query=select no, concat(body, ' :qna :x::y %s 10%') as q, reply from qna where body like '%0\\%'",
        f"qna.source.columns={{{key}question: q, answer: reply, type: '', time: ''}}",
    )
    assert [(row.id, row.question) for row in rows] == [("1", "질문 100% :qna :x::y %s 10%")]


def many(mariadb):
    mariadb.execute(
        "use shop; insert into qna (body, reply, asked) select concat('질문 ', seq, repeat('가', 200)), "
        "concat('답변 ', seq), '2024-01-01' from seq_1_to_20000"
    )


@pytest.mark.parametrize("retries", [0, 8])
def test_a_server_killed_in_between_costs_no_row(shop, mariadb, retries, capsys):
    many(mariadb)
    config = shop.config(*SOURCE, "qna.source.page_rows=1000", f"qna.source.retries={retries}")
    killer = Killer(mariadb, after_rows=N_ROWS // 3, restart=bool(retries))
    try:
        account = extract(config, killer.open_database, killer)
    except ExportError as error:
        assert retries == 0 and "continues after row 6,000" in error.hint
        mariadb.start()
        account = extract(config, open_database)
    killer.join()
    rows = list(read_rows(config.path(config.qna.source.path)))
    assert [int(row.id) for row in rows] == list(range(1, N_ROWS + 1))
    assert account.n_read == account.n_written == N_ROWS


class Killer:
    """Kills the server while a page is read, and starts it again if it is told to."""

    def __init__(self, server, after_rows, restart):
        self._server, self._left, self._restart = server, after_rows, restart
        self._thread = None

    def open_database(self, config):
        database = open_database(config)
        select = database.select

        @contextmanager
        def watched(sql, binds):
            with select(sql, binds) as result:
                yield Result(result.names, map(self._count, result.rows))

        database.select = watched
        return database

    def _count(self, row):
        self._left -= 1
        if self._left == 0:
            self._server.kill()
        return row

    def say(self, _sentence):
        pass

    def warn(self, _sentence):
        """The connection is lost: start the server again, once, while the extraction waits."""
        if self._restart and self._thread is None:
            self._thread = threading.Thread(target=self._server.start)
            self._thread.start()

    def join(self):
        if self._thread is not None:
            self._thread.join()


def test_inspect_proposes_what_reads_the_tables(shop, mariadb):
    mariadb.execute(
        "use shop; drop table qna;"
        "create table inquiries (id int primary key, kind varchar(10), title varchar(50), content text, created_at datetime);"
        "create table replies (id int primary key, inquiry_id int, body text, created_at datetime);"
        "create table orders (id int primary key, name varchar(20), price int);"
        "insert into inquiries select seq, if(seq % 2, '배송', '환불'), '문의', concat('주문 ', seq, '번은 언제 오나요?'), '2024-01-01' from seq_1_to_50;"
        "insert into replies select seq, seq, concat(seq, '일 안에 보내 드립니다.'), '2024-01-02' from seq_1_to_40"
    )
    database = open_database(shop.config())
    proposal = propose(inspect_tables(database))
    database.close()
    assert (proposal.table, proposal.joins) == ("inquiries", ("replies.inquiry_id = inquiries.id",))
    assert proposal.columns == {
        "id": "id", "question": "content", "answer": "replies.body", "type": "kind", "time": "created_at"
    }  # fmt: skip
    (shop.root / "configs/qna.yaml").write_text(proposal.as_yaml(), encoding="utf-8")
    account = extract(shop.config(), open_database)
    assert account.n_written == 40 and account.dropped == {"unanswered": 10}
