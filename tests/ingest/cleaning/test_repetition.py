"""Repetition: long texts that come back, also nearly the same, are counted as one."""

from hypothesis import given
from hypothesis import strategies as st

from chatbot.conversation import Message
from chatbot.ingest.cleaning.repetition import Counts, Repetition
from chatbot.ingest.cleaning.rules import Cleaner
from chatbot.settings.schema import PreprocessConfig

NOTICE = "이번 주 토요일 열 시에 정문에서 모여서 같이 출발합니다 늦지 않게 와 주세요 준비물은 물과 간식입니다"


@given(st.lists(st.text(min_size=1, max_size=60), max_size=30))
def test_a_text_is_counted_at_least_as_often_as_it_came(texts):
    repetition = Repetition()
    for number, text in enumerate(texts):
        assert repetition.count(text) >= texts[: number + 1].count(text)


def test_a_few_other_words_make_no_other_text():
    repetition = Repetition()
    assert repetition.count(NOTICE) == 1
    assert repetition.count(NOTICE.replace("같이 출발", "함께 출발!!")) == 2
    assert repetition.count(NOTICE.replace("간식", "도시락")) == 3
    assert repetition.count("어제 본 영화 진짜 재미있었는데 너도 꼭 봤으면 좋겠다 같이 가자") == 1


PRICE = "네 고객님 문의하신 상품은 {}원이고 오늘 주문하시면 {}시 전에 출발합니다 감사합니다"


@given(st.lists(st.integers(0, 30), min_size=1, max_size=20))
def test_other_digits_make_another_text(numbers):
    repetition = Repetition()
    for index, number in enumerate(numbers):
        seen = repetition.count(PRICE.format(number * 1000, number))
        assert seen == numbers[: index + 1].count(number)


def test_a_notice_with_another_date_is_the_same_notice():
    repetition = Repetition()
    dates = ("3월 5일", "12월 24일 ", "2026년 4월 2일", "2026-05-07", "2026. 6. 1", "7/8 (수)")
    counts = [repetition.count(f"{date} {NOTICE} 10:30 시작") for date in dates]
    assert counts == list(range(1, len(dates) + 1))
    assert repetition.count(f"3월 5일 {NOTICE} 11:30 시작") == 1


def test_counts_are_exact_until_half_of_the_slots_are_taken():
    counts = Counts(slot_bits=6)
    texts = [str(n) for n in range(40)] * 3
    seen = [counts.count(text) for text in texts]
    assert seen == [1] * 40 + ([2] * 32 + [1] * 8) + ([3] * 32 + [1] * 8)


def kinds(cleaner: Cleaner, texts: list[str]) -> list[str]:
    return [cleaner.clean(Message("가람", text, None)).kind for text in texts]


def test_long_texts_are_learned_as_often_as_the_settings_say():
    cleaner = Cleaner(PreprocessConfig(max_repeats=2, notice_min_chars=200))
    assert kinds(cleaner, [NOTICE] * 4) == ["message", "message", "context", "context"]
    assert cleaner.context_only == {"repeated_message": 2}


def test_a_stretch_of_talk_is_learned_as_often_as_the_settings_say():
    cleaner = Cleaner(PreprocessConfig(max_repeats=2))
    talk = [
        "오늘 저녁에 뭐 먹을까?",
        "글쎄 나는 아무거나",
        "그럼 국밥 먹으러 가자",
        "좋아 거기서 봐",
    ]
    said = kinds(cleaner, talk * 4)
    # A stretch is known by its fourth message: the first three of the third time are learned.
    assert said == ["message"] * 11 + ["context"] * 5
    assert cleaner.context_only == {"repeated_window": 5}


@given(st.lists(st.sampled_from([NOTICE, "응", "그래 좋아", PRICE]), max_size=40))
def test_no_repeat_leaves_a_hole(texts):
    cleaner = Cleaner(PreprocessConfig(max_repeats=1))
    kept = [cleaner.clean(Message("가람", text, None)) for text in texts]
    assert [message.text for message in kept] == texts


def test_laughter_may_come_back():
    cleaner = Cleaner(PreprocessConfig())
    assert set(kinds(cleaner, ["ㅋㅋㅋㅋ"] * 50)) == {"message"}
