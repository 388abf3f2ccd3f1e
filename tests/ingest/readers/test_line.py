"""LINE's exports: lines as its phones and PCs write them."""

import pytest

from chatbot.errors import ExportError
from chatbot.ingest.readers import find_parts
from chatbot.ingest.readers.registry import room_of
from tests.ingest.readers.reading import at, read_lines_of


def spoken(messages):
    return [(m.speaker, m.text, m.media or m.kind) for m in messages]


def test_a_japanese_chat_is_read(tmp_path):
    messages, account = read_lines_of(
        tmp_path,
        "[LINE] 悠斗とのトーク履歴",
        "保存日時：2026/10/02 09:00",
        "",
        "2026/10/02(金)",
        "09:01\t悠斗\tおはよう",
        '09:02\t陽菜\t"二行',
        "",
        '「""三""」です"',
        "09:03\t\t陽菜が退出しました",
        "09:04\t悠斗がメッセージの送信を取り消しました",
        "午後9:05\t悠斗\t[スタンプ]",
        "21:06\t悠斗\t☎ 通話時間 1:23",
        "",
        "2026/10/03(土)",
        "0:07\t悠斗\t寝る",
    )
    assert spoken(messages) == [
        ("悠斗", "おはよう", "message"),
        ("陽菜", '二行\n\n「"三"」です', "message"),
        ("", "陽菜が退出しました", "system"),
        ("", "悠斗がメッセージの送信を取り消しました", "system"),
        ("悠斗", "[スタンプ]", "emoticon"),
        ("悠斗", "☎ 通話時間 1:23", "call"),
        ("悠斗", "寝る", "message"),
    ]
    assert messages[4].sent_at == at(2026, 10, 2, 21, 5)
    assert messages[-1].sent_at == at(2026, 10, 3, 0, 7)
    assert account.room == "悠斗" and account.lines["header"] == 2 and account.lines["day"] == 2


@pytest.mark.parametrize(
    ("header", "saved", "day", "clock", "room"),
    [
        ("[LINE] Chat history with 나래", "Saved on: 2026/10/02 09:00", "2026.10.02 Friday", "21:05", "나래"),
        ("[LINE] Chat history in 산책", "Saved on: 10/2/2026 09:00", "Fri, 10/02/2026", "9:05PM", "산책"),
        ("[LINE] Chat history in 산책", "Saved on: 10/2/2026 09:00", "Fri, 02/10/2026", "9:05 PM", "산책"),
        ("[LINE] 산책のトーク履歴", "保存日時：2026/10/02 09:00", "2026/10/02(金)", "午後9:05", "산책"),
        ("與나래的聊天記錄", "儲存日期：2026/10/02 09:00", "2026/10/2週五", "下午9:05", "나래"),
        ("[LINE] 与나래的聊天记录", "保存日期：2026/10/02 09:00", "2026/10/2周五", "下午9:05", "나래"),
        ("[LINE] 나래님과의 대화", "저장한 날짜: 2026/10/02 09:00", "2026.10.02 금요일", "오후 9:05", "나래"),
        ("[LINE] ประวัติการแชทกับ나래", "บันทึกเมื่อ: 2026/10/02 09:00", "ศ., 2/10/2026", "21:05", "나래"),
    ],
)  # fmt: skip
def test_headers_and_day_lines_of_other_languages_are_read(
    tmp_path, header, saved, day, clock, room
):
    messages, account = read_lines_of(tmp_path, header, saved, "", day, f"{clock}\t나래\t응")
    assert [(m.speaker, m.sent_at) for m in messages] == [("나래", at(2026, 10, 2, 21, 5))]
    assert account.room == room and dict(account.lines) == {
        "header": 2, "blank": 1, "day": 1, "message": 1,
    }  # fmt: skip


def test_a_pc_export_without_header_and_tabs_is_read(tmp_path):
    names = ("나래", "Mina Kim")
    lines = [f"09:{n:02} {names[n % 2]} {n}번째 말" for n in range(12)]
    messages, account = read_lines_of(
        tmp_path,
        "2026.10.02 Friday",
        *lines,
        "이어지는 줄",
        "12:30 점심 약속",
        "09:30 Mina Kim left the group.",
    )
    assert {m.speaker for m in messages} == {"나래", "Mina Kim", "", "점심"}
    assert messages[1].text == "1번째 말" and messages[11].text == "11번째 말\n이어지는 줄"
    assert messages[-1].kind == "system" and account.lines["unparsed"] == 0


def test_a_quote_that_never_closes_swallows_no_message(tmp_path):
    messages, _ = read_lines_of(
        tmp_path,
        "2026.10.02 Friday",
        '09:01\t나래\t"따옴표만',
        "09:02\t다온\t응",
        '09:03\t나래\t"끝"',
    )
    assert [m.text for m in messages] == ['"따옴표만', "응", '"끝"']


def test_a_date_within_a_message_opens_no_day(tmp_path):
    messages, account = read_lines_of(
        tmp_path,
        "2026.10.02 Friday",
        "09:01\t나래\t다음 모임은",
        "2026.10.09 Friday",
        "맞지?",
        "09:02\t다온\t응",
    )
    assert len(messages) == 2 and account.lines["day"] == 1


def test_two_rooms_in_a_file_are_refused(tmp_path):
    header = ("[LINE] Chat history with {}", "Saved on: 2026/10/02 09:00")
    day = ("", "2026.10.02 Friday", "09:01\t나래\t응")
    first, second = ([line.format(room) for line in (*header, *day)] for room in ("나래", "다온"))
    with pytest.raises(ExportError, match="another room"):
        read_lines_of(tmp_path, *first, *second)


def test_a_file_name_names_the_room(tmp_path):
    assert room_of("[LINE] Chat with 나래") == room_of("[LINE]나래とのトーク") == "나래"
    read_lines_of(tmp_path, "2026.10.02 Friday", "09:01\t나래\t응")
    assert find_parts(tmp_path / "x.txt")[0].reader.name == "line"
