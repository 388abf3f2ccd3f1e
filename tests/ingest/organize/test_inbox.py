"""Organize: recognize, fingerprint, file; merge what overlaps; nothing lost."""

import zipfile
from itertools import groupby

import msgspec
import pytest

from chatbot.cli.invented_room import FRIEND, invent_room, write_android_export
from chatbot.corpus.store import read_stats
from chatbot.errors import CorpusError, ExportError
from chatbot.ingest.organize.inbox import file_exports, plan_filing
from chatbot.ingest.organize.manifest import Manifest, read_manifest, write_manifest
from chatbot.ingest.organize.rooms import (
    choose_rooms,
    exporter_of,
    read_room,
    resolve_aliases,
    verify_exports,
)
from tests.ingest.organize.filing import organize, spoken


def as_csv(messages):
    rows = ["Date,User,Message"]
    for m in messages:
        if m.kind == "system":
            rows.append(f',"","{m.text}"')
        else:
            rows.append(f'{m.sent_at:%Y-%m-%d %H:%M:%S},"{m.speaker}","{m.text}"')
    return "\n".join(rows).encode("utf-8-sig")


def as_windows(messages):
    out = [f"{FRIEND} 님과 카카오톡 대화", "저장한 날짜 : 2030-01-01 09:00:00", ""]
    for day, group in groupby(messages, key=lambda m: m.sent_at.date()):
        out.append(f"--------------- {day.year}년 {day.month}월 {day.day}일 금요일 ---------------")
        out += [
            m.text if m.kind == "system" else f"[{m.speaker}] [{m.sent_at:%H:%M}] {m.text}"
            for m in group
        ]
    return "\r\n".join([*out, ""]).encode()


@pytest.fixture(scope="module")
def room():
    return list(invent_room(40, seed=3))


def read_all(exports, config):
    return read_room(exports, resolve_aliases(exports, config), config)


def test_three_dialects_of_a_room_merge_to_one(project, room):
    project.add_export("KakaoTalkChats.txt", write_android_export(iter(room)))
    project.add_export("chat.csv", as_csv(room))
    project.add_export("KakaoTalk_2030_group.txt", as_windows(room))
    _, config = organize(project)
    (exports,) = choose_rooms(config).values()
    merged = list(read_all(exports, config))
    assert len(exports) == 3
    assert spoken(merged) == spoken(room)
    assert sum(m.kind == "system" for m in merged) == sum(m.kind == "system" for m in room)


def test_overlapping_exports_of_a_room_lose_and_double_nothing(project, room):
    project.add_export("old.txt", write_android_export(iter(room[:200])))
    organize(project)
    project.add_export("new.txt", write_android_export(iter(room[120:])))
    _, config = organize(project)
    (exports,) = choose_rooms(config).values()
    assert spoken(read_all(exports, config)) == spoken(room)


def test_the_same_file_twice_is_one_and_the_second_is_put_aside(project, export):
    project.add_export("a.txt", export)
    project.add_export("b.txt", export)
    plan, config = organize(project)
    assert (len(plan.filed), len(plan.duplicates)) == (1, 1)
    assert len(list(config.path("data/archive/duplicates").iterdir())) == 1
    assert not list(config.path("data/raw/inbox").iterdir())


def test_zip_of_chunks_is_one_export_in_order(project, room):
    path = project.add_export("Kakaotalk_Chat_x.zip", b"")
    with zipfile.ZipFile(path, "w") as archive:
        for number in (10, 2, 1):
            start = {1: 0, 2: 50, 10: 100}[number]
            chunk = write_android_export(iter(room[start : start + 50]))
            archive.writestr(f"Kakaotalk_Chat_하늘/Talk_2026.10.2 09:00-{number}.txt", chunk)
        archive.writestr("Kakaotalk_Chat_하늘/20260101_1.jpg", b"\xff\xd8")
    _, config = organize(project)
    (exports,) = choose_rooms(config).values()
    assert spoken(read_all(exports, config)) == spoken(room[:150])


