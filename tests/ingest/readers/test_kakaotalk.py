"""KakaoTalk exports: every dialect, and what people write that looks like one."""

import unicodedata
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.errors import ExportError
from chatbot.ingest.readers import KST, read_messages
from chatbot.ingest.readers.account import LINE_CLASSES, Account

WINDOWS = "나래 님과 카카오톡 대화\n저장한 날짜 : 2026-10-02 09:30:11\n\n--------------- 2026년 10월 2일 금요일 ---------------\n"
ANDROID = "\ufeff나래 님과 카카오톡 대화\r\n저장한 날짜 : 2026년 10월 2일 오후 11:29\n\r\n\r\n"
IOS = "\ufeffTalk_2026.10.2 09:00-1.txt\r\n저장한 날짜 : 2026. 10. 2. 오후 11:00\r\n\r\n"


@pytest.fixture
def read(tmp_path):
    """Read a text as an export: [(time, speaker, text, kind)], and the account of its lines."""

    def read(text, encoding="utf-8"):
        path = tmp_path / "export.txt"
        path.write_bytes(text.encode(encoding))
        account = Account()
        messages = list(read_messages(path, account=account))
        n_lines = len(path.read_bytes().decode(encoding).split("\n")) - text.endswith("\n")
        assert account.n_lines == n_lines, account.lines
        return messages, account

    return read


def said(messages):
    return [(m.speaker, m.text) for m in messages if m.kind == "message"]


DIALECTS = {
    "windows ko": WINDOWS + "[가람] [오전 9:01] 안녕\n",
    "windows 24h": WINDOWS + "[가람] [9:01] 안녕\n",
    "windows en": "Hiking with KakaoTalk Chats\nDate Saved : 2026-10-02 09:30:11\n\n--------------- Friday, October 2, 2026 ---------------\n[가람] [9:01 AM] 안녕\n",
    "windows am first": WINDOWS + "[가람] [AM 9:01] 안녕\n",
    "clipboard": "2026년 10월 2일 금요일\n[가람] [오전 9:01] 안녕\n",
    "android ko": ANDROID + "2026년 10월 2일 오전 9:01\r\n2026년 10월 2일 오전 9:01, 가람 : 안녕\r\n",
    "android en": "KakaoTalk Chats with Mina\nDate Saved : October 2, 2026, 9:30 AM\n\n\nOctober 2, 2026, 9:01 AM\nOctober 2, 2026, 9:01 AM, 가람 : 안녕\n",
    "android en at": "KakaoTalk Chats with Mina\nDate Saved : October 2, 2026, 9:30 AM\nOctober 2, 2026 at 9:01\u202fAM, 가람 : 안녕\n",
    "android old": "KakaoTalk Chats with Mina\nDate Saved : October 2, 2026, 9:30 AM\n9:01AM October 2, 2026, 가람 : 안녕\n",
    "ios ko": IOS + "2026년 10월 2일 금요일\r\n2026. 10. 2. 오전 9:01, 가람 : 안녕\r\n",
    "ios 24h": IOS + "2026. 10. 2. 9:01, 가람 : 안녕\r\n",
    "ios en": "KakaoTalk Chats with Mina (4 people)-1.txt\nDate Saved : Oct 2, 2026 at 09:00\n\nFriday, October 2, 2026\nOct 2, 2026 at 09:01, 가람 : 안녕\n",
    "ios en 12h": "KakaoTalk Chats with Mina\nDate Saved : Oct 2, 2026 09:00\nOct 2, 2026, 9:01 AM, 가람 : 안녕\n",
    "time only": "2026년 10월 2일 금요일\n오전 9:01, 가람 : 안녕\n",
    "weekday stamp": ANDROID + "2026년 10월 2일 금요일 오전 9:01, 가람 : 안녕\n",
    "csv": "\ufeffDate,User,Message\n2026-10-02 09:01:05,\"가람\",\"안녕\"\n",
    "csv unquoted": "Date,User,Message\r\n2026-10-02 09:01:05,가람,안녕\r\n",
}  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp949"])
def test_every_dialect_gives_the_same_message(read, dialect, encoding):
    text = DIALECTS[dialect]
    if encoding == "cp949":
        text = text.replace("\ufeff", "").replace("\u202f", " ")
    if encoding == "utf-16":
        text = text.replace("\ufeff", "")
    (message,), _ = read(text, encoding)
    assert (message.speaker, message.text) == ("가람", "안녕")
    assert message.sent_at.replace(second=0) == datetime(2026, 10, 2, 9, 1, tzinfo=KST)


