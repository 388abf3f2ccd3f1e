"""Zips: one inside another is opened, and what unpacks to too much is refused."""

import io
import zipfile

import pytest

from chatbot.cli.invented_room import FRIEND
from chatbot.errors import ExportError
from chatbot.ingest.organize.inbox import plan_filing
from chatbot.ingest.readers import find_parts, read_messages


def zipped(entries, compression=zipfile.ZIP_DEFLATED):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, entry in entries.items():
            archive.writestr(name, entry)
    return content.getvalue()


def messages_of(path):
    return list(read_messages(path))


@pytest.fixture
def plain(tmp_path, export):
    path = tmp_path / "plain.txt"
    path.write_bytes(export)
    return messages_of(path)


def test_a_zip_inside_a_zip_is_opened(tmp_path, export, plain):
    path = tmp_path / "outer.zip"
    path.write_bytes(zipped({"a/inner.zip": zipped({"chat.txt": export}), "1.jpg": b"\xff\xd8"}))
    assert messages_of(path) == plain


def test_only_one_zip_inside_a_zip_is_opened(tmp_path, export):
    path = tmp_path / "outer.zip"
    path.write_bytes(zipped({"b.zip": zipped({"c.zip": zipped({"chat.txt": export})})}))
    with pytest.raises(ExportError, match="without a chat"):
        find_parts(path)


@pytest.mark.parametrize("name", ["chat.txt", "inner.zip"])
def test_a_bomb_is_refused_unopened(tmp_path, name):
    path = tmp_path / "bomb.zip"
    path.write_bytes(zipped({name: bytes(32 << 20)}))
    with pytest.raises(ExportError, match="unpacks to too much"):
        find_parts(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_a_zip_cut_off_anywhere_is_refused(project, export, compression, share):
    content = zipped({"KakaoTalkChats.txt": export}, compression)
    project.add_export("chat.zip", content[: int(share * len(content))])
    plan = plan_filing(project.config())
    assert not plan.filed
    assert [each.reason for each in plan.unrecognized] == ["it is a zip that is damaged or cut off"]


def test_a_damaged_zip_inside_a_zip_is_refused(tmp_path, export):
    path = tmp_path / "outer.zip"
    path.write_bytes(zipped({"inner.zip": zipped({"chat.txt": export})[:-30]}))
    with pytest.raises(ExportError, match="damaged"):
        find_parts(path)


def test_a_zip_that_somebody_sent_is_no_part_of_the_chat(tmp_path, export, plain):
    path = tmp_path / "outer.zip"
    path.write_bytes(zipped({"chat.txt": export, "1.zip": b"broken", "2.zip": bytes(32 << 20)}))
    assert messages_of(path) == plain


@pytest.mark.parametrize("kind", ["txt", "csv"])
def test_a_zip_of_two_rooms_is_refused_with_what_to_do(project, export, kind):
    if kind == "txt":
        other = export.decode().replace(f"{FRIEND} 님과", "회사 님과", 1).encode()
        entries = {"a/KakaoTalkChats.txt": export, "b/KakaoTalkChats.txt": other}
    else:
        row = 'Date,User,Message\n2030-01-01 09:00:00,"가람","안녕"\n'
        entries = {f"KakaoTalk_Chat_{room}_2030-01-01-09-00-00.csv": row for room in "가나"}
    project.add_export("chat.zip", zipped(entries))
    plan = plan_filing(project.config())
    assert not plan.filed
    assert [each.reason for each in plan.unrecognized] == ["it is a zip of 2 rooms"]
    assert "unpack it" in plan.unrecognized[0].advice
