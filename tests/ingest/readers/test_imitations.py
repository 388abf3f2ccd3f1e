"""What people write that looks like the format: dates, schedules, quoted exports, notices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.ingest.readers import read_messages
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.kakaotalk_grammar import media_kind
from chatbot.ingest.readers.text import shape_of

WINDOWS = "나래 님과 카카오톡 대화\n저장한 날짜 : 2026-10-02 09:30:11\n\n--------------- 2026년 9월 30일 수요일 ---------------\n"
NEXT_DAY = "--------------- 2026년 10월 1일 목요일 ---------------\n"
CLIPBOARD = "2026년 9월 30일 수요일\n"
ANDROID = "나래 님과 카카오톡 대화\n저장한 날짜 : 2026년 10월 2일 오후 11:29\n\n\n"
IOS = "Talk_2026.10.2 09:00-1.txt\n저장한 날짜 : 2026. 10. 2. 오후 11:00\n\n"
JOINED = "라온님이 들어왔습니다.운영정책을 위반한 메시지로 신고 접수 시 카카오톡 이용에 제한이 있을 수 있습니다. "
NOTICE = "불법촬영물등 식별 및 게재제한 조치 안내"
PARAGRAPH = "그룹 오픈채팅방에서 동영상・압축파일 전송 시 전송을 제한하는 조치가 적용됩니다."


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "export.txt"
        path.write_text(text, encoding="utf-8")
        account = Account()
        messages = list(read_messages(path, account=account))
        assert account.n_lines == text.count("\n")
        assert account.lines["unparsed"] == 0
        return messages

    return read


def spoken(messages):
    return [(m.speaker, m.text) for m in messages if m.kind == "message"]


DATES = [
    "2024-05-30", "2026-10-01", "May 30, 2024", "October 1, 2026", "[2024년 5월 30일]", "[2026년 10월 1일]", "2026년 10월 1일",
    "2026년 10월 1일 목요일", "2030년 1월 1일", "--------------- 2031년 1월 1일 수요일 ---------------", "----- 2026년 10월 1일 -----",
    "--------------- 2026년 9월 30일 수요일 ---------------",
]  # fmt: skip


@pytest.mark.parametrize("date", DATES)
@pytest.mark.parametrize("rest", ["", "\n장소는 역 앞"])
def test_windows_date_inside_a_message_never_moves_the_clock(read, date, rest):
    messages = read(
        f"{WINDOWS}[가람] [오전 9:01] 모임\n{date}{rest}\n[나래] [오전 9:02] 응\n{NEXT_DAY}[가람] [오전 8:00] 굿모닝\n"
    )
    assert spoken(messages) == [
        ("가람", f"모임\n{date}{rest}"),
        ("나래", "응"),
        ("가람", "굿모닝"),
    ]
    assert [(m.sent_at.month, m.sent_at.day) for m in messages] == [(9, 30), (9, 30), (10, 1)]


@pytest.mark.parametrize(
    "date", [date for date in DATES if "-----" not in date and "목" not in date]
)
def test_copied_window_keeps_the_form_of_its_first_day_line(read, date):
    messages = read(f"{CLIPBOARD}[가람] [오전 9:01] 모임\n{date}\n[나래] [오전 9:02] 응\n")
    assert spoken(messages) == [("가람", f"모임\n{date}"), ("나래", "응")]
    assert {m.sent_at.day for m in messages} == {30}


@pytest.mark.parametrize(
    "date",
    ["2026년 10월 9일 금요일", "2026년 10월 2일 금요일", "2026-10-02", "2026년 10월 9일 오후 3:00"],
)
@pytest.mark.parametrize(
    "follows", ["", "라온님이 들어왔습니다.", "2026. 10. 2. 오후 8:12: 라온님이 들어왔습니다."]
)
def test_ios_date_line_before_a_join_notice_is_text(read, date, follows):
    tail = f"{follows}\n" if follows else ""
    messages = read(
        f"{IOS}2026년 10월 2일 금요일\n2026. 10. 2. 오후 8:11, 가람 : 모임\n{date}\n{tail}2026. 10. 2. 오후 8:13, 나래 : 응\n"
    )
    quoted = f"\n{follows}" if follows.startswith("라") else ""
    assert spoken(messages) == [("가람", f"모임\n{date}{quoted}"), ("나래", "응")]


def test_android_stamp_alone_in_a_message_is_text(read):
    stamp = "2026년 10월 2일 오후 3:00"
    line = "2026년 10월 {}일 오전 9:0{}"
    first, second = line.format(1, 1), line.format(2, 2)
    messages = read(
        f"{ANDROID}{first}\n{first}, 가람 : 회의\n{stamp}\n역 앞\n\n{second}\n{second}, 나래 : 응\n"
    )
    assert spoken(messages) == [("가람", f"회의\n{stamp}\n역 앞"), ("나래", "응")]


@pytest.mark.parametrize(
    "line",
    [
        "오후 3:00, 점심 : 김밥",
        "2026년 9월 30일 오후 3:00, 점심 : 김밥",
        "2026. 9. 30. 오후 3:00: 회의",
        "Sep 30, 2026 at 15:00, lunch : rice",
        "[점심] [15:00] 김밥",
        "[lunch] [3:00 PM] rice",
        "[점심] [PM 3:00] 김밥",
    ],
)
def test_windows_schedule_in_another_dialect_is_no_speaker(read, line):
    messages = read(
        f"{WINDOWS}[가람] [오전 9:01] 일정\n{line}\n[나래] [오전 9:02] 응\n[가람] [오후 4:00] 끝\n"
    )
    assert spoken(messages) == [("가람", f"일정\n{line}"), ("나래", "응"), ("가람", "끝")]


@pytest.mark.parametrize("n_pasted", [1, 3])
def test_windows_schedule_in_its_own_form_does_not_swallow_the_morning(read, n_pasted):
    pasted = "".join(f"[점심] [오후 {n + 1}:00] 김밥\n" for n in range(n_pasted))
    later = "".join(f"[나래] [오전 9:1{n}] {n}\n" for n in range(n_pasted + 2))
    messages = read(
        f"{WINDOWS}[가람] [오전 9:01] 일정\n{pasted}{later}{NEXT_DAY}[가람] [오전 8:00] 끝\n"
    )
    assert spoken(messages) == [
        ("가람", f"일정\n{pasted}".strip()),
        *(("나래", str(n)) for n in range(n_pasted + 2)),
        ("가람", "끝"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "[나래] [오전 9:10] 이렇게",
        "오전 9:10, 나래 : 이렇게",
        "2026. 10. 2. 오전 9:10, 나래 : 이렇게",
        "Oct 2, 2026 at 09:10, 나래 : so",
    ],
)
def test_android_line_quoted_from_another_dialect_is_text(read, line):
    messages = read(
        f"{ANDROID}2026년 10월 2일 오전 9:10, 가람 : 봐\n{line}\n2026년 10월 2일 오전 9:11, 나래 : 응\n"
    )
    assert spoken(messages) == [("가람", f"봐\n{line}"), ("나래", "응")]


@pytest.mark.parametrize("is_last", [True, False])
def test_transcript_of_this_morning_does_not_swallow_who_quotes_it(read, is_last):
    morning = "".join(f"[나래] [오전 9:0{n}] {n}\n" for n in range(6))
    tail = "" if is_last else "[나래] [오후 3:01] 미안\n"
    messages = read(
        f"{WINDOWS}{morning}[나래] [오전 9:05] 끝\n[가람] [오후 3:00] 이거\n{morning}{tail}"
    )
    assert ("가람", f"이거\n{morning}".strip()) in spoken(messages)


def test_first_message_is_real_whatever_is_pasted_into_it(read):
    pasted = "".join(f"January 1, 2026, 12:0{n} AM, 점심 : 김밥\n" for n in range(3))
    messages = read(
        f"2026년 1월 1일 목요일\n오전 12:11, 가람 : 봐\n{pasted}오전 12:12, 나래 : 응\n"
    )
    assert spoken(messages) == [("가람", f"봐\n{pasted}".strip()), ("나래", "응")]


@pytest.mark.parametrize("rest", [": 안녕", " : 안녕", ": 비율은 3 : 2"])
def test_empty_nickname_on_a_phone_is_a_speaker(read, rest):
    messages = read(f"{IOS}2026. 10. 2. 오전 9:01, {rest}\n")
    assert spoken(messages) == [("", rest.split(": ", 1)[1])]


@pytest.mark.parametrize("blank", ["", "\n"])
@pytest.mark.parametrize("notice", [f"{NOTICE}\n{PARAGRAPH}", f"{NOTICE} {PARAGRAPH}"])
@pytest.mark.parametrize(
    ("before", "joined", "after"),
    [
        (f"{WINDOWS}[가람] [오전 9:01] 안녕", JOINED, "[나래] [오전 9:02] 어서 와"),
        (f"{ANDROID}2026년 10월 2일 오전 9:01, 가람 : 안녕", f"2026년 10월 2일 오전 9:02, {JOINED}", "2026년 10월 2일 오전 9:02, 나래 : 어서 와"),
        (f"{IOS}2026. 10. 2. 오전 9:01, 가람 : 안녕", f"2026. 10. 2. 오전 9:02: {JOINED}", "2026. 10. 2. 오전 9:02, 나래 : 어서 와"),
    ],
)  # fmt: skip
def test_open_chat_notices_are_no_words_of_a_speaker(read, before, joined, after, notice, blank):
    messages = read(f"{before}\n{joined}\n{blank}{notice}\n{after}\n")
    assert spoken(messages) == [("가람", "안녕"), ("나래", "어서 와")]
    events = "\n".join(m.text for m in messages if m.kind == "system")
    assert events.replace("\n\n", "\n") == f"{JOINED}\n{notice}"


def test_csv_open_chat_notice_is_a_system_row(read):
    text = f'Date,User,Message\n2026-10-02 09:01:05,"라온","{JOINED}\n\n{NOTICE}\n{PARAGRAPH}"\n'
    assert [m.kind for m in read(text)] == ["system"]


def test_sentence_about_illegal_recording_is_heard(read):
    text = "불법촬영물 신고는 112"
    messages = read(f"{WINDOWS}[가람] [오전 9:01] 참고\n{text}\n[나래] [오전 9:02] 응\n")
    assert spoken(messages)[0] == ("가람", f"참고\n{text}")


@pytest.mark.parametrize("text", [
    "카카오톡 프로필 사진 바꿨네?", "송금봉투 어떻게 보내?", "파일: 이거 언제까지야?", "(이모티콘) 생일 축하해…", "자동환불 되는 거야?",
    "연락처: 이따 보내줄게!", "지도: 여기로 오면 돼?", "라이브톡 시작하면 알려 줘", "보이스룸 언제 종료", "톡게시판 '공지' 봤어",
    "5,000원을 받으세요 제발ㅋㅋ", "운영정책을 위반하면 어떻게 돼", "Video Call tomorrow?", "File: which one", "Live Talk started yet?",
    "송금이 취소되었어요 왜죠", "보이스톡 해요 우리", "사진 3장 보냈어", "Map: is it far?", "(emoticon) happy birthday",
])  # fmt: skip
def test_sentence_that_begins_with_a_media_word_is_a_message(text):
    assert media_kind(text) is None


@pytest.mark.parametrize("text", [
    "카카오톡 프로필", "카카오톡 프로필: 가람", "송금봉투가 도착했어요", "송금봉투를 받았어요", "송금봉투를 보냈습니다.", "자동환불 예정", "파일: 코스 안내.hwp",
    "(이모티콘)", "연락처", "연락처: 김가람", "지도: 서울 중구 세종대로 1", "라이브톡 종료 3:20", "보이스룸이 방금 시작했어요.", "보이스룸 종료",
    "톡게시판 '투표': 저녁", "30,400원을 받으세요.", "5,000원 받기 완료! 받은 내역은 지갑에", "운영정책을 위반하여 가려진 메시지입니다.",
    "Video Call 0:17", "Voice Call", "Live Talk ended 3:20", "File: plan v2.pdf", "보이스톡 1:02:03", "그룹콜 종료 12:10", "4 photos", f"{'0a' * 32}.png",
])  # fmt: skip
def test_placeholder_is_media(text):
    assert media_kind(text)


@given(st.text(max_size=80))
def test_shape_of_a_line_holds_nothing_that_a_terminal_obeys(line):
    assert shape_of(line).isprintable()
