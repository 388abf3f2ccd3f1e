"""Parts of one export are one room; a rebuilt manifest knows rooms; rooms are chosen by name."""

import pytest

from chatbot.cli.invented_room import invent_room, write_android_export
from chatbot.errors import CorpusError
from chatbot.ingest.organize.inbox import file_exports, plan_filing
from chatbot.ingest.organize.manifest import read_manifest
from chatbot.ingest.organize.rooms import choose_rooms


def organize(project):
    config = project.config()
    file_exports(plan_filing(config), config)
    return read_manifest(config.path(config.raw.manifest_path))


def part(people, day):
    lines = [
        f"2026년 3월 {day}일 오전 9:{minute:02}, {people[minute % len(people)]} : {day}일 {minute}번째"
        for minute in range(40)
    ]
    return "\n".join([f"2026년 3월 {day}일 오전 9:00", *lines]).encode()


@pytest.mark.parametrize(
    "names",
    [
        ("KakaoTalkChats.txt", "KakaoTalk_Chats_2.txt", "KakaoTalk_Chats_10.txt"),
        ("Talk_2026.3.9 09_00-1.txt", "Talk_2026.3.9 09_00-2.txt", "Talk_2026.3.9 09_00-10.txt"),
    ],
)
def test_parts_of_an_export_are_one_room_though_others_speak_in_each(project, names):
    people = (("나래", "다온"), ("나래", "라온"), ("라온", "가람"))
    order = sorted(range(3), key=lambda index: names[index])  # as a folder lists them
    for place, index in enumerate(order):
        project.add_export(names[index], part(people[index], 3 + place))
    assert len(organize(project).rooms) == 1


def test_files_of_one_name_in_two_folders_stay_two_rooms(project):
    project.add_export("one/KakaoTalkChats.txt", part(("나래", "다온"), 3))
    project.add_export("two/KakaoTalk_Chats_2.txt", part(("라온", "가람"), 4))
    assert len(organize(project).rooms) == 2


def test_a_rebuilt_manifest_knows_the_room_of_a_csv(project):
    rows = [f'2026-03-03 09:{n:02}:00,"{"나래다온"[n % 2 * 2 :][:2]}","{n}번째"' for n in range(40)]
    content = "\n".join(["Date,User,Message", *rows]).encode("utf-8-sig")
    project.add_export("KakaoTalk_Chat_우리 동네_2026-03-09-10-00-00.csv", content)
    (entry,) = organize(project).exports
    (project.root / "data/raw/manifest.json").unlink()
    (again,) = organize(project).exports
    assert (again.room, again.path) == (entry.room, entry.path)
    assert again.room_name.replace("_", " ") == entry.room_name == "우리 동네"


def test_a_room_is_chosen_by_the_name_it_is_shown_by(project):
    header = "🌸 봄 모임 님과 카카오톡 대화\n저장한 날짜 : 2026년 3월 9일 오전 9:00\n\n".encode()
    project.add_export("a/KakaoTalkChats.txt", header + part(("나래", "다온"), 3))
    project.add_export("b/KakaoTalkChats.txt", write_android_export(invent_room(40, seed=4)))
    organize(project)
    (room,) = choose_rooms(project.config("processed.rooms=[🌸 봄 모임]"))
    assert room.startswith("봄_모임")
    with pytest.raises(CorpusError) as caught:
        choose_rooms(project.config("processed.rooms=[봄 모힘]"))
    assert "봄" not in str(caught.value) + caught.value.hint
    assert "봄_모임" in caught.value.private
