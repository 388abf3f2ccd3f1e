"""Proposals for databases of several makers: the right columns, and none where there are none."""

import pytest
import yaml

from chatbot.ingest.qna.database import open_database
from chatbot.ingest.qna.inspect import inspect_tables, propose
from tests.ingest.qna.shops import execute, make_shop

ORDERS = "create table orders (id integer primary key, name varchar(20), memo text, price int)"
MADE_UP = {
    "a shop": (
        "create table tb_inquiry (SEQ integer primary key, INQ_TYPE varchar(10), MEMBER_ID varchar(20),"
        " INQ_CONTENT text, ANS_CONTENT text, REG_DT datetime, DEL_YN char(1))",
        "insert into tb_inquiry values (?, '배송', 'u' || ?1, '주문 ' || ?1 || ' 언제 오나요?', '확인 후 ' || ?1 || '일에 보내 드립니다.', '2024-01-01', 'N')",
        {"id": "SEQ", "question": "INQ_CONTENT", "answer": "ANS_CONTENT", "type": "INQ_TYPE", "time": "REG_DT", "deleted": "DEL_YN"},
    ),
    "columns in Korean": (
        "create table 문의 (번호 integer primary key, 유형 text, 질문 text, 답변 text, 등록일 text)",
        "insert into 문의 values (?, '환불', '환불 ' || ?1 || ' 되나요', '네 ' || ?1 || '일 안에 됩니다', '2024-01-01')",
        {"id": "번호", "question": "질문", "answer": "답변", "type": "유형", "time": "등록일"},
    ),
    "the answer first": (
        "create table faq (id integer primary key, reply text, title text, question_body text, created_at int)",
        "insert into faq values (?, ?1 || '일 걸려요', '문의', ?1 || '번은 며칠 걸려요?', 1704067200 + ?1)",
        {"id": "id", "question": "question_body", "answer": "reply", "time": "created_at"},
    ),
}  # fmt: skip


def proposal_for(project, *statements):
    make_shop(project, [])
    execute(project, "drop table qna", *statements)
    database = open_database(project.config())
    proposal = propose(inspect_tables(database))
    database.close()
    return proposal


@pytest.mark.parametrize("name", MADE_UP)
def test_the_columns_of_questions_and_answers_are_proposed(project, name):
    table, row, columns = MADE_UP[name]
    rows = [row.replace("?1", str(i)).replace("(?", f"({i}") for i in range(1, 41)]
    proposal = proposal_for(project, ORDERS, table, *rows)
    assert proposal.columns == columns and not proposal.joins
    source = yaml.safe_load(proposal.as_yaml())["qna"]["source"]
    assert {k: v for k, v in source["columns"].items() if v} == columns


def test_where_nothing_looks_like_it_nothing_is_proposed(project):
    filling = [
        f"insert into orders values ({i}, '가나', '문 앞에 두세요 {i}', {i})" for i in range(9)
    ]
    assert proposal_for(project, ORDERS, *filling) is None
