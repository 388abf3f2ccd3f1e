"""Repetition: long texts that come back, also nearly the same, are counted as one."""

from hypothesis import given
from hypothesis import strategies as st

from chatbot.conversation import Message
from chatbot.ingest.cleaning import Cleaner
from chatbot.ingest.repetition import Repetition
from chatbot.settings import PreprocessConfig

NOTICE = "이번 주 토요일 열 시에 정문에서 모여서 같이 출발합니다 늦지 않게 와 주세요 준비물은 물과 간식입니다"


@given(st.lists(st.text(min_size=1, max_size=60), max_size=30))
def test_a_text_is_counted_at_least_as_often_as_it_came(texts):
    repetition = Repetition()
    for number, text in enumerate(texts):
        assert repetition.count(text) >= texts[: number + 1].count(text)


def test_a_few_other_words_make_no_other_text():
    repetition = Repetition()
    assert repetition.count(NOTICE) == 1
    assert repetition.count(NOTICE.replace("열 시", "9시!!")) == 2
    assert repetition.count(NOTICE.replace("간식", "도시락")) == 3
    assert repetition.count("어제 본 영화 진짜 재미있었는데 너도 꼭 봤으면 좋겠다 같이 가자") == 1


def test_long_texts_are_kept_as_often_as_the_settings_say():
    cleaner = Cleaner(PreprocessConfig(max_repeats=2, notice_min_chars=200))
    kept = [cleaner.clean(Message("가람", NOTICE, None)) is not None for _ in range(4)]
    assert kept == [True, True, False, False]
    assert cleaner.dropped == {"repeated_message": 2}


def test_a_stretch_of_talk_is_kept_as_often_as_the_settings_say():
    cleaner = Cleaner(PreprocessConfig(max_repeats=2))
    talk = [
        "오늘 저녁에 뭐 먹을까?",
        "글쎄 나는 아무거나",
        "그럼 국밥 먹으러 가자",
        "좋아 거기서 봐",
    ]
    kept = [cleaner.clean(Message("가람", text, None)) is not None for text in talk * 4]
    assert kept[:8] == [True] * 8 and not all(kept)
    assert set(cleaner.dropped) == {"repeated_window"}


def test_laughter_may_come_back():
    cleaner = Cleaner(PreprocessConfig())
    assert all(cleaner.clean(Message("가람", "ㅋㅋㅋㅋ", None)) for _ in range(50))
