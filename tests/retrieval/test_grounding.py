"""Answers rest on rows that agree, or a person answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.retrieval.grounding import (
    Desk,
    earlier_outcomes,
    later_outcomes,
    nearest_answer,
)
from chatbot.retrieval.index import Match, Row, build_index, open_index

ROWS = (
    Row("11", "배송은 얼마나 걸려요?", "이틀 걸립니다."),
    Row("12", "배송 얼마나 걸리나요", "이틀 걸립니다"),
    Row("13", "환불하고 싶어요", "환불해 드릴게요."),
    Row("14", "사이즈 교환되나요", "네, 됩니다."),
    Row("15", "색상 교환되나요", "아니요."),
)


@pytest.fixture
def index(tmp_path):
    build_index(tmp_path / "index", ROWS, "ngrams", "data")
    return open_index(tmp_path / "index", "data", "chatbot qna index")


def test_an_answer_cites_the_rows_that_agree(index):
    answer = Desk(index, 5, 0.1).answer("배송 얼마나 걸려요")
    assert answer is not None and answer.text.startswith("이틀 걸립니다")
    assert sorted(answer.citations) == ["11", "12"]


def test_what_no_row_supports_is_handed_over(index):
    assert Desk(index, 5, 0.1).answer("오늘 저녁 뭐 먹지") is None
    assert Desk(index, 5, None).answer("배송은 얼마나 걸려요?") is None


def test_a_question_that_refers_back_needs_a_row_near_it_and_near_its_subject(tmp_path):
    prices = {"머그컵": "오천 원입니다.", "접시": "만 원입니다."}
    rows = [Row(thing, f"{thing} 얼마예요?", price) for thing, price in prices.items()]
    rows += [Row(f"{thing} 색", f"{thing} 색이 뭐예요?", f"{thing} 색표예요.") for thing in prices]
    build_index(tmp_path / "things", rows, "ngrams", "data")
    desk = Desk(open_index(tmp_path / "things", "data", "chatbot qna index"), 5, 0.1)
    assert desk.answer("그건 얼마예요?") is None
    for thing, price in prices.items():
        answer = desk.answer(
            "그건 얼마예요?", ["배송되나요?", f"{thing} 색이 뭐예요?", "그럼 좋아요"]
        )
        assert answer is not None and answer.text == price
        assert desk.answer("그건 왜요?", [f"{thing} 색이 뭐예요?"]) is None
        assert desk.answer("얼마예요?", [f"{thing} 색이 뭐예요?"]) is None  # of whatever


def test_a_question_with_an_answer_of_its_own_needs_no_other(index):
    answer = Desk(index, 5, 0.1).answer("그럼 환불하고 싶어요", ["배송은 얼마나 걸려요?"])
    assert answer is not None and answer.citations == ("13",)


def test_a_question_that_two_answers_fit_is_handed_over(index):
    """Both rows are equally near, and which is meant is not in the question."""
    assert nearest_answer(index.search("교환되나요", 20), 5).confidence < 0.1
    assert Desk(index, 5, 0.1).answer("교환되나요") is None


@given(st.lists(st.tuples(st.sampled_from("가나다"), st.floats(0.01, 1)), max_size=8))
def test_confidence_is_a_share_and_citations_agree(near):
    matches = [Match(Row(str(n), "", answer), value) for n, (answer, value) in enumerate(near)]
    answer = nearest_answer(matches, 3)
    assert (answer is None) == (not near)
    if answer is not None:
        assert 0 <= answer.confidence <= 1 and answer.citations[0] == "0"
        assert {near[int(place)][0] for place in answer.citations} == {answer.text}
        assert len(answer.citations) <= 3


def test_outcomes_compare_with_the_known_answer(index):
    later = [
        Row("21", "환불하고 싶은데요", "환불해 드릴게요!"),
        Row("22", "배송 얼마나 걸려", "사흘"),
    ]
    assert [outcome.is_wrong for outcome in later_outcomes(index, later)] == [False, True]


def test_rows_of_the_index_are_asked_against_the_others(index):
    outcomes = earlier_outcomes(index, 4)
    assert len(outcomes) == 4
    assert not outcomes[0].is_wrong  # 12 is answered by 11
    assert outcomes[1].is_wrong  # nobody else answers 13
