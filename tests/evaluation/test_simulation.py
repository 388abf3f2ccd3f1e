"""The members of a room talk by themselves."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from chatbot.conversation import Message
from chatbot.corpus.ngrams import N, NgramIndex, hash_ngrams
from chatbot.errors import CheckpointError
from chatbot.evaluation.rhythm import Rhythm
from chatbot.evaluation.room import RoomStatistics, SpeakerCounts
from chatbot.evaluation.simulation import Repetition, RoomSimulator, members_of, paced
from chatbot.evaluation.simulation_report import compare_rooms, simulated_statistics
from chatbot.inference.generate import Prefix
from chatbot.settings.schema import PreprocessConfig
from tests.corpus.texts import tokenizer
from tests.inference.parrot import Parrot, make_bot

BEGIN = datetime(2026, 1, 5, 20, tzinfo=UTC)
RULES = PreprocessConfig()
GAP = timedelta(minutes=RULES.session_gap_minutes)
MEMBERS = {0: ["가람"], 1: ["나래"], 2: ["다온", "하늘"]}
NAMES = ("가람", "나래", "다온", "하늘")


class Babbler(Parrot):
    """A network that says anything, for some tokens."""

    def next_logits(self, tokens, cache):
        logits = super().next_logits(tokens, cache)
        logits = np.where(logits == 50, np.log(30), logits)
        logits[tokenizer().vocab_size :] = -100
        return logits.astype(np.float32)


def room(n_messages=6):
    speaker = {"n_opened": 3, "turn_sizes": Counter({1: 5})}
    pauses = {"reply_seconds": Counter({7: 30, 61: 10}), "burst_seconds": Counter({2: 20, 400: 20})}
    speakers = {name: SpeakerCounts(**speaker, **pauses) for name in NAMES}
    sizes = {"session_sizes": Counter({n_messages: 1}), "session_gaps": Counter({600: 1})}
    return RoomStatistics("x1", speakers, **sizes)


def simulator(seed=0, members=MEMBERS, babbles=True, guard=None, text="안녕"):
    wanted = [] if babbles else tokenizer().encode(text)
    sampling = {"temperature": 1, "min_p": 0, "seed": seed} if babbles else {}
    bot, _ = make_bot(wanted, sampling=sampling, guard=guard)
    if babbles:
        bot._reader = Prefix(Babbler([]))
    rhythm = Rhythm(room(), RULES, random.Random(seed))  # noqa: S311
    return RoomSimulator(bot, members, rhythm, BEGIN)


def turns_of(messages):
    """The names of turns as the simulator counts: a pause above the merge gap begins another."""
    n_turns, previous = 0, None
    for message in messages:
        is_new = previous is None or message.speaker != previous.speaker
        n_turns += is_new or message.sent_at - previous.sent_at > timedelta(minutes=5)
        previous = message
    return n_turns


@limits(max_examples=15)
@given(st.integers(0, 999), st.integers(1, 12))
def test_the_members_of_the_room_say_as_many_turns_as_asked_for(seed, n_turns):
    messages = list(simulator(seed).talk(n_turns))
    assert turns_of(messages) == n_turns
    assert {message.speaker for message in messages} <= set(NAMES)
    assert all(message.text.strip() for message in messages)
    assert all(earlier.sent_at <= later.sent_at for earlier, later in pairwise(messages))


@limits(max_examples=10)
@given(st.integers(0, 999))
def test_nobody_speaks_who_is_not_of_the_room(seed):
    members = {0: ["가람"], 2: ["하늘"]}  # the model prefers 1
    assert {m.speaker for m in simulator(seed, members).talk(10)} <= {"가람", "하늘"}


def test_the_same_seed_says_the_same():
    said = [list(simulator(seed).talk(15)) for seed in (1, 1, 2)]
    assert said[0] == said[1] != said[2]


def test_the_model_decides_who_is_next():
    counts = Counter(m.speaker for m in simulator().talk(300) if m.sent_at)
    # 1 speaks three times as often as 0, and two people share 2: 1 of 5, 3 of 5, 1 of 10 each.
    assert counts["나래"] > 1.7 * counts["가람"] > 1.7 * max(counts["다온"], counts["하늘"]) * 0.8


def test_in_a_room_of_two_the_other_one_answers():
    simulated = simulator(members={0: ["가람"], 1: ["나래"]})
    simulated._is_learned = False  # as with two speaker ids
    turns = list(simulated._session(6, "안녕"))
    names = [turn[0].speaker for turn in turns]
    assert all(name != other for name, other in pairwise(names)) and len(names) > 1


def test_a_model_with_one_sentence_does_not_go_in_circles():
    messages = list(simulator(babbles=False).talk(12))
    # Every conversation ends when there is nothing new to say.
    assert len(messages) == 12
    assert all(later.sent_at - earlier.sent_at > GAP for earlier, later in pairwise(messages))


def test_a_model_without_a_word_ends_the_simulation():
    silent = simulator(babbles=False)
    silent._speak = lambda number: ()
    assert not list(silent.talk(5))


@given(st.lists(st.sampled_from(["ㅋㅋ", "ㅋㅋㅋㅋ", "ㅠㅠ", "ㅋㅋ!"]), min_size=8, max_size=30))
def test_laughs_alone_do_not_go_on_for_ever(laughs):
    repetition, n_said = Repetition(), 0
    for laugh in laughs:
        if repetition.repeats(laugh):
            break
        repetition.add(laugh)
        n_said += 1
    assert n_said == 7


def test_what_only_another_member_wrote_is_guarded_whoever_speaks():
    secret = tokenizer().encode("hello there 밥 먹었어? hello 안녕 뭐해")
    hashes = hash_ngrams(np.array(secret, dtype=np.uint64))
    order = np.argsort(hashes)
    for owner in range(3):
        index = NgramIndex(hashes[order], np.full(len(order), owner, dtype=np.uint8))
        text = "hello there 밥 먹었어? hello 안녕 뭐해"
        simulated = simulator(babbles=False, guard=index, text=text)
        for number in range(3):
            simulated._bot.forget()
            said = tokenizer().encode("\n".join(simulated._speak(number)))
            assert (said[:N] == secret[:N]) == (number == owner)


def test_a_topic_is_the_first_turn():
    first = next(simulator().talk(3, "주말에 뭐해?"))
    assert first.text == "주말에 뭐해?" and first.speaker in NAMES


def test_a_model_of_another_room_is_refused():
    assert members_of(NAMES, {"가람": 0, "나래": 1}, 3) == MEMBERS
    with pytest.raises(CheckpointError, match="does not know"):
        members_of(NAMES, {"가람": 0, "그루": 1, "도담": 2}, 3)


@limits(max_examples=30)
@given(st.lists(st.integers(0, 20_000), max_size=8), st.floats(1, 100))
def test_messages_are_shown_at_their_pace_and_long_silences_are_cut(pauses, speed):
    now, slept = [0.0], []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    def messages():
        at = BEGIN
        for pause in [0, *pauses]:
            at += timedelta(seconds=pause)
            now[0] += 0.25  # to be generated
            yield Message("가람", "안녕", at)

    assert len(list(paced(messages(), speed, GAP, sleep, lambda: now[0]))) == len(pauses) + 1
    due = [min(p / speed, 5) if p > GAP.total_seconds() else p / speed for p in pauses]
    assert slept == pytest.approx([max(0, seconds - 0.25) for seconds in due], abs=1e-6)


def test_without_a_speed_nothing_waits():
    def never(seconds):
        raise AssertionError

    shown = paced(simulator().talk(5), 0, GAP, never)
    assert list(islice(shown, 3))


def test_a_room_is_no_distance_from_itself_and_a_simulation_is_counted_whole():
    messages = list(simulator().talk(40))
    counted = simulated_statistics(messages, RULES, is_by_minute=False)
    report = compare_rooms(counted, counted)
    assert report.n_messages == len(messages) and report.n_turns <= 40
    assert len(report.comparisons) == 5
    assert all(each.distance == 0 for each in report.comparisons)
    assert all(real == own for real, own in report.turn_shares)
    other = compare_rooms(room(), counted).comparisons
    assert all(each.sampling.low <= each.sampling.value <= each.sampling.high for each in other)
