"""Cleaning: what is dropped and how text is written."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.conversation import Message
from chatbot.ingest.cleaning.normalization import Normalizer
from chatbot.ingest.cleaning.rules import Cleaner
from chatbot.ingest.readers.registry import CUT_CHARS, NOTICES
from chatbot.settings.schema import PreprocessConfig

RULES = PreprocessConfig()
chatter = st.text(
    st.one_of(st.characters(), st.sampled_from("ㅋㅎㅠ!?.~ \n\u200b가http://www.")), max_size=80
)


@given(chatter)
def test_cleaning_twice_is_cleaning_once(text):
    normalizer = Normalizer(RULES)
    once = normalizer.normalize(text)
    assert normalizer.normalize(once) == once
    assert unicodedata.is_normalized("NFC", once)


@given(st.lists(chatter, max_size=20))
def test_every_message_is_kept_or_counted(texts):
    cleaner = Cleaner(RULES)
    kept = [m for text in texts if (m := cleaner.clean(Message("가람", text, None)))]
    assert len(kept) == cleaner.n_kept
    assert sum(m.kind == "context" for m in kept) == cleaner.context_only.total()
    assert cleaner.n_seen == len(texts) == cleaner.n_kept + cleaner.dropped.total()


@pytest.mark.parametrize(("text", "clean"), [
    ("ㅋㅋㅋㅋㅋㅋㅋㅋ", "ㅋㅋㅋㅋ"), ("헐!!!!!!!!", "헐!!!!"), ("ㅠㅠㅠㅠㅠ 진짜", "ㅠㅠㅠㅠ 진짜"),
    ("봐 https://example.com/a?b=1#c 이거", "봐 (링크) 이거"), ("하나\r\n\r\n 둘", "하나\n둘"),
    ("안\u200b녕", "안녕"), (unicodedata.normalize("NFD", "안녕ㅋㅋ"), "안녕ㅋㅋ"), ("👨‍👩‍👧 가족", "👨‍👩‍👧 가족"),
    ("그래\n타인, 기관 등의 사칭에 유의해 주세요. 금전 요구", "그래"),
])  # fmt: skip
def test_text_is_written_one_way(text, clean):
    assert Normalizer(RULES, notices=NOTICES).normalize(text) == clean


@pytest.mark.parametrize(("message", "rule"), [
    (Message("", "라온님이 나갔습니다.", None, "system"), "system"), (Message("가람", "사진", None, "media"), "media"),
    (Message("가람", " \u200b ", None), "empty"), (Message("가람", "...", None), "low_signal"),
])  # fmt: skip
def test_dropped_for_a_named_reason(message, rule):
    cleaner = Cleaner(RULES)
    assert cleaner.clean(message) is None
    assert cleaner.dropped == {rule: 1}


@pytest.mark.parametrize(("text", "rule"), [
    ("가나 " * 2000, "too_long"), ("가나다라 " * 100, "cut_at_500"), ("네", "too_short"),
])  # fmt: skip
def test_what_is_said_but_not_learned_stays_as_context(text, rule):
    cleaner = Cleaner(PreprocessConfig(min_message_chars=2), cut_chars=CUT_CHARS)
    kept = cleaner.clean(Message("가람", text, None))
    assert kept.kind == "context" and text.startswith(kept.text)
    assert len(kept.text) <= RULES.max_message_chars
    assert (cleaner.context_only, cleaner.dropped, cleaner.n_kept) == ({rule: 1}, {}, 1)


@pytest.mark.parametrize("text", ["?", "!!", "ㅋ", "ㅇㅇ", "1", "👍", "ㅠ"])
def test_short_replies_have_signal(text):
    assert Cleaner(RULES).clean(Message("가람", text, None)).text == text


SIGNS = "^^ ;; :) -_- >_< ^_^ T_T ㅠㅠ :D -.- ^^; ~ 👍 👨‍👩‍👧 ♡ 1 가 a ? !!".split()  # noqa: SIM905


@given(st.text(st.sampled_from(".-… "), max_size=3), st.sampled_from(SIGNS))
def test_what_holds_a_smiley_letter_or_digit_has_signal(around, sign):
    cleaned = Cleaner(RULES).clean(Message("가람", f"{around} {sign} {around}", None))
    assert cleaned is not None and sign in cleaned.text


@given(
    st.text(st.sampled_from(".…‥。· "), min_size=1), st.text(st.sampled_from("-–—―─ "), min_size=1)
)
def test_dots_only_or_dashes_only_have_no_signal(dots, dashes):
    cleaner = Cleaner(RULES)
    for text in (dots, dashes):
        assert cleaner.clean(Message("가람", text, None)) is None
    assert set(cleaner.dropped) <= {"low_signal", "empty"}


def test_a_repeated_notice_is_learned_once_and_stays_as_context():
    cleaner = Cleaner(RULES)
    notice = Message("가람", "모임 공지입니다. " * 10, None)
    kept = [cleaner.clean(notice) for _ in range(3)]
    assert [message.kind for message in kept] == ["message", "context", "context"]
    assert len({message.text for message in kept}) == 1
    assert cleaner.context_only == {"repeated_notice": 2} and not cleaner.dropped


def test_ids_and_reply_links_outlive_cleaning():
    cleaner = Cleaner(PreprocessConfig(max_message_chars=5))
    for text in ("안녕", "너무 긴 메시지"):
        cleaned = cleaner.clean(Message("가람", text, None, id="7", reply_to="6"))
        assert (cleaned.id, cleaned.reply_to) == ("7", "6")