@pytest.mark.parametrize("line", [
    "[가람] [오후 13:05] 없는 시각", "2026년 2월 30일 오전 9:05, 나래 : 없는 날", " [나래] [오전 9:05] 들여 쓴 줄",
    "[나래] [오전 8:01] 지난 대화를 붙여 넣음", "2026년 10월 1일 오전 9:05, 나래 : 어제 대화", "그냥 줄", "9:05 약속",
    "[공지] 오전 9:05", "2031년 1월 1일 오전 9:00, 나래 : 먼 훗날",
])  # fmt: skip
def test_a_line_that_imitates_a_header_stays_in_the_message(read, line):
    messages, account = read(f"{WINDOWS}[가람] [오전 9:02] 처음\n{line}\n[나래] [오전 9:06] 다음\n")
    assert said(messages) == [("가람", f"처음\n{line}"), ("나래", "다음")]
    assert account.lines["unparsed"] == 0


@pytest.mark.parametrize(("name", "line"), [
    ("다온 [총무]", "[다온 [총무]] [오전 9:01] 네"), ("가람", "[가람] [오전 9:01] [나래] [오전 9:11] 이렇게 왔어"),
    ("", "[] [오전 9:01] 빈 이름"), ("🦊여우", "[🦊여우] [오전 9:01] 캥"),
    ("팀:A", "2026년 10월 2일 오전 9:01, 팀:A : 비율은 3 : 2"), ("김, 이", "2026년 10월 2일 오전 9:01, 김, 이 : 쉼표, 이름"),
])  # fmt: skip
def test_names_and_bodies_may_hold_the_marks_of_the_format(read, name, line):
    (message,), _ = read(WINDOWS + line + "\n")
    assert message.speaker == name
    assert line.endswith(message.text)


def test_name_with_a_spaced_colon_is_found_by_its_recurrence(read):
    lines = "".join(f"2026년 10월 2일 오전 9:0{n}, A : B : {n}번\n" for n in range(4))
    messages, _ = read(ANDROID + lines + "2026년 10월 2일 오전 9:05, 나래 : 비율은 3 : 2\n")
    assert said(messages) == [*(("A : B", f"{n}번") for n in range(4)), ("나래", "비율은 3 : 2")]


def test_multi_line_message_keeps_its_blank_lines_but_not_those_at_its_end(read):
    messages, account = read(f"{WINDOWS}[가람] [오전 9:01] 하나\n\n셋\n\n\n[나래] [오전 9:02] 네\n")
    assert said(messages) == [("가람", "하나\n\n셋"), ("나래", "네")]
    assert account.lines["continuation"] == 2


@pytest.mark.parametrize(
    "word",
    [
        "사진",
        "사진 3장",
        "Photo",
        "이모티콘",
        "파일: a.pdf",
        "보이스톡 0:17",
        "삭제된 메시지입니다.",
        "샵검색: #날씨",
        "톡게시판 '공지': 내일",
    ],
)
def test_media_words_are_media_only_alone(read, word):
    messages, _ = read(
        f"{WINDOWS}[가람] [오전 9:01] {word}\n[가람] [오전 9:02] {word}\n이어서\n[가람] [오전 9:03] 내 {word}!\n"
    )
    assert [m.kind for m in messages] == ["media", "message", "message"]


@pytest.mark.parametrize(
    "event",
    [
        "라온님이 들어왔습니다.",
        "가람님이 나래님을 초대했습니다.",
        "라온님이 나갔습니다.",
        "가람 left.",
    ],
)
def test_bare_events_are_system_lines_unless_quoted(read, event):
    messages, _ = read(
        f"{WINDOWS}[가람] [오전 9:01] 안녕\n{event}\n[나래] [오전 9:02] 누구\n[가람] [오전 9:03] 이렇게 떴어\n{event}\n라고\n"
    )
    assert [m.kind for m in messages] == ["message", "system", "message", "message"]
    assert messages[-1].text == f"이렇게 떴어\n{event}\n라고"


