"""Another messenger is a module of its own and a line in the registry."""

from datetime import datetime, timedelta

from chatbot.conversation import Message
from chatbot.ingest import readers
from chatbot.ingest.readers.reader import Reader

BEGIN = datetime(2025, 3, 2, 9, 0)
MEDIA = {"[img]": "photo"}


def recognizes(head):
    return head[:1] == ["# invented messenger"]


def read_messages(open_lines, zone, account):
    for line in open_lines():
        if line.count("|") != 2:
            account.lines["header"] += 1
            continue
        stamp, speaker, text = line.split("|")
        media = MEDIA.get(text, "")
        message = Message(
            speaker,
            text,
            datetime.fromisoformat(stamp).replace(tzinfo=zone),
            "media" if media else "message",
            media,
        )
        account.lines[message.kind] += 1
        yield message


def export(n_skipped=0):
    lines = ["# invented messenger"]
    for number in range(n_skipped, 300):
        text = "[img]" if number % 10 == 9 else f"오늘 {number} 번 버스 탔어"
        lines.append(f"{BEGIN + timedelta(minutes=number)}|{['가람', '나래'][number % 2]}|{text}")
    return "\n".join(lines).encode()


def test_its_exports_are_filed_merged_and_preprocessed(project, monkeypatch, capsys):
    reader = Reader("invented", recognizes, read_messages)
    monkeypatch.setattr(readers, "READERS", (*readers.READERS, reader))
    project.add_export("a.txt", export())
    project.add_export("b.txt", export(100))
    assert project.run("organize") == 0
    assert project.run("preprocess") == 0
    shown = capsys.readouterr().err
    assert "500 messages in the exports: 200 are in several and count once" in shown
    assert "300 messages: 270 kept" in shown and "30 media" in shown
