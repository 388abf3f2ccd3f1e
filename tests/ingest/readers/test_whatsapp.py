"""WhatsApp exports: lines as its phones write them, and what only some of them write."""

import zipfile

import pytest

from chatbot.errors import ExportError
from chatbot.ingest.readers import find_parts, read_messages
from chatbot.ingest.readers.registry import room_of
from chatbot.settings.schema import RawConfig
from tests.ingest.readers.reading import at, read_lines_of


@pytest.fixture
def read(tmp_path):
    """Return what reads lines as a file, into messages and an account."""

    def reading(*lines, date_order="auto"):
        return read_lines_of(tmp_path, *lines, raw=RawConfig(date_order=date_order))

    return reading


@pytest.mark.parametrize(
    ("line", "moment"),
    [
        ("[13/10/2026, 09:01:05] 나래: 응", at(2026, 10, 13, 9, 1, 5)),
        ("[31/12/2022 11:40:26] 나래: 응", at(2022, 12, 31, 11, 40, 26)),
        ("\u200e[07.03.26, 21:22:39] 나래: 응", at(2026, 3, 7, 21, 22, 39)),
        ("[01-29-2018, 1:22:39 PM] 나래: 응", at(2018, 1, 29, 13, 22, 39)),
        ("[10/22/26, 9:02:00\u202fPM] 나래: 응", at(2026, 10, 22, 21, 2)),
        ("10/22/26, 12:01 AM - 나래: 응", at(2026, 10, 22, 0, 1)),
        ("28/3/2025, 9:29\u00a0p.\u00a0m. - 나래: 응", at(2025, 3, 28, 21, 29)),
        ("28/3/2025, 9:29 a.m. - 나래: 응", at(2025, 3, 28, 9, 29)),
        ("28/3/2025, 9:29\u2009pm - 나래: 응", at(2025, 3, 28, 21, 29)),
        ("23.10.20 22:49 - 나래: 응", at(2020, 10, 23, 22, 49)),
        ("23.10.20, 22:49 - 나래: 응", at(2020, 10, 23, 22, 49)),
        ("02.03.2026 klo 9.05 - 나래: 응", at(2026, 3, 2, 9, 5)),
        ("2026-10-02 09:01 - 나래: 응", at(2026, 10, 2, 9, 1)),
        ("2026/10/02 9:01 - 나래: 응", at(2026, 10, 2, 9, 1)),
        ("2026/10/2 下午9:01 - 나래: 응", at(2026, 10, 2, 21, 1)),
        ("2026/10/2 凌晨12:01 - 나래: 응", at(2026, 10, 2, 0, 1)),
        ("2026年10月2日 午後9:01 - 나래: 응", at(2026, 10, 2, 21, 1)),
        ("2026년 10월 2일 오전 9:01 - 나래: 응", at(2026, 10, 2, 9, 1)),
        ("[2026. 10. 2. 오후 12:01:05] 나래: 응", at(2026, 10, 2, 12, 1, 5)),
        ("26. 10. 2. 오후 9:01 - 나래: 응", at(2026, 10, 2, 21, 1)),
        ("\u200f22\u200f/10\u200f/2026, 9:01 م - 나래: 응", at(2026, 10, 22, 21, 1)),
        ("22/10/2569 21:01 - 나래: 응", at(2026, 10, 22, 21, 1)),
    ],
)
def test_a_stamp_of_any_language_is_read(read, line, moment):
    messages, account = read(line)
    assert [(m.speaker, m.text, m.sent_at) for m in messages] == [("나래", "응", moment)]
    assert dict(account.lines) == {"message": 1}


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (("2/10", "13/10"), (2, 10)),
        (("10/2", "10/13"), (2, 10)),
        (("30/1", "2/2", "3/2"), (30, 1)),
        (("1/10", "2/9", "3/8"), (10, 1)),  # in order only if the month is first
        (("5/5", "6/6"), (5, 5)),
    ],
)
def test_the_order_of_day_and_month_is_that_of_the_whole_file(read, days, expected):
    messages, _ = read(*(f"{day}/26, 9:01 - 나래: 응" for day in days))
    assert (messages[0].sent_at.day, messages[0].sent_at.month) == expected


def test_a_pasted_line_does_not_turn_the_order_of_dates(read):
    days = [f"{day}/3/26, 9:01 - 나래: 응" for day in range(1, 25)]
    messages, account = read(*days[:20], "3/29/24, 9:01 - 다온: 몇 년 전", *days[20:])
    assert [m.sent_at.day for m in messages] == list(range(1, 25))
    assert account.lines["continuation"] + account.lines["imitation"] == 1


