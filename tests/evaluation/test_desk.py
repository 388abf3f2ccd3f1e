"""Scores of a desk, and the page that shows them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.evaluation.desk import Case, DeskReport, confusions, report_system
from chatbot.evaluation.desk_page import desk_page
from chatbot.evaluation.intervals import share
from chatbot.evaluation.text_overlap import chrf, token_f1
from tests.evaluation.pages import Reader, assert_loads_nothing

TEXTS = st.text("가나다 라ab?", max_size=12)
CASES = [
    Case("배송 언제?", "이틀", ("이틀.", "사흘"), True),
    Case("환불?", "됩니다", ("안 됩니다", "됩니다"), True),
    Case("교환?", "됩니다", ("안 됩니다",), True),
    Case("<b>뭐</b>?", "글쎄요", (), False),
    Case("영업?", "아홉 시", ("아홉 시",), False),
]


@given(TEXTS, TEXTS)
def test_scores_are_percents_and_the_same_text_has_all(text, other):
    for score in (chrf, token_f1):
        assert 0 <= score(text, other) <= 100
        assert score(text, text) == pytest.approx(100)


def test_chrf_is_that_of_its_paper():
    """One letter of four differs: n-grams of 1 to 4, by hand."""
    orders = (3 / 4, 2 / 3, 1 / 2, 0)
    assert chrf("abcd", "abce") == pytest.approx(100 * sum(orders) / 4)


@given(st.integers(0, 50), st.integers(1, 50))
def test_an_interval_holds_its_share(n_hits, n):
    estimate = share(min(n_hits, n), n)
    assert 0 <= estimate.low <= estimate.value + 1e-12 <= estimate.high + 1e-9 <= 1 + 1e-9


def test_a_report_counts_what_was_answered_and_what_handed_over():
    report = report_system("rows", CASES)
    assert (report.hit_at_1.value, report.hit_at_5.value) == (0.4, 0.6)
    assert (report.answered.value, report.wrong.value) == (0.6, pytest.approx(2 / 3))
    assert report.right_hand_overs.value == 0.5  # 영업 was known, 뭐 was not


def test_confusions_are_counted_by_pair():
    first = confusions(CASES)[0]
    assert (first.given, first.truth, first.n_times) == ("안 됩니다", "됩니다", 2)


def test_nothing_handed_over_has_no_precision():
    report = report_system("model", CASES[:3])
    assert report.right_hand_overs.n == 0


def test_the_page_shows_texts_as_text_and_loads_nothing():
    systems = [report_system("rows", CASES), report_system("model", CASES[:3])]
    report = DeskReport(
        n_indexed=9,
        answerable=share(4, 5),
        promise="not enough to promise",
        notes=["times: none"],
        systems=systems,
    )
    page = desk_page(report)
    reader = Reader(page)
    assert "<b>뭐</b>?" in reader.text and "b" not in reader.tags
    assert_loads_nothing(page)
    assert "prefers-color-scheme:dark" in page and "66.7%" in reader.text
