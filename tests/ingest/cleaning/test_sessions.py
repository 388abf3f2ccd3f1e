"""Sessions: nothing lost, order kept, no session on both sides."""

from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chatbot.conversation import Message, Session
from chatbot.ingest.cleaning.sessions import cut_session, merge_bursts, split_point, split_sessions
from chatbot.ingest.readers import KST
from chatbot.settings.schema import PreprocessConfig

RULES = PreprocessConfig(max_session_turns=7)
moments = st.one_of(
    st.none(),
    st.integers(0, 5000).map(lambda n: datetime(2026, 1, 1, tzinfo=KST) + timedelta(minutes=n)),
)
messages = st.lists(
    st.builds(
        Message,
        st.sampled_from(["가람", "나래"]),
        st.text(min_size=1, max_size=9),
        moments,
        st.sampled_from(["message", "message", "context"]),
    )
)


@given(messages)
def test_sessions_keep_every_message_in_order(sent):
    sessions = list(split_sessions(sent, RULES, "made up"))
    assert [m for session in sessions for m in session.messages] == sent
    assert all(session.messages for session in sessions)


@given(messages)
def test_merging_bursts_keeps_every_word_in_order(sent):
    turns = merge_bursts(Session(tuple(sent), "made up"), RULES).messages
    assert "\n".join(t.text for t in turns) == "\n".join(m.text for m in sent)
    assert len(turns) <= len(sent)


@given(messages)
def test_what_is_learned_and_what_is_context_only_never_share_a_turn(sent):
    turns = merge_bursts(Session(tuple(sent), "made up"), RULES).messages
    for kind in ("message", "context"):
        assert "\n".join(t.text for t in turns if t.kind == kind) == "\n".join(
            m.text for m in sent if m.kind == kind
        )


@given(messages, st.integers(0, 60))
def test_sessions_are_cut_only_at_silence_or_length(sent, gap):
    rules = PreprocessConfig(session_gap_minutes=gap + 1)
    sessions = list(split_sessions(sent, rules, "made up"))
    for one, other in pairwise(sessions):
        before, after = one.messages[-1].sent_at, other.messages[0].sent_at
        assert abs(after - before) > timedelta(minutes=gap + 1)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40), st.floats(0.02, 0.49))
def test_split_leaves_both_sides_something(n_turns, val_fraction):
    index, turn = split_point(n_turns, val_fraction)
    n_train = sum(n_turns[:index]) + turn
    if sum(n_turns) >= 2 / min(val_fraction, 1 - val_fraction):
        assert 0 < n_train < sum(n_turns)


def test_a_log_of_one_session_still_splits():
    session = Session(tuple(Message("가람", str(n), None) for n in range(100)), "made up")
    index, turn = split_point([100], 0.1)
    head, tail = cut_session(session, turn)
    assert (index, len(head.messages), len(tail.messages)) == (0, 90, 10)


def test_a_pause_ends_a_burst():
    at = datetime(2026, 1, 1, tzinfo=KST)
    sent = [Message("가람", str(n), at + timedelta(minutes=n * n)) for n in range(5)]
    turns = merge_bursts(Session(tuple(sent), "x"), PreprocessConfig(merge_gap_minutes=4)).messages
    assert [t.text for t in turns] == ["0\n1\n2", "3", "4"]