def test_dates_that_fit_both_orders_are_refused_until_a_setting_tells(read):
    lines = ["2/10/26, 9:01 - 나래: 응", "3/10/26, 9:01 - 나래: 그래"]
    with pytest.raises(ExportError) as refused:
        read(*lines)
    assert "raw.date_order: dmy" in refused.value.hint
    assert [m.sent_at.month for m in read(*lines, date_order="dmy")[0]] == [10, 10]
    assert [m.sent_at.month for m in read(*lines, date_order="mdy")[0]] == [2, 3]


def test_the_lines_of_an_iphone_are_told_apart(read):
    messages, account = read(
        "[13/10/2026, 09:01:05] 산책 모임: \u200eMessages and calls are end-to-end encrypted.",
        "[13/10/2026, 09:01:06] ~\u202f\u202a나래\u202c: 안녕",
        "둘째 줄: 그대로",
        "",
        "넷째 줄",
        "\u200e[13/10/2026, 09:01:40] 나래: \u200e<attached: 00000002-PHOTO-2026-10-13.jpg>",
        "\u200e[13/10/2026, 09:01:41] 나래: 이것 봐 \u200e<첨부: 00000003-VIDEO-2026-10-13.mp4>",
        "\u200e[13/10/2026, 09:01:42] 나래: \u200e스티커 생략됨",
        "[13/10/2026, 09:01:43] 나래: 고침 \u200e<This message was edited>",
        "[13/10/2026, 09:01:44] 나래: @\u2068다온\u2069 와",
        "\u200e[13/10/2026, 09:01:45] 산책 모임: \u200e나래 added 다온",
        "\u200e[13/10/2026, 09:01:46] 나래: \u200eThis message was deleted.",
    )
    assert [(m.speaker, m.text.lstrip("\u200e"), m.kind, m.media) for m in messages] == [
        ("", "Messages and calls are end-to-end encrypted.", "system", ""),
        ("나래", "안녕\n둘째 줄: 그대로\n\n넷째 줄", "message", ""),
        ("나래", "<attached: 00000002-PHOTO-2026-10-13.jpg>", "media", "photo"),
        ("나래", "이것 봐", "message", ""),
        ("나래", "스티커 생략됨", "media", "emoticon"),
        ("나래", "고침", "message", ""),
        ("나래", "@다온 와", "message", ""),
        ("", "나래 added 다온", "system", ""),
        ("나래", "This message was deleted.", "media", "deleted"),
    ]
    assert account.room == "산책 모임" and account.lines["continuation"] == 3


def test_the_lines_of_android_are_told_apart(read):
    messages, _ = read(
        '13/10/2026, 09:01 - 나래 changed the subject from "a: b" to "c"',
        "13/10/2026, 09:01 - 나래: IMG-20261013-WA0001.jpg (파일 첨부됨)",
        "이 사진 좀 봐",
        "13/10/2026, 09:01 - 나래: 일정표.pdf (file attached)",
        "13/10/2026, 09:01 - 나래: <미디어 파일을 제외한 메시지>",
        "13/10/2026, 09:01 - 나래: <굵게> 아님",
        "13/10/2026, 09:01 - 나래:",
    )
    assert [(m.speaker, m.text, m.media) for m in messages] == [
        ("", '나래 changed the subject from "a: b" to "c"', ""),
        ("나래", "이 사진 좀 봐", ""),
        ("나래", "일정표.pdf (file attached)", "file"),
        ("나래", "<미디어 파일을 제외한 메시지>", "attachment"),
        ("나래", "<굵게> 아님", ""),
        ("나래", "", ""),
    ]


def test_a_late_message_is_one_and_a_pasted_line_is_text(read):
    lines = [f"13/10/2026, 09:{minute:02} - 나래: {minute}" for minute in range(30)]
    late = "13/10/2026, 06:00 - 나래: 밤새 오지 않던 말"
    pasted = "13/10/2026, 06:00 - 모르는 사람: 다른 방의 말"
    messages, account = read(*lines[:15], late, lines[15], pasted, lines[3], *lines[16:])
    assert len(messages) == 31 and messages[15].text == "밤새 오지 않던 말"
    assert messages[16].text == f"15\n{pasted}\n{lines[3]}" and account.lines["imitation"] == 2


def test_lines_before_the_first_message_are_counted(read):
    messages, account = read("잘린 글", "13/10/2026, 09:01 - 나래: 응")
    assert len(messages) == 1 and account.lines["unparsed"] == 1


def test_a_zip_of_an_iphone_is_read_and_named_by_its_file(tmp_path):
    path = tmp_path / "WhatsApp Chat - 산책.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("_chat.txt", "[13/10/2026, 09:01:05] 나래: 응\r\n")
        archive.writestr("00000002-PHOTO-2026-10-13.jpg", "none")
    assert [m.text for m in read_messages(path)] == ["응"]
    assert find_parts(path)[0].reader.name == "whatsapp" and room_of(path.stem) == "산책"