def test_ios_system_line_with_a_colon(read):
    messages, _ = read(
        IOS
        + "2026. 10. 2. 오후 8:10: 라온님이 들어왔습니다.\r\n2026. 10. 2. 오후 8:11, 가람 : 안녕\r\n"
    )
    assert [(m.kind, m.speaker) for m in messages] == [("system", ""), ("message", "가람")]


def test_person_who_quotes_an_event_on_a_phone_is_heard(read):
    line = "2026년 10월 2일 오전 9:0{}, 가람 : {}\n"
    messages, _ = read(ANDROID + line.format(1, "안녕") + line.format(2, "라온님이 나갔습니다."))
    assert said(messages) == [("가람", "안녕"), ("가람", "라온님이 나갔습니다.")]


def test_date_in_a_notice_is_no_day_line(read):
    notice = "모임 공지\n2026년 10월 9일 금요일\n장소는 역 앞"
    messages, _ = read(
        IOS + f"2026. 10. 2. 오후 8:11, 가람 : {notice}\n2026. 10. 2. 오후 8:12, 나래 : 네\n"
    )
    assert said(messages) == [("가람", notice), ("나래", "네")]


@pytest.mark.parametrize("n_pasted", [1, 2, 5])
def test_pasted_future_stamps_stay_in_their_message_and_lose_no_later_one(read, n_pasted):
    line = "2026년 10월 {}일 오전 9:0{}, 가람 : {}\n"
    pasted = "".join(f"2030년 1월 {n + 1}일 오전 9:00, 점심 : 김밥\n" for n in range(n_pasted))
    later = "".join(line.format(2 + n, n, n) for n in range(n_pasted + 2))
    messages, account = read(
        "나래 님과 카카오톡 대화\n\n" + line.format(1, 0, "일정") + pasted + later
    )
    assert said(messages) == [
        ("가람", f"일정\n{pasted}".strip()),
        *(("가람", str(n)) for n in range(n_pasted + 2)),
    ]
    assert account.lines["imitation"] == n_pasted


def test_chunks_glued_together_are_one_room(read):
    one = IOS + "2026년 10월 1일 목요일\n2026. 10. 1. 오후 8:11, 가람 : 하나\n"
    messages, account = read(
        one + IOS.lstrip("\ufeff") + "2026년 10월 1일 목요일\n2026. 10. 1. 오후 8:12, 가람 : 둘\n"
    )
    assert [text for _, text in said(messages)] == ["하나", "둘"]
    assert account.lines["header"] == 4


def test_two_rooms_in_one_file_are_refused(read):
    other = (
        WINDOWS.replace("나래", "다온").replace("10월 2일", "10월 3일").replace("10-02", "10-03")
    )
    with pytest.raises(ExportError, match="line 6 begins another room"):
        read(WINDOWS + "[가람] [오전 9:01] 하나\n" + other + "[가람] [오전 9:02] 둘\n")


def test_pasted_export_stays_in_the_message_it_was_pasted_into(read):
    pasted = "다온 님과 카카오톡 대화\n저장한 날짜 : 2025-10-02 09:30:11"
    messages, _ = read(f"{WINDOWS}[가람] [오전 9:01] 봐\n{pasted}\n[나래] [오전 9:02] 응\n")
    assert said(messages)[0] == ("가람", f"봐\n{pasted}")


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_truncated_file_keeps_all_before_the_cut(tmp_path, cut):
    lines = ANDROID + "".join(f"2026년 10월 2일 오전 9:0{n}, 가람 : 메시지 {n}\n" for n in range(5))
    path = tmp_path / "cut.txt"
    path.write_bytes(lines.encode()[:-cut])
    messages = list(read_messages(path))
    assert [m.text for m in messages[:3]] == [f"메시지 {n}" for n in range(3)]


def test_csv_with_quotes_commas_newlines_and_undated_rows(read):
    rows = (
        'Date,User,Message\n2026-10-02 09:01:05,"가람","회의 3시, 맞지?"\n2026-10-02 09:01:40,"나래","응\n회의실은 ""바다"" 로"\n'
        ',"","관리자가 메시지를 가렸습니다."\n2026-10-02 09:03:00,"라온","라온님이 나갔습니다."\n'
    )
    messages, account = read(rows)
    assert said(messages) == [("가람", "회의 3시, 맞지?"), ("나래", '응\n회의실은 "바다" 로')]
    assert account.lines == {"header": 1, "message": 2, "continuation": 1, "system": 2}


