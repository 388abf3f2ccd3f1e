"""Preparation: masked, without phrases, nothing dropped without a count."""

import csv
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.errors import ConfigError, CorpusError
from chatbot.ingest.pipeline import read_sessions
from chatbot.ingest.qna.prepare import prepare
from chatbot.ingest.qna.rows import HEADER, SHAPES, QnaRow, csv_values, read_rows
from tests.conftest import make_project


def write(project, rows):
    path = project.root / "data/qna_dataset_sample.csv"
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([HEADER, *map(csv_values, rows)])


def prepared(project, rows, *overrides):
    write(project, rows)
    account = prepare(project.config(*overrides))
    assert account.n_read == account.n_written + sum(account.dropped.values())
    with (project.root / "data/qna_prompt_response.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    lines = (project.root / "data/qna_prompt_response.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == table
    return account, [(row["prompt"], row["response"]) for row in table]


def row(question, answer, kind="배송"):
    return QnaRow(id="1", kind=kind, question=question, answer=answer)


def test_a_row_becomes_a_prompt_and_a_cleaned_response(project):
    asked = row(
        "안녕하세요 담당자님, 언제 와요?",
        "안녕하세요 고객님! 내일 도착합니다. 감사합니다. 좋은 하루 되세요~^^",
    )
    account, pairs = prepared(project, [asked, row("환불이요", "됩니다", kind="")])
    assert pairs == [
        ("[배송] [고객문의] 언제 와요?", "내일 도착합니다. 감사합니다."),
        ("[고객문의] 환불이요", "됩니다"),
    ]
    assert account.removed == {"greetings": 2, "signatures": 0, "polite phrases": 1}


def test_customers_are_masked_and_what_the_desk_gives_out_stays(project):
    rows = [row("홍길동인데요, 언제 와요?", "홍길동 고객님, 내일요. 02-1234-5678로 전화 주세요.")]
    rows += [row("010-2345-6789로 전화 주세요", "네 알겠습니다")]
    rules = "processed.preprocess.public=[02-1234-5678]"
    account, pairs = prepared(project, rows, rules)
    assert account.masked == {"name": 2, "phone": 1}
    text = " ".join(map(" ".join, pairs))
    assert "홍길동" not in text and "010-2345" not in text and "02-1234-5678" in text
    config = project.config(rules, "processed.tables=[data/qna_prompt_response.csv]")
    with read_sessions(config) as rooms:
        assert any("02-1234-5678" in session.messages[1].text for session in rooms.spools[-1])


def test_the_longest_row_that_is_prepared_is_trained_whole(project):
    texts = ("왜 " + "가" * 98, "나" * 100)
    rules = ("qna.prepare.max_chars=100", "processed.preprocess.max_message_chars=20")
    account, _ = prepared(project, [row(*texts), row("왜요?", "다" * 101)], *rules)
    assert account.dropped == {"too long": 1}
    config = project.config(*rules, "processed.tables=[data/qna_prompt_response.csv]")
    with read_sessions(config) as rooms:
        (session,) = rooms.spools[-1]
    assert [message.text for message in session.messages] == [
        f"[배송] [고객문의] {texts[0]}",
        texts[1],
    ]


@pytest.mark.parametrize(
    ("answer", "clean"),
    [
        ("저희 가나몰을 이용해 주셔서 감사합니다. 교환됩니다.", "교환됩니다."),
        ("교환됩니다. 추가 문의사항이 있으시면 언제든지 문의해 주세요.", "교환됩니다."),
        ("교환됩니다.\n가나몰 고객센터 드림", "교환됩니다."),
        ("고객님, 교환됩니다.", "교환됩니다."),
        ("네 고객님 교환됩니다.", "교환됩니다."),
        ("불편을 드려 죄송합니다. 교환됩니다. 수고하세요!", "교환됩니다."),
        ("선물로 드림팩을 올림픽공원에서 드림", "선물로 드림팩을 올림픽공원에서 드림"),
        ("문의해 주셔서 감사합니다!! 안녕하세요. 교환됩니다.", "교환됩니다."),
        ("내일도 좋은 하루 보내세요.", "내일도 좋은 하루 보내세요."),
        ("교환하면 좋은 하루 배송으로 갑니다", "교환하면 좋은 하루 배송으로 갑니다"),
    ],
)  # fmt: skip
def test_phrases_of_courtesy_are_removed_and_the_answer_stays(project, answer, clean):
    assert prepared(project, [row("교환되나요", answer)])[1][0][1] == clean


def test_every_drop_has_its_reason(project):
    rows = [
        row("대출 상담 해 드려요 (광고)", "네네"),
        row("질문", "안녕하세요"),
        row("안녕하세요!", "답변입니다"),
        row("긴 질문", "가나 " * 3000),
        row("질문", "답변"),
    ]
    account, pairs = prepared(project, rows)
    assert account.dropped == {
        "advertising": 1,
        "short answer": 1,
        "short question": 1,
        "too long": 1,
    }
    assert pairs == [("[배송] [고객문의] 질문", "답변")]


PERSONAL = ["010-2345-6789", "mina.kim@example.com", "900101-2345678", "110-234-567890"]


@pytest.mark.parametrize("value", PERSONAL)
def test_personal_data_is_masked_alike_on_both_sides(project, value):
    account, [(prompt, response)] = prepared(
        project, [row(f"제 번호는 {value} 계좌 이메일 주민번호", f"{value}로 확인했습니다")]
    )
    for path in (project.root / "data").glob("qna_prompt*"):
        assert value not in path.read_text("utf-8")
    assert sum(account.masked.values()) == 2
    assert response.removesuffix("로 확인했습니다") in prompt


def test_names_that_the_owner_lists_are_masked(project):
    rows = [row("한가람 상담원님 계신가요", "네 한가람입니다")]
    _, [pair] = prepared(project, rows, "processed.preprocess.mask_names=[한가람]")
    assert not any("가람" in text for text in pair)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    return make_project(tmp_path_factory.mktemp("desk") / "project")


TEXTS = st.lists(
    st.sampled_from(["안녕하세요", "고객님", "네", "드림", "수고하세요", "교환", "배송", ",", ".", "\n", "!", "---"]),
    min_size=1, max_size=12,
).map(" ".join)  # fmt: skip


@settings(max_examples=30)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4))
def test_preparing_what_was_prepared_changes_nothing(desk, pairs):
    try:
        _, once = prepared(desk, [row(*pair) for pair in pairs])
    except CorpusError:
        return
    label = "고객문의"
    rows = list(read_rows(desk.root / "data/qna_prompt_response.csv", label))
    assert prepared(desk, rows)[1] == once


