"""Every file in the inbox is told for what it is, and what to do with it."""

import zipfile

import pytest

from chatbot.errors import ExportError
from chatbot.ingest.organize.inbox import file_exports, plan_filing
from chatbot.ingest.readers import find_parts
from chatbot.ingest.readers.registry import READERS
from tests.conftest import REPOSITORY

BINARY = {
    "a picture": [b"\xff\xd8\xff\xe0" + bytes(40), b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP"],
    "a video": [b"\0\0\0\x18ftypmp42" + bytes(40), b"\x1aE\xdf\xa3"],
    "a sound recording": [b"\0\0\0\x18ftypM4A \0", b"OggS\0"],
    "a PDF": [b"%PDF-1.7\n"],
    "an Office or Hangul document": [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"],
    "an archive that is no zip": [b"7z\xbc\xaf\x27\x1c", b"ALZ\x01\0"],
    "a database": [b"SQLite format 3\0"],
    "a zip that is damaged or cut off": [b"PK\x03\x04" + bytes(60)],
    "an empty file": [b"", b"\n \n"],
}
TEXT = {
    "a WhatsApp export": ["10/2/26, 9:02 xyz - Mina: hi\n"],
    "a Telegram export of HTML pages": ["<!DOCTYPE html><html><title>Exported Data</title></html>"],
    "a part of a Slack export": ['[{"type":"message","user":"U1","text":"x","ts":"1.000100"}]'],
    "a table of conversations with a model": [
        '{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"ho"}]}\n',
        '[{"id":"1","conversations":[{"from":"human","value":"hi"}]}]',
    ],
    "an HTML page": ["<!DOCTYPE html><html><body>hi</body></html>"],
    "an e-mail": ["Return-Path: <a@example.com>\nMIME-Version: 1.0\nSubject: x\n\nhi\n"],
    "a JSON file": ['{"a": 1}'],
}
ZIPPED = {
    "a Word document": ["word/document.xml", "[Content_Types].xml"],
    "a WhatsApp export": ["_chat.txt", "1.jpg"],
    "a Slack export without a message": ["users.json", "channels.json"],
    "a Telegram export of HTML pages": ["DataExport/messages2.html"],
    "an Instagram or Messenger export of HTML pages": ["messages/inbox/mina_1/message_1.html"],
    "a zip without a chat": ["1.jpg"],
}


def flat(table):
    return [(kind, content) for kind, contents in table.items() for content in contents]


def refusal(path):
    with pytest.raises(ExportError) as refused:
        find_parts(path)
    return refused.value


@pytest.mark.parametrize("ending", ["txt", "csv", "jpg"])
@pytest.mark.parametrize(("kind", "content"), flat(BINARY))
def test_a_file_is_told_by_its_first_bytes_whatever_its_name(tmp_path, kind, content, ending):
    path = tmp_path / f"x.{ending}"
    path.write_bytes(content)
    assert str(refusal(path)) == f"it is {kind}" and refusal(path).hint


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("회의록.hwp", b"HWP Document File V3.00 \x1a\x01", "a Hangul document"),
        ("x.HWP", "우리 이야기".encode(), "a Hangul document"),
        ("x.eml", "From: a@example.com\nSubject: 대화\n\n안녕\n".encode(), "an e-mail"),
        ("x.docx", b"PK\x03\x04" + bytes(60), "a Word document that is damaged"),
        ("x.hwpx", b"PK\x03\x04" + bytes(60), "a Hangul document that is damaged"),
    ],
)
def test_a_document_that_has_no_shape_is_told_by_its_ending(tmp_path, name, content, kind):
    path = tmp_path / name
    path.write_bytes(content)
    assert str(refusal(path)) == f"it is {kind}"
    assert "export" in refusal(path).hint


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(("kind", "content"), flat(TEXT))
def test_another_messengers_export_is_called_by_its_name(tmp_path, kind, content, encoding):
    path = tmp_path / "x.txt"
    path.write_bytes(content.replace("\n", "\r\n").encode(encoding))
    assert str(refusal(path)) == f"it is {kind}"


@pytest.mark.parametrize(("kind", "names"), ZIPPED.items())
def test_a_zip_is_told_by_what_it_holds(tmp_path, kind, names):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "nothing")
    assert str(refusal(path)) == f"it is {kind}"


def test_every_file_of_the_inbox_is_filed_or_told(project, export):
    config = project.config()
    project.add_export("chat.backup", export)
    project.add_export("photo.jpg", b"\xff\xd8\xff\xe0")
    project.add_export("deep/er/mail.eml", b"MIME-Version: 1.0\nSubject: x\n\n")
    project.add_export("notes", b"nothing that anybody knows\n")
    plan = plan_filing(config)
    assert [path.name for path, _ in plan.filed] == ["chat.backup"]
    assert {unknown.path.name for unknown in plan.unrecognized} == {
        "photo.jpg",
        "mail.eml",
        "notes",
    }
    assert all(unknown.advice for unknown in plan.unrecognized)
    file_exports(plan, config)
    config.path(config.raw.manifest_path).unlink()
    assert len(plan_filing(config).filed) == 1


@pytest.mark.parametrize("page", ["docs/exports.md", "docs/exports.ko.md"])
def test_the_page_of_exports_names_every_messenger(page):
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    names = [name for reader in READERS for name in reader.messenger.split(", ")]
    assert "Telegram" in names and all(name in text for name in names)
    assert all(reader.export_steps for reader in READERS if reader.messenger)