def test_csv_with_unescaped_quotes_loses_nothing(read):
    messages, _ = read(
        'Date,User,Message\n2026-10-02 09:01:05,"가람","그가 "응" 이라고, 했어"\n2026-10-02 09:02:05,"나래","둘\n셋"\n'
    )
    assert said(messages) == [("가람", '그가 "응" 이라고, 했어'), ("나래", "둘\n셋")]


CSV_BODIES = [
    '그가 "응" 했어',
    '"시작',
    '끝"',
    '"전부"',
    '"앞" 과 "뒤"',
    'a, "b", c',
    '줄\n"둘"',
    '5" 모니터',
    "그냥",
    'x",y',
]


@pytest.mark.parametrize("first", CSV_BODIES)
@pytest.mark.parametrize("second", CSV_BODIES)
def test_csv_with_unescaped_quotes_keeps_every_message(read, first, second):
    texts = [first, second, "마지막"]
    rows = "".join(f'2026-10-02 09:0{n}:05,"가람","{text}"\n' for n, text in enumerate(texts))
    messages, _ = read(f"Date,User,Message\n{rows}")
    assert said(messages) == [("가람", text) for text in texts]


def test_csv_that_is_cut_off_keeps_its_quotes_and_lines(tmp_path):
    path = tmp_path / "cut.csv"
    path.write_text(
        'Date,User,Message\n2026-10-02 09:01:05,"가람","""응"" 했어"\n2026-10-02 09:02:05,"나래","둘\n셋',
        encoding="utf-8",
    )
    messages = list(read_messages(path))
    assert said(messages) == [("가람", '"응" 했어'), ("나래", "둘\n셋")]


@pytest.mark.parametrize("text", ["", "\n\n", "그냥 글\n두 줄", "a,b\n1,2\n"])
def test_other_files_are_refused_by_shape_not_by_text(tmp_path, text):
    path = tmp_path / "other.txt"
    path.write_text(text)
    with pytest.raises(ExportError, match=r"unrecognized export|an empty file") as caught:
        list(read_messages(path))
    assert "그냥" not in str(caught.value)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=200))
def test_any_body_is_kept_and_every_line_counted(tmp_path_factory, body):
    path = tmp_path_factory.mktemp("any") / "a.txt"
    text = f"{WINDOWS}[가람] [오전 9:01] x{body}\n[나래] [오전 9:02] 끝\n"
    path.write_bytes(text.encode())
    account = Account()
    messages = list(read_messages(path, account=account))
    assert account.n_lines == text.count("\n")
    assert set(account.lines) <= set(LINE_CLASSES)
    assert messages[0].text.split("\n")[0].startswith("x")
    assert messages[-1].text.endswith("끝")


def test_an_export_taken_apart_by_a_mac_is_put_together(read):
    whole = WINDOWS + "[가람] [오전 9:01] 안녕 사진\n[가람] [오전 9:02] 사진\n"
    messages, account = read(unicodedata.normalize("NFD", whole))
    assert [(m.speaker, m.text, m.kind) for m in messages] == [
        ("가람", "안녕 사진", "message"),
        ("가람", "사진", "media"),
    ]
    assert account.room == "나래"


def test_a_clipboard_copy_without_a_day_passes_midnight(read):
    clocks = ["오전 12:05", "오후 11:58", "오후 11:59", "오전 12:15", "오전 12:16"]
    messages, _ = read("".join(f"[가람] [{clock}] {n}\n" for n, clock in enumerate(clocks)))
    assert [text for _, text in said(messages)] == list("01234")
    assert all(m.sent_at is None for m in messages)


def test_a_line_of_a_million_characters_takes_linear_time(read):
    messages, _ = read(
        f"{WINDOWS}[가람] [오전 9:01] {'ㅋ' * 1_000_000}\n{'[' * 100_000}\n{'가 : ' * 50_000}\n"
    )
    assert len(messages[0].text) > 1_000_000