def test_exports_in_the_project_root_are_found_and_other_files_left(project, export):
    (project.root / "KakaoTalkChats.txt").write_bytes(export)
    (project.root / "notes.txt").write_text("우유 사기")
    plan, _ = organize(project)
    assert len(plan.filed) == 1
    assert not plan.unrecognized
    assert (project.root / "notes.txt").exists()


def test_rooms_of_one_name_that_share_nothing_stay_apart(project):
    for seed in (1, 2):
        project.add_export(f"{seed}.txt", write_android_export(invent_room(60, seed)))
    _, config = organize(project)
    with pytest.raises(CorpusError, match="2 rooms are organized"):
        choose_rooms(config)
    assert len(choose_rooms(project.config("processed.rooms=all"))) == 2


def test_chosen_room_is_found_by_id_and_by_folder(project, export):
    project.add_export("a.txt", export)
    _, config = organize(project)
    entry = read_manifest(config.path(config.raw.manifest_path)).exports[0]
    for name in (entry.id, entry.room):
        assert list(choose_rooms(project.config(f"processed.rooms=['{name}']"))) == [entry.room]


@pytest.mark.parametrize(
    ("name", "room"),
    [("우리 방.csv", "우리_방"), ("KakaoTalk_Chat_등산_2026-10-02-09-00-00.csv", "등산")],
)
def test_the_room_of_a_csv_is_named_by_its_file(project, name, room):
    project.add_export(name, as_csv(invent_room(60, seed=1)))
    plan, _ = organize(project)
    assert [entry.room for entry in plan.entries] == [room]


def test_unrecognized_file_in_the_inbox_is_named_by_shape(project):
    project.add_export("what.txt", "비밀 이야기 12\n".encode())
    plan, _ = organize(project)
    assert plan.unrecognized[0].reason == "unrecognized export; its first lines look like 가 가 0"


def test_a_filed_export_missing_from_the_manifest_is_filed_again(project, export):
    project.add_export("a.txt", export)
    _, config = organize(project)
    config.path(config.raw.manifest_path).unlink()
    plan, config = organize(project)
    assert len(plan.filed) == 1
    assert len(choose_rooms(config)) == 1


def test_a_changed_or_missing_export_is_an_error(project, export):
    project.add_export("a.txt", export)
    _, config = organize(project)
    (exports,) = choose_rooms(config).values()
    path = config.path(exports[0].path)
    path.write_bytes(export + b"x")
    with pytest.raises(ExportError, match="has changed"):
        verify_exports(exports, config)
    path.unlink()
    with pytest.raises(ExportError, match="is missing"):
        verify_exports(exports, config)


def test_room_of_two_named_after_one_was_exported_by_the_other(project, export):
    project.add_export("a.txt", export)
    _, config = organize(project)
    (exports,) = choose_rooms(config).values()
    assert exporter_of(exports, resolve_aliases(exports, config)) == "도윤"


def test_aliases_join_two_names_of_a_person(project, room):
    project.add_export(
        "a.txt", write_android_export(iter(room)).replace("도윤 :".encode(), "회원님 :".encode())
    )
    config = project.config("raw.aliases={'회원님': '도윤'}")
    file_exports(plan_filing(config), config)
    (exports,) = choose_rooms(config).values()
    assert {m.speaker for m in read_all(exports, config)} == {"도윤", "하늘", ""}


def as_owner(messages):
    return write_android_export(iter(messages)).replace("도윤 :".encode(), "회원님 :".encode())


def test_owner_of_an_old_phone_is_recognized_in_another_export(project, room):
    project.add_export("phone.txt", as_owner(room[:200]))
    project.add_export("pc.txt", as_windows(room[100:]))
    _, config = organize(project)
    (exports,) = choose_rooms(config).values()
    assert spoken(read_all(exports, config)) == spoken(room)
    assert exporter_of(exports, resolve_aliases(exports, config)) == "도윤"


