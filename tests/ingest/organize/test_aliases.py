"""Who is who, where exports of a room call people by different names."""

import msgspec
import pytest

from chatbot.cli.invented_room import FRIEND, PERSONA, invent_room, write_android_export
from chatbot.ingest.organize.manifest import Manifest, read_manifest, write_manifest
from chatbot.ingest.organize.rooms import choose_rooms, read_room, resolve_aliases
from tests.ingest.organize.filing import organize, spoken


@pytest.fixture(scope="module")
def room():
    return list(invent_room(40, seed=3))


def renamed(messages, names):
    return [msgspec.structs.replace(m, speaker=names.get(m.speaker, m.speaker)) for m in messages]


def in_one_room(project, *parts):
    """File exports as those of one room; return them with doubts and merged messages."""
    for number, part in enumerate(parts):
        project.add_export(f"{number}.txt", write_android_export(iter(part)))
    _, config = organize(project)
    path = config.path(config.raw.manifest_path)
    entries = [msgspec.structs.replace(e, room="one") for e in read_manifest(path).exports]
    write_manifest(path, Manifest(entries))
    (exports,) = choose_rooms(config).values()
    doubts = []
    aliases = resolve_aliases(exports, config, doubts.append)
    return exports, doubts, list(read_room(exports, aliases, config))


def words(messages):
    return [(text, at) for _, text, at, _ in spoken(messages)]


@pytest.mark.parametrize(
    "names",
    [
        {FRIEND: f"{FRIEND} 언니"},
        {FRIEND: "우리 딸", PERSONA: "아빠"},
        {PERSONA: "회원님"},
    ],
)
def test_export_under_other_names_doubles_nothing(project, room, names):
    copy = renamed(room[60:], names)
    exports, doubts, merged = in_one_room(project, room[:300], copy)
    assert len(exports) == 2
    assert not doubts
    assert words(merged) == words(room)
    assert len({m.speaker for m in merged if m.speaker}) == 2


def test_three_phones_name_everybody_in_their_own_way(project, room):
    others = [{FRIEND: "딸", PERSONA: "사위"}, {FRIEND: "언니"}]
    _, doubts, merged = in_one_room(project, room, *(renamed(room, names) for names in others))
    assert not doubts
    assert spoken(merged) == spoken(room)


def test_two_people_of_one_export_never_become_one(project, room):
    """One phone calls both by one name: which of two is it elsewhere?"""
    _, doubts, merged = in_one_room(project, room, renamed(room, {FRIEND: "우리", PERSONA: "우리"}))
    assert len(doubts) == 1
    assert {FRIEND, PERSONA} <= {m.speaker for m in merged}


def test_names_of_other_days_are_left_alone(project, room):
    _, doubts, merged = in_one_room(project, room[:200], renamed(room[200:], {FRIEND: "새 친구"}))
    assert not doubts
    assert {FRIEND, "새 친구"} <= {m.speaker for m in merged}