@pytest.mark.parametrize("shape", SHAPES)
def test_the_jsonl_has_the_shape_that_another_tool_reads(project, shape):
    write(project, [row("질문", "답변")])
    prepare(project.config(), shape)
    (back,) = read_rows(project.root / "data/qna_prompt_response.jsonl", "고객문의")
    assert (back.kind, back.question, back.answer) == ("배송", "질문", "답변")


@pytest.mark.parametrize("pattern", ["'('", "'a*'", "'.*'"])
def test_a_rule_that_is_no_pattern_or_fits_everything_is_refused(project, pattern):
    write(project, [row("질문", "답변")])
    with pytest.raises(ConfigError, match=r"qna.prepare.greetings"):
        prepare(project.config(f"qna.prepare.greetings=[{pattern}]"))


def test_where_no_row_is_left_an_earlier_table_stays(project):
    prepared(project, [row("질문", "답변")])
    with pytest.raises(CorpusError, match="no row is left: 1 short answer"):
        prepared(project, [row("질문", "답")])
    assert "답변" in (project.root / "data/qna_prompt_response.csv").read_text("utf-8")


def test_without_extracted_rows_the_command_to_run_is_named(project):
    with pytest.raises(CorpusError) as caught:
        prepare(project.config())
    assert caught.value.hint == "run `chatbot qna extract` first"
