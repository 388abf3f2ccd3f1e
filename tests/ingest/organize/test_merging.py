"""Exports of one room merge without losing or doubling a message."""

from collections import Counter
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chatbot.conversation import Message
from chatbot.ingest.organize.merging import MergeTally, Source, merge_sources
from chatbot.ingest.organize.sketch import shared_share, sketch_of
from chatbot.ingest.readers import KST

START = datetime(2026, 10, 2, 9, 0, tzinfo=KST)


@st.composite
def rooms(draw):
    """A room: messages in time order, people repeating themselves within a minute."""
    now, room = START, []
    for _ in range(draw(st.integers(1, 30))):
        now += timedelta(seconds=draw(st.sampled_from([0, 5, 40, 200])))
        text = draw(st.sampled_from(["ㅋㅋ", "응", "사진", "밥 먹자", "😀", "why?"]))
        room.append(Message(draw(st.sampled_from(["가람", "나래"])), text, now.replace(second=0)))
    return room


def keys(messages):
    return Counter((m.speaker, m.text, m.sent_at) for m in messages)


def minutes(messages):
    return [m.sent_at for m in messages]


@given(rooms())
def test_one_export_passes_unchanged(room):
    assert list(merge_sources([Source(room)])) == room


@given(rooms(), st.integers(2, 4))
def test_the_same_export_several_times_is_the_room(room, n):
    assert list(merge_sources([Source(list(room)) for _ in range(n)])) == room


@given(rooms(), st.data())
def test_overlapping_exports_are_the_room(room, data):
    cuts = st.integers(0, len(room))
    first = room[: data.draw(cuts)]
    # An export begins and ends anywhere, but holds whole minutes where it overlaps another.
    start = data.draw(cuts)
    while 0 < start < len(room) and room[start - 1].sent_at == room[start].sent_at:
        start -= 1
    merged = list(merge_sources([Source(first), Source(room[start:])]))
    assert keys(merged) == keys(first) | keys(room[start:])
    assert minutes(merged) == sorted(minutes(merged))


@given(rooms())
def test_a_lossy_export_adds_nothing_and_loses_nothing(room):
    lossy = [Message(m.speaker, m.text.replace("😀", "??"), m.sent_at) for m in room]
    merged = list(merge_sources([Source(lossy, is_lossy=True), Source(room)]))
    assert keys(merged) == keys(room)


@given(rooms())
def test_system_lines_are_not_doubled(room):
    with_event = [
        *room[:3],
        Message("", "라온님이 들어왔습니다.", room[0].sent_at, "system"),
        *room[3:],
    ]
    merged = list(merge_sources([Source(with_event), Source(list(with_event))]))
    assert merged == with_event


def test_a_body_cut_at_500_is_the_whole_one():
    whole = Message("가람", "가나 다라 " * 200, START)
    cut = Message("가람", whole.text[:500], START)
    assert list(merge_sources([Source([cut]), Source([whole])])) == [whole]


def test_kinds_of_media_meet_across_languages():
    korean, english = (Message("가람", word, START, "media", "photo") for word in ("사진", "Photo"))
    assert len(list(merge_sources([Source([korean]), Source([english])]))) == 1


@given(rooms())
def test_a_room_shares_everything_with_itself_and_nothing_with_another(room):
    other = [Message(m.speaker, m.text + "!", m.sent_at) for m in room]
    assert shared_share(sketch_of(room), sketch_of(list(room)))[1] == 1
    assert shared_share(sketch_of(room), sketch_of(other))[1] == 0


def test_a_clock_that_steps_back_at_the_edge_of_an_overlap_doubles_nothing():
    a, x, y, z, w = (
        Message("가람", text, START + timedelta(minutes=n))
        for text, n in (("a", 0), ("x", 5), ("y", 4), ("z", 6), ("w", 7))
    )
    merged = merge_sources([Source([a, x, y, z]), Source([y, z, w])])
    assert [m.text for m in merged] == ["a", "y", "x", "z", "w"]


@given(rooms(), st.permutations(range(3)), st.data())
def test_exports_merge_to_the_same_room_in_any_order(room, order, data):
    bounds = [sorted(data.draw(st.tuples(*[st.integers(0, len(room))] * 2))) for _ in range(3)]
    parts = [jittered(room[begin:end], data, [0, 0, 1]) for begin, end in bounds]
    merged = [
        list(merge_sources([Source(p) for p in some]))
        for some in (parts, [parts[i] for i in order])
    ]
    assert keys(merged[0]) == keys(merged[1])


def jittered(room, data, shifts):
    """The room as an export tells it that sees some messages in another minute."""
    drawn = data.draw(st.lists(st.sampled_from(shifts), min_size=len(room), max_size=len(room)))
    return [
        replace(m, sent_at=m.sent_at + timedelta(minutes=n))
        for m, n in zip(room, drawn, strict=True)
    ]


def said(messages):
    return [(m.speaker, m.text) for m in messages]


def of_some_time(room):
    """Longer than the edge, where an export may begin or end within a minute."""
    edge = [
        Message("가람", "처음", START - timedelta(minutes=9)),
        Message("나래", "끝", START + timedelta(days=1)),
    ]
    return [edge[0], *room, edge[1]]


@given(rooms(), st.data())
def test_copy_that_rounds_minutes_up_adds_and_changes_nothing(room, data):
    room = of_some_time(room)
    copy = [*room[:1], *jittered(room[1:-1], data, [0, 1]), *room[-1:]]
    assert list(merge_sources([Source(room), Source(copy)])) == room


@given(rooms(), st.data())
def test_copy_that_is_a_minute_off_either_way_adds_nothing(room, data):
    room = of_some_time(room)
    copy = [*room[:1], *jittered(room[1:-1], data, [-1, 0, 0, 1]), *room[-1:]]
    assert Counter(said(merge_sources([Source(room), Source(copy)]))) == Counter(said(room))


@given(rooms(), st.data())
def test_what_is_read_is_yielded_or_merged(room, data):
    event = Message("", "라온님이 들어왔습니다.", START, "system")
    parts = [data.draw(st.permutations([*room, event])) for _ in range(2)]
    tally = MergeTally()
    merged = list(merge_sources([Source(room), *map(Source, parts)], tally))
    assert len(room) + sum(map(len, parts)) == len(merged) + tally.n_merged


@given(rooms())
def test_copies_share_all_they_are_compared_by(room):
    tally = MergeTally()
    list(merge_sources([Source(of_some_time(room)), Source(of_some_time(room))], tally))
    assert tally.n_compared == tally.n_shared == {0: len(room), 1: len(room)}


def test_the_same_words_in_the_next_minute_of_an_adjoining_export_stay():
    first, second = (Message("가람", "응", START + timedelta(minutes=n)) for n in (0, 1))
    assert list(merge_sources([Source([first]), Source([second])])) == [first, second]
