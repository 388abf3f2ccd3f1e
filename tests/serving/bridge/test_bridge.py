"""Whatever happens in a room, the bridge sends at most once, only there, and never after an end."""

import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.serving.bridge.bridge import Decision
from tests.serving.bridge.rooms import (
    EVENTS,
    KILL,
    OTHER,
    OWN,
    TITLE,
    FakeAnswerer,
    FakeRoom,
    make_bridge,
)

ENDINGS = list(Decision)[list(Decision).index(Decision.KILLED) :]


# Each event with the number of calls that pass before it; talk is more frequent than trouble.
TALK = EVENTS[:3] * 6 + EVENTS
SCHEDULES = st.lists(st.tuples(st.integers(0, 12), st.sampled_from(TALK)), max_size=30)


def run_schedule(events, is_attended, n_bubbles, folder):
    """Run a bridge through a schedule, and check all that must never happen."""
    calls = [call for calm, event in events for call in (*[None] * calm, event)]
    room, answerer = FakeRoom(iter(calls)), FakeAnswerer(n_bubbles=n_bubbles)
    bridge = make_bridge(room, folder, answerer, per_minute=20, is_attended=is_attended)
    for _ in range(25):
        n_sent = len(room.sent)
        was_ended = bridge.ending
        decision = bridge.step()
        assert not was_ended or (decision is was_ended and len(room.sent) == n_sent)
    texts = [text for _, text in room.sent]
    assert len(texts) == len(set(texts)) and len(texts) <= 20
    assert {title for title, _ in room.sent} <= {TITLE}
    assert answerer.n_replies <= room.n_others
    assert not room.has_shown_end or bridge.ending in ENDINGS
    return len(texts), bridge.ending


@settings(max_examples=50, deadline=None)
@given(SCHEDULES, st.booleans(), st.integers(1, 3))
def test_no_schedule_sends_twice_or_elsewhere_or_after_an_end(events, is_attended, n_bubbles):
    with tempfile.TemporaryDirectory() as folder:
        run_schedule(events, is_attended, n_bubbles, Path(folder))


@pytest.mark.slow
def test_no_interleaving_of_1000_does_and_every_end_is_reached(tmp_path):
    random = Random(7)  # noqa: S311
    n_sent, endings = 0, set()
    for n in range(1000):
        events = [(random.randrange(13), random.choice(TALK)) for _ in range(30)]
        texts, ending = run_schedule(events, n % 2, 1 + n % 3, tmp_path / str(n))
        n_sent += texts
        endings.add(ending)
    assert n_sent > 400 and endings >= set(ENDINGS)


def after(event: str, tmp_path, **changes):
    """Return the room and the decision when an event precedes a look at a question."""
    room, answerer = FakeRoom(), FakeAnswerer()
    bridge = make_bridge(room, tmp_path, answerer, **changes)
    assert bridge.step() is Decision.QUIET
    room.say(OTHER, "뭐해?")
    room.schedule = iter([None, event])
    return room, bridge.step()


@pytest.mark.parametrize(("event", "decision"), [
    ("touch", Decision.TOUCHED), ("rename", Decision.WRONG_ROOM), ("draft", Decision.OCCUPIED), ("kill", Decision.KILLED),
    ("own_kill", Decision.KILLED), ("refuse", Decision.FAILED), ("lose", Decision.UNCONFIRMED), ("double", Decision.UNCONFIRMED),
    ("mistype", Decision.MISTYPED),
])  # fmt: skip
def test_each_guard_ends_the_bridge(event, decision, tmp_path):
    room, ended = after(event, tmp_path)
    assert ended is decision
    assert len(room.sent) == (event in ("refuse", "lose", "double"))


def test_a_question_is_answered_once_and_the_first_message_is_labelled(tmp_path):
    room, answerer = FakeRoom(), FakeAnswerer()
    bridge = make_bridge(room, tmp_path, answerer, label="[AI]")
    decisions = [bridge.step()]
    for _ in range(2):
        room.say(OTHER, "뭐해?")
        decisions += [bridge.step(), bridge.step()]
    assert decisions == [Decision.QUIET, *[Decision.SENT, Decision.QUIET] * 2]
    assert [text for _, text in room.sent] == ["[AI] 대답 1-0", "대답 2-0"]
    assert (OWN, "대답 1-0", True) in answerer.heard


def test_what_stood_there_before_is_never_answered(tmp_path):
    room = FakeRoom()
    room.say(OTHER, "어제 한 말")
    assert make_bridge(room, tmp_path).step() is Decision.QUIET


def test_the_kill_word_ends_a_room_for_good(tmp_path):
    after("kill", tmp_path)
    room = FakeRoom()
    bridge = make_bridge(room, tmp_path)
    assert bridge.step() is Decision.KILLED and not room.sent


def test_a_room_that_is_not_allowed_is_not_even_read(tmp_path):
    room = FakeRoom()
    room.read = None
    assert make_bridge(room, tmp_path, rooms=["바다"]).step() is Decision.WRONG_ROOM


@pytest.mark.parametrize("answer", [None, "", f"좋아 {KILL}"])
def test_nothing_is_sent_without_approval(tmp_path, answer):
    room, decision = after("other", tmp_path, approve=lambda text: answer)
    assert decision is Decision.DECLINED and not room.sent and not room.input


def test_a_reply_is_stale_if_somebody_writes_while_it_is_approved(tmp_path):
    room = FakeRoom()

    def approve(text):
        room.say(OTHER, "아 됐어")
        return text

    bridge = make_bridge(room, tmp_path, approve=approve)
    bridge.step()
    room.say(OTHER, "뭐해?")
    assert bridge.step() is Decision.STALE and not room.sent


def test_the_pace_is_kept_and_recovers(tmp_path):
    now = [0.0]
    room = FakeRoom()
    bridge = make_bridge(room, tmp_path, clock=lambda: now[0], per_minute=2, per_hour=3)
    decisions = [bridge.step()]
    for at in (0, 1, 2, 61, 62, 3700):
        now[0] = at
        room.say(OTHER, f"말 {at}")
        decisions.append(bridge.step())
    sent, limited = Decision.SENT, Decision.LIMITED
    assert decisions[1:] == [sent, sent, limited, sent, limited, sent]


def test_the_log_holds_no_text_and_no_name(tmp_path):
    after("own", tmp_path)
    after("kill", tmp_path)
    written = "".join(
        path.read_text(encoding="utf-8") for path in tmp_path.iterdir() if path.name != "key"
    )
    assert '"decision":"kill word"' in written
    assert not any(word in written for word in (TITLE, OWN, OTHER, KILL, "뭐해"))
