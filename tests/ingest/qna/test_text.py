"""Text of databases: HTML, entities, encodings, times; quick on hostile text."""

import html
import time
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.ingest.qna.sqlite import decoded
from chatbot.ingest.qna.text import is_clean, is_lost, plain_text, repaired, time_of

HANGUL = st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), min_size=2)


@given(st.text())
def test_cleaning_twice_is_cleaning_once(text):
    once = plain_text(text)
    assert plain_text(once) == once


@given(st.text() | st.text("가a <&\t\n\xa0\u3000\u2019¾È é?", max_size=8))
def test_what_is_clean_at_first_sight_stays(text):
    if is_clean(text):
        assert plain_text(repaired(text)) == text


@given(st.text("가나 .,<>&;#13abp/", max_size=40).map(lambda text: plain_text(text)))
def test_text_that_was_escaped_comes_back(text):
    assert plain_text(f"<div class='a > b'>{html.escape(text)}</div>") == text


@pytest.mark.parametrize(
    ("stored", "plain"),
    [
        ("<p>하나</p><p>둘</p>", "하나\n\n둘"),
        ("하나<br/>둘<BR>셋", "하나\n둘\n셋"),
        ("&nbsp;&amp;nbsp; 값 &#44032;", "값 가"),
        ("<style>p {color: red}</style>글<script>alert('<p>')</script>", "글"),
        ("글 <!-- <b>숨김</b> --> 끝", "글 끝"),
        ("&lt;p&gt;글&lt;/p&gt;", "글"),
        ("3 < 5 > 2, <3, <홍길동>, a<b", "3 < 5 > 2, <3, <홍길동>, a<b"),
        ('<img src="data:image/png;base64,' + "A" * 1000 + '">사진', "사진"),
        ("\x00a\x07b", "ab"),
    ],
)
def test_html_becomes_the_text_that_it_shows(stored, plain):
    assert plain_text(stored) == plain


@pytest.mark.parametrize("piece", ["<", "<a", "<a '", '<a "', "<!--", "<script>", "&amp;", "<p>x"])
def test_half_a_megabyte_of_anything_takes_no_long_time(piece):
    start = time.process_time()
    plain_text(piece * (500_000 // len(piece)))
    assert time.process_time() - start < 5


@given(HANGUL)
def test_korean_read_as_western_text_is_repaired(text):
    assert repaired(text) == text
    assert repaired(text.encode().decode("latin-1")) == text
    assert decoded(text.encode()) == text


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x24F)))
def test_western_text_never_becomes_unlike_korean(text):
    changed = repaired(text)
    assert changed == text or any("가" <= char <= "힣" for char in changed)


def test_text_that_was_destroyed_is_recognized():
    assert is_lost("??? ????") and is_lost("\ufffd" * 4)
    assert not is_lost("네??") and not is_lost("")


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (None, None),
        ("", None),
        ("0000-00-00", None),
        ("2024-00-10 10:00:00", None),
        ("2024-01-31 10:20:30", datetime(2024, 1, 31, 10, 20, 30)),
        ("2024-01-31T10:20:30+09:00", datetime(2024, 1, 31, 10, 20, 30)),
        (date(2024, 1, 31), datetime(2024, 1, 31)),
        (1_706_664_030, datetime(2024, 1, 31, 10, 20, 30)),
        ("1706664030000", datetime(2024, 1, 31, 10, 20, 30)),
        (20240131, None),
    ],
)
def test_a_time_is_what_the_desk_saw_on_its_clock(value, moment):
    assert time_of(value, 9.0) == moment
