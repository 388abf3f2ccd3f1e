"""A typed room and what would be sent."""

import pytest

from chatbot.serving.bridge.lines import answer_room, parse_room_line
from tests.corpus.texts import tokenizer
from tests.inference.parrot import make_bot


@pytest.mark.parametrize(("line", "parsed"), [
    ("하늘: 뭐해?", ("하늘", "뭐해?")), ("그냥 말", ("", "그냥 말")), ("하늘：전각", ("", "하늘：전각")), ("약속 3:00", ("", "약속 3:00")),
    ("  ", ("", "")),
])  # fmt: skip
def test_lines_are_name_and_text(line, parsed):
    assert parse_room_line(line) == parsed


def test_known_speakers_keep_their_numbers_and_strangers_get_the_next():
    bot, _ = make_bot(tokenizer().encode("응"), dialogue={"reply_floor": 1, "reply_cap": 1})
    sent = list(answer_room(["나래: 야", "다온: 응?", "", "나래: 뭐해"], bot, {"나": 0, "나래": 1}))
    assert [o.text for o in sent] == ["응"] * 3
    assert [t.speaker for t in bot.history] == [1, 0, 2, 0, 1, 0]


def test_who_types_under_the_personas_name_is_not_the_persona():
    bot, _ = make_bot(tokenizer().encode("응"), dialogue={"reply_floor": 1, "reply_cap": 1})
    list(answer_room(["나: 안녕"], bot, {"나": 0}))
    assert bot.history[0].speaker == 1


def test_in_a_group_the_bot_may_leave_the_word_to_others():
    bot, _ = make_bot(tokenizer().encode("응"), dialogue={"reply_floor": 0, "reply_cap": 0})
    sent = list(answer_room(["나래: 야", "다온: 응?"], bot, {"나": 0, "나래": 1}))
    assert [o.text for o in sent] == [None, None]
    assert [t.speaker for t in bot.history] == [1, 2]
