"""What is kept of users: bounded in number, length and time, without their ids."""

from hypothesis import given
from hypothesis import strategies as st

from chatbot.serving.kakao.histories import Histories
from tests.serving.kakao.channel import limited

USERS = st.sampled_from("abcdef")


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@given(st.lists(st.tuples(USERS, st.floats(0, 40))), st.integers(1, 4), st.integers(2, 6))
def test_histories_are_bounded_and_expire(events, max_users, history_turns):
    clock, latest = Clock(), {}
    settings = limited(max_users=max_users, history_turns=history_turns, expiry_minutes=1)
    histories = Histories(settings, clock)
    for user, seconds in events:
        clock.now += seconds
        expected = clock.now - latest.get(user, -1e9) < 60
        assert not histories.turns(user) or expected
        histories.remember(user, (None, "말"), (0, "답"))
        latest[user] = clock.now
        assert len(histories) <= max_users and 2 <= len(histories.turns(user)) <= history_turns


def test_names_hold_no_id_and_differ_by_bot_and_process():
    first, second = Histories(limited()), Histories(limited())
    names = {
        first.name_of("bot", "user"), first.name_of("bot2", "user"),
        first.name_of("bot", "user2"), second.name_of("bot", "user"),
    }  # fmt: skip
    assert len(names) == 4 and not [name for name in names if "user" in name]
    assert first.name_of("bot", "user") == first.name_of("bot", "user")
