"""What is new is what was appended, however the window scrolled."""

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chatbot.serving.bridge.diff import new_messages
from tests.serving.bridge.rooms import message

ROOMS = st.lists(
    st.builds(message, st.sampled_from("가나"), st.sampled_from("ㅋㅎ"), st.integers(0, 1)),
    max_size=12,
)


@settings(max_examples=50)
@given(ROOMS, ROOMS)
def test_a_window_that_only_grew_shows_what_was_appended(before, more):
    assert new_messages(before, [*before, *more]) == tuple(more)


@settings(max_examples=50)
@given(ROOMS, ROOMS, st.integers(0, 11))
def test_a_window_that_scrolled_never_shows_more_as_new_than_was_appended(before, more, n_gone):
    fresh = new_messages(before, [*before, *more][min(n_gone, len(before)) :])
    assert fresh is None or tuple(more)[len(more) - len(fresh) :] == fresh


def test_a_date_that_has_left_the_window_changes_nothing():
    before = [message("가", "안녕", 1), message("나", "응", 2)]
    undated = [replace(m, sent_at=None) for m in before]
    assert new_messages(before, [*undated, message("가", "뭐해")]) == (message("가", "뭐해"),)


def test_a_window_that_shows_something_else_is_not_recognized():
    assert new_messages([message("가", "안녕")], [message("나", "다른 방")]) is None
