"""Replies of any length within the documented limits of an answer."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.serving.kakao.bubbles import answer_of, bubbles_of, length
from chatbot.serving.kakao.payload import (
    MOST_BYTES,
    MOST_CHARS,
    MOST_LABEL_CHARS,
    MOST_OUTPUTS,
    MOST_QUICK_REPLIES,
    SkillResponse,
)
from chatbot.serving.kakao.skill import LABELS

SENTENCE = "오늘은 날씨가 맑아서 산책을 다녀왔어요. "
REPLIES = st.text(st.sampled_from("가나 다.\n!?ㅋ😀\u200d👩\u0301é"), max_size=200).map(
    lambda text: text * 30
)


@given(REPLIES)
def test_every_answer_is_within_the_limits(text):
    bubbles = bubbles_of(text)
    assert len(bubbles) <= MOST_OUTPUTS
    assert all(0 < length(bubble) <= MOST_CHARS and bubble.strip() for bubble in bubbles)
    if bubbles:
        encoded = msgspec.json.encode(answer_of(text, LABELS))
        assert len(encoded) <= MOST_BYTES
        decoded = msgspec.json.decode(encoded, type=SkillResponse)  # checks every limit
        assert [output.simple_text.text for output in decoded.template.outputs] == bubbles


@given(REPLIES)
def test_bubbles_are_the_text_in_order_up_to_a_mark_of_what_is_left_out(text):
    shown, whole = "".join("".join(bubbles_of(text)).split()), "".join(text.split())
    assert shown == whole or (shown.endswith("…") and whole.startswith(shown[:-1]))


def test_few_short_lines_are_bubbles_of_their_own():
    assert bubbles_of("안녕!\n\n뭐해?\n") == ["안녕!", "뭐해?"]


def test_many_lines_share_a_bubble():
    lines = [f"{place}번째 줄" for place in range(8)]
    assert bubbles_of("\n".join(lines)) == ["\n".join(lines)]


@pytest.mark.parametrize(("n_sentences", "n_bubbles"), [(20, 1), (40, 2), (60, 3), (110, 3)])
def test_long_replies_are_cut_at_sentence_ends(n_sentences, n_bubbles):
    bubbles = bubbles_of(SENTENCE * n_sentences)
    assert len(bubbles) == n_bubbles and all(bubble.endswith("요.") for bubble in bubbles)


def test_up_to_fifteen_hundred_characters_no_bubble_is_folded():
    assert all(length(bubble) <= 500 for bubble in bubbles_of(SENTENCE * 60))


def test_what_is_left_out_is_marked():
    bubbles = bubbles_of("가" * 5000)
    assert [length(bubble) for bubble in bubbles] == [1000, 1000, 1000] and bubbles[2][-1] == "…"


def test_a_family_is_not_torn():
    family = "👨\u200d👩\u200d👧"
    assert all(bubble.startswith("👨") for bubble in bubbles_of(family * 200))


def test_labels_are_within_the_limits():
    assert len(LABELS) <= MOST_QUICK_REPLIES
    assert all(length(label) <= MOST_LABEL_CHARS for label in LABELS)
