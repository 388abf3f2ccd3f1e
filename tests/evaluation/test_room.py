"""A look at a room before training."""

from collections import Counter
from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from chatbot.conversation import Message, Session
from chatbot.evaluation.room import FrequentCounts, RoomStatistics, quantile
from chatbot.evaluation.room_page import room_page, session_bars, silence_rows, speaker_rows
from tests.evaluation.pages import Reader, assert_loads_nothing

BEGIN = datetime(2026, 1, 5, 23, 30, tzinfo=timezone(timedelta(hours=9)))  # a Monday


def said(speaker, text, minutes=0.0):
    return Message(speaker, text, BEGIN + timedelta(minutes=minutes))


def statistics_of(*sessions):
    statistics = RoomStatistics("x1")
    for session in sessions:
        statistics.add(Session(tuple(session), "x1"))
    return statistics


MESSAGES = st.builds(said, st.sampled_from("가나다"), st.text(max_size=8), st.integers(0, 99999))


@given(st.lists(st.lists(MESSAGES, min_size=1, max_size=6), max_size=6))
def test_every_message_is_counted_once_in_every_view(sessions):
    statistics = statistics_of(*sessions)
    n = sum(map(len, sessions))
    assert statistics.n_messages == n
    assert statistics.by_hour.total() == statistics.by_weekday.total() == n
    assert sum(size * times for size, times in statistics.session_sizes.items()) == n
    assert sum(value for _, value in session_bars(statistics)) == len(sessions)
    assert sum(speaker.n_opened for speaker in statistics.speakers.values()) == len(sessions)


def test_replies_laughs_and_words_belong_to_their_speaker():
    session = [
        said("가", "저녁 먹자 ㅋㅋㅋ"),
        said("가", "저녁?", 1),
        said("나", "그래 ㅠㅠ 🍕", 4),
        said("가", "ㅇㅇ", 4),
    ]
    statistics = statistics_of(session)
    first, second = statistics.speakers["가"], statistics.speakers["나"]
    assert (first.n_laughs, first.n_questions, second.n_tears) == (1, 1, 1)
    assert (first.reply_seconds, second.reply_seconds) == (Counter({0: 1}), Counter({180: 1}))
    assert (first.n_turns, second.n_turns) == (2, 1)
    assert (first.burst_seconds, second.burst_seconds) == (Counter({60: 1}), Counter())
    assert [row[8] for row in speaker_rows(statistics)] == ["1.5, 1 min", "1.0, -"]
    assert statistics.words.most_common("가", 3) == [("저녁", 2), ("먹자", 1)]
    assert statistics.emoji.most_common("나", 3) == [("🍕", 1)]


def test_the_longest_silences_are_those_between_messages_in_order_of_time():
    minutes = (0, 10, 3000, 3001, 9000, 9001, 9100, 9300, 9310, 9311)
    statistics = statistics_of([said("가", "네", m) for m in minutes])
    statistics.silences.sort(reverse=True)
    lengths = [silence.length / timedelta(minutes=1) for silence in statistics.silences]
    assert lengths == [5999, 2990, 200, 99, 10]
    assert silence_rows(statistics)[0] == ("4.2 d", "2026-01-08 01:31", "가")


def test_hours_are_those_of_the_export():
    statistics = statistics_of([said("가", "네"), said("나", "네", 31)])
    assert statistics.by_hour == {23: 1, 0: 1} and statistics.by_weekday == {0: 1, 1: 1}


def test_a_room_without_times_has_everything_else():
    statistics = statistics_of([Message("가", "안녕", None), Message("나", "응 안녕", None)])
    assert statistics.n_messages == 2 and not statistics.silences
    assert [row[0] for row in speaker_rows(statistics)] == ["가", "나"]


@given(st.lists(st.sampled_from("abcdefghij"), max_size=200))
def test_frequent_words_survive_any_limit(words):
    counts = FrequentCounts(limit=4)
    for word in [*words, *["often"] * (len(words) + 1)]:
        counts.add("가", word)
    assert len(counts._counts) <= 4 and counts.most_common("가", 1)[0][0] == "often"


@given(st.lists(st.integers(0, 9), min_size=1), st.floats(0.01, 1))
def test_a_quantile_has_its_share_below(values, share):
    value = quantile(Counter(values), share)
    assert sum(v <= value for v in values) >= share * len(values) - 1e-6
    assert sum(v < value for v in values) < share * len(values) + 1e-6


def test_the_page_shows_names_as_text_and_loads_nothing():
    page = room_page(statistics_of([said("<b>가</b>", "<i>저녁</i>")]))
    reader = Reader(page)
    assert "<b>가</b>" in reader.text and not {"b", "i"} & set(reader.tags)
    assert_loads_nothing(page)
