"""Conversations of imessage-exporter: blocks as it writes them."""

from chatbot.ingest.readers import find_parts
from tests.ingest.readers.reading import at, read_lines_of


def test_blocks_are_read_without_what_stands_under_them(tmp_path):
    messages, account = read_lines_of(
        tmp_path,
        "Oct 02, 2026  9:01:05 AM (Read by you after 12 seconds)",
        "Me",
        "세 시에 봐",
        "",
        "늦지 마",
        "Tapbacks:",
        "    Loved by 나래",
        "",
        "    Oct 02, 2026  9:02:10 AM",
        "    나래",
        "    응",
        "",
        "Oct 02, 2026 12:02:10 PM",
        "나래",
        "응",
        "This message responded to an earlier message.",
        "",
        "Oct 02, 2026 12:03:00 PM 나래 named the conversation 산책",
        "",
        "Oct 02, 2026 12:04:00 PM",
        "+821000000000",
        "/Users/na/Library/Messages/Attachments/a b.heic",
        "",
        "Oct 02, 2026 12:05:00 PM",
        "Me",
        "attachments/1.jpg",
        "이 사진",
        "",
    )
    assert [(m.speaker, m.text, m.media or m.kind) for m in messages] == [
        ("Me", "세 시에 봐\n\n늦지 마", "message"),
        ("나래", "응", "message"),
        ("", "나래 named the conversation 산책", "system"),
        ("+821000000000", "/Users/na/Library/Messages/Attachments/a b.heic", "photo"),
        ("Me", "이 사진", "message"),
    ]
    assert [m.sent_at for m in messages][:2] == [
        at(2026, 10, 2, 9, 1, 5),
        at(2026, 10, 2, 12, 2, 10),
    ]
    assert account.lines["header"] == 4 and account.lines["unparsed"] == 0
    assert find_parts(tmp_path / "x.txt")[0].reader.name == "imessage"


def test_a_date_within_a_text_begins_no_message(tmp_path):
    messages, _ = read_lines_of(
        tmp_path,
        "Oct 02, 2026  9:01:05 AM",
        "Me",
        "약속은",
        "Oct 03, 2026  9:01:05 AM",
        "이야",
        "",
        "Oct 01, 2020  9:01:05 AM",
        "모르는 사람",
        "붙여 넣은 글",
    )
    assert len(messages) == 1 and messages[0].text.endswith("붙여 넣은 글")