def test_owner_whom_no_other_export_tells_must_be_named(project, room):
    project.add_export("phone.txt", as_owner(room[:100]))
    project.add_export("pc.txt", as_windows(room[110:]))
    _, config = organize(project)
    (exports,) = choose_rooms(config).values()
    with pytest.raises(ExportError, match="calls its owner 회원님"):
        resolve_aliases(exports, config)
    named = project.config("raw.aliases={'회원님': '도윤'}")
    assert {m.speaker for m in read_all(exports, named)} == {"도윤", "하늘", ""}


def test_an_export_that_is_gone_counts_no_more_and_may_come_back(project, export):
    project.add_export("a.txt", export)
    plan, config = organize(project)
    filed = config.path(plan.filed[0][1].path)
    filed.unlink()
    assert organize(project)[0].gone
    project.add_export("b.txt", export)
    organize(project)
    assert filed.exists()


def test_a_damaged_zip_stops_nothing_else(project, export):
    path = project.add_export("z.zip", b"")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("KakaoTalkChats.txt", export)
    content = bytearray(path.read_bytes())
    content[200:210] = bytes(10)
    path.write_bytes(content)
    project.add_export("a.txt", export)
    plan, _ = organize(project)
    assert len(plan.filed) == 1
    assert plan.unrecognized[0].reason == "the zip is damaged or cut off"


def test_every_room_is_split_by_its_own_time(project):
    for seed in (1, 2):
        project.add_export(f"{seed}.txt", write_android_export(invent_room(60, seed)))
    organize(project)
    assert project.run("preprocess", "--set", "processed.rooms=all") == 0


def test_lines_of_all_exports_are_accounted_for_across_merges(project, room):
    project.add_export("KakaoTalkChats.txt", write_android_export(iter(room[:300])))
    project.add_export("chat.csv", as_csv(room[100:]))
    project.add_export("KakaoTalk_2030_group.txt", as_windows(room[50:250]))
    organize(project)
    assert project.run("preprocess") == 0
    stats = read_stats(project.root / "data/processed")
    n_read = sum(
        lines.get(kind, 0)
        for lines in stats.exports.values()
        for kind in ("message", "media", "system")
    )
    assert n_read == sum(stats.merged.values()) + stats.messages["seen"]
    assert stats.messages["seen"] == stats.messages["kept"] + sum(stats.dropped.values())
    assert sum(stats.merged.values()) > 300
    for lines in stats.exports.values():
        assert sum(lines.values()) == 2 * lines["total"]


def test_exports_of_a_room_that_share_little_are_told(project, room, capsys):
    changed = [msgspec.structs.replace(m, text=m.text + "!") for m in room[50:]]
    project.add_export("a.txt", write_android_export(iter(room)))
    project.add_export("b.csv", as_csv([*room[:50], *changed]))
    _, config = organize(project)
    path = config.path(config.raw.manifest_path)
    entries = [msgspec.structs.replace(e, room="one") for e in read_manifest(path).exports]
    write_manifest(path, Manifest(entries))
    assert project.run("preprocess") == 0
    assert "of its messages with the other exports" in capsys.readouterr().err


def without_header(export):
    return export[export.index(b"\n\r\n") + 3 :]


CHUNKS = [
    ("KakaoTalkChats.txt", "KakaoTalk_Chats_2.txt", "KakaoTalk_Chats_10.txt"),
    tuple(f"Talk_2026.10.2 09_00-{part}.txt" for part in (1, 2, 3)),
]


@pytest.mark.parametrize("names", CHUNKS)
def test_loose_chunks_of_one_folder_are_one_room(project, room, names):
    # Other speakers in each part: only folder and part number tell that they belong together.
    thirds = [room[:60], room[60:120], room[120:180]]
    for number, (name, part) in enumerate(zip(names, thirds, strict=True)):
        renamed = [
            msgspec.structs.replace(m, speaker=m.speaker and f"{m.speaker}{number}") for m in part
        ]
        content = write_android_export(iter(renamed))
        project.add_export(f"phone/{name}", content if number == 0 else without_header(content))
    _, config = organize(project)
    (exports,) = choose_rooms(config).values()
    assert len(exports) == 3


def test_chunks_of_two_folders_are_two_rooms(project):
    for seed in (1, 2):
        content = write_android_export(invent_room(60, seed))
        project.add_export(f"{seed}/KakaoTalkChats.txt", content)
        project.add_export(f"{seed}/KakaoTalk_Chats_2.txt", content + b"\r\n")
    organize(project)
    assert len(choose_rooms(project.config("processed.rooms=all"))) == 2


def test_a_link_is_filed_with_its_content_and_its_target_stays(project, export):
    (project.root / "elsewhere").mkdir()
    target = project.root / "elsewhere/chat.txt"
    target.write_bytes(export)
    link = project.add_export("chat.txt", b"")
    link.unlink()
    link.symlink_to("../../../elsewhere/chat.txt")
    _, config = organize(project)
    ((entry,),) = choose_rooms(config).values()
    filed = config.path(entry.path)
    assert filed.read_bytes() == target.read_bytes() == export
    assert not filed.is_symlink() and not link.is_symlink() and not link.exists()


@pytest.mark.parametrize("target", ["nowhere.txt", "."])
def test_a_link_to_no_file_is_told_and_left(project, target):
    link = project.add_export("chat.txt", b"")
    link.unlink()
    link.symlink_to(target)
    plan, _ = organize(project)
    assert [each.reason for each in plan.unrecognized] == ["it is a broken link"]
    assert link.is_symlink()


def named_rooms(project, *names):
    """Rooms of these names, each with other people's words."""
    for seed, name in enumerate(names, 1):
        content = write_android_export(invent_room(60, seed)).decode()
        head = content.replace(f"{FRIEND} 님과", f"{name} 님과", 1)
        project.add_export(f"{seed}/KakaoTalkChats.txt", head.encode())
    return organize(project)[1]


@pytest.mark.parametrize("typed", ["우리 집 🏠 가족", "우리 집  🏠 가족 ", "우리_집_가족"])
def test_a_room_is_chosen_by_its_shown_name(project, typed):
    named_rooms(project, "우리 집 🏠 가족", "회사")
    (room,) = choose_rooms(project.config(f"processed.rooms=['{typed}']"))
    assert room == "우리_집_가족"


def test_a_misspelled_room_is_answered_by_near_names(project):
    named_rooms(project, "등산 동호회", "회사")
    with pytest.raises(CorpusError, match="not organized") as refused:
        choose_rooms(project.config("processed.rooms=['등산 동회회']"))
    assert "등산_동호회" in refused.value.private
    assert "동호회" not in refused.value.hint + str(refused.value)


def test_a_shown_name_of_two_rooms_is_answered_by_their_ids(project):
    named_rooms(project, "가족!", "가족!")
    with pytest.raises(CorpusError, match="2 rooms have the name") as refused:
        choose_rooms(project.config("processed.rooms=['가족!']"))
    assert refused.value.hint.count("x") == 2


def test_a_rebuilt_manifest_is_the_one_that_was_lost(project, room):
    project.add_export("a/KakaoTalk_Chat_우리 집 🏠_2030-01-01-09-00-00.csv", as_csv(room[:90]))
    project.add_export("b/KakaoTalkChats.txt", write_android_export(invent_room(60, 9)))
    project.add_export("chat", as_windows(room[60:]))
    _, config = organize(project)
    path = config.path(config.raw.manifest_path)
    lost = {entry.id: entry for entry in read_manifest(path).exports}
    path.unlink()
    organize(project)
    assert {entry.id: entry for entry in read_manifest(path).exports} == lost
    assert any(entry.room_name == "우리 집 🏠" for entry in lost.values())


def test_a_damaged_note_of_names_stops_no_rebuilding(project, export):
    project.add_export("KakaoTalkChats.txt", export)
    _, config = organize(project)
    config.path(config.raw.manifest_path).unlink()
    (note,) = config.path(config.raw.organized_dir).rglob("names.json")
    note.write_bytes(b"{")
    plan, _ = organize(project)
    assert len(plan.filed) == 1
