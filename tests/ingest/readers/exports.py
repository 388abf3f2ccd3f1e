"""Whole chats and the exports that KakaoTalk makes of them, written from the formats alone.

`DIALECTS` write what happened in a room as a phone or PC does; `rooms` draws what happened, with
whatever people write that looks like an export. Nothing here knows how the reader reads.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypothesis import strategies as st

from chatbot.ingest.readers import KST

WEEKDAYS = "월화수목금토일"


@dataclass(frozen=True)
class Event:
    """One thing that happened: speech, a placeholder, or (without a speaker) a notice."""

    speaker: str
    text: str
    at: datetime
    kind: str = "message"


@dataclass(frozen=True)
class Dialect:
    """How one program writes a chat."""

    name: str
    write: Callable[[list[Event], str], str]
    quote: Callable[[Event], str]  # one line of speech, as pasted elsewhere
    # Lines of dialects of one family look alike to a reader.
    family: str
    has_seconds: bool = False
    is_bare: bool = False  # notices have no stamp


def hour_ko(at):
    return f"{'오전' if at.hour < 12 else '오후'} {(at.hour - 1) % 12 + 1}:{at:%M}"


def hour_en(at):
    return f"{(at.hour - 1) % 12 + 1}:{at:%M} {'AM' if at.hour < 12 else 'PM'}"


def hour_en_first(at):
    return f"{'AM' if at.hour < 12 else 'PM'} {(at.hour - 1) % 12 + 1}:{at:%M}"


def hour_24(at):
    return f"{at.hour}:{at:%M}"


def hour_24_padded(at):
    return f"{at:%H:%M}"


def date_ko(at):
    return f"{at.year}년 {at.month}월 {at.day}일"


def day_ko(at):
    return f"{date_ko(at)} {WEEKDAYS[at.weekday()]}요일"


def day_en(at):
    return f"{at:%A, %B} {at.day}, {at.year}"


def saved_at(events):
    return max(event.at for event in events) + timedelta(hours=3)


def days(events, mark):
    """Put the line that opens a day before its first event."""
    today = None
    for event in events:
        if event.at.date() != today:
            today = event.at.date()
            yield mark(event.at), None
        yield None, event


def windows(name, hour, is_korean, is_copied=False):
    day = day_ko if is_korean else day_en

    def quote(event):
        return f"[{event.speaker}] [{hour(event.at)}] {event.text}"

    def write(events, room):
        saved = f"{saved_at(events):%Y-%m-%d %H:%M:%S}"
        head = (
            [f"{room} 님과 카카오톡 대화", f"저장한 날짜 : {saved}", ""]
            if is_korean
            else [f"{room} with KakaoTalk Chats", f"Date Saved : {saved}", ""]
        )
        dashes = "" if is_copied else "-" * 15
        lines = [] if is_copied else head
        for opening, event in days(events, lambda at: f"{dashes} {day(at)} {dashes}".strip()):
            lines.append(opening or (quote(event) if event.speaker is not None else event.text))
        return "\n".join(lines) + "\n"

    return Dialect(name, write, quote, f"[] {hour.__name__}".removesuffix("_padded"), is_bare=True)


def mobile(name, stamp, head, family, opening=None):
    """Phones: a stamp on every line; Android opens a day with a bare stamp, iOS with a date."""
    mark = ":" if opening else ","
    is_korean = "KakaoTalk" not in head

    def quote(event):
        return f"{stamp(event.at)}, {event.speaker} : {event.text}"

    def write(events, room):
        saved_word = "저장한 날짜" if is_korean else "Date Saved"
        lines = [head.format(room=room), f"{saved_word} : {stamp(saved_at(events))}", ""]
        for day, event in days(events, opening or stamp):
            if day:
                lines += ["", day]
            elif event.speaker is None:
                lines.append(f"{stamp(event.at)}{mark} {event.text}")
            else:
                lines.append(quote(event))
        return "\n".join(lines) + "\n"

    return Dialect(name, write, quote, family)


def clocks_only():
    def quote(event):
        return f"{hour_ko(event.at)}, {event.speaker} : {event.text}"

    def write(events, room):
        lines = []
        for day, event in days(events, day_ko):
            notice = event and event.speaker is None and f"{hour_ko(event.at)}, {event.text}"
            lines.append(day or notice or quote(event))
        return "\n".join(lines) + "\n"

    return Dialect("time only", write, quote, "clock")


def table(name, quoted):
    """CSV: `quoted` writes one field."""

    def quote(event):
        return f"{event.at:%Y-%m-%d %H:%M:%S},{quoted(event.speaker)},{quoted(event.text)}"

    def write(events, room):
        rows = [quote(e) if e.speaker is not None else f',"",{quoted(e.text)}' for e in events]
        return "\n".join(["Date,User,Message", *rows]) + "\n"

    return Dialect(name, write, quote, "csv", has_seconds=True)


def escaped(text):
    field = io.StringIO()
    csv.writer(field, quoting=csv.QUOTE_ALL, lineterminator="").writerow([text])
    return field.getvalue()


ANDROID_KO = "{room} 님과 카카오톡 대화"
IOS_TALK = "Talk_2026.10.2 09:00-1.txt"
DIALECTS = {
    dialect.name: dialect
    for dialect in (
        windows("windows ko", hour_ko, is_korean=True),
        windows("windows ko 24h", hour_24_padded, is_korean=True),
        windows("windows ko AM first", hour_en_first, is_korean=True),
        windows("windows en", hour_en, is_korean=False),
        windows("windows en 24h", hour_24, is_korean=False),
        windows("copied ko", hour_ko, is_korean=True, is_copied=True),
        windows("copied en", hour_en, is_korean=False, is_copied=True),
        mobile("android ko", lambda at: f"{date_ko(at)} {hour_ko(at)}", ANDROID_KO, "ko"),
        mobile("android ko 24h", lambda at: f"{date_ko(at)} {hour_24(at)}", "{room} 4 카카오톡 대화", "ko"),
        mobile("android en", lambda at: f"{at:%B} {at.day}, {at.year}, {hour_en(at)}", "KakaoTalk Chats with {room}", "en"),
        mobile("android en at", lambda at: f"{at:%B} {at.day}, {at.year} at {hour_en(at)}".replace(" AM", "\u202fAM"), "KakaoTalk Chats {room} (4)", "en"),
        mobile("android old", lambda at: f"{hour_en(at).replace(' ', '')} {at:%B} {at.day}, {at.year}", "KakaoTalk Chats with {room}", "old"),
        mobile("ios ko", lambda at: f"{at.year}. {at.month}. {at.day}. {hour_ko(at)}", IOS_TALK, "dot", opening=day_ko),
        mobile("ios ko 24h", lambda at: f"{at.year}. {at.month}. {at.day}. {hour_24(at)}", "{room} (4명)과 카카오톡 대화-1.txt", "dot", opening=day_ko),
        mobile("ios ko iso", lambda at: f"{at:%Y-%m-%d} {hour_ko(at)}", "{room}님과 카카오톡 대화-1.txt", "iso", opening=day_ko),
        mobile("ios en", lambda at: f"{at:%b} {at.day}, {at.year} at {hour_24_padded(at)}", "KakaoTalk Chats with {room} (4 people)-1.txt", "en", opening=day_en),
        mobile("ios en space", lambda at: f"{at:%b} {at.day}, {at.year} {hour_24_padded(at)}", "KakaoTalk Chats with {room}-1.txt", "en", opening=day_en),
        mobile("ios en 12h", lambda at: f"{at:%b} {at.day}, {at.year}, {hour_en(at)}", "KakaoTalk Chats with {room}", "en", opening=day_en),
        clocks_only(),
        table("csv", escaped),
        table("csv unescaped", lambda text: f'"{text}"'),
        table("csv unquoted", lambda text: text),
    )
}  # fmt: skip

NAMES = [
    "가람", "나래", "다온 [총무]", "팀:A", "김, 이", "🦊여우", "라온님", "Mina", "J. Doe", "[운영] 지기", "오전 9:01", "2026년", "사진",
    "a b  c", "👨‍👩‍👧", unicodedata.normalize("NFD", "하늘"), "님", "x]", "Joon (4)", "-----", ",,", "<|eos|>",
]  # fmt: skip
SENTENCES = [
    "안녕", "ㅋㅋㅋㅋ", "응 알겠어", "저녁 뭐 먹지?", "비율은 3 : 2 로 할게요", "링크: https://example.com/a?b=[c]&d=1,2", "1) 물 2) 간식", "see you at 3",
    "사진 예쁘다", "파일: 이거 언제까지야?", "카카오톡 프로필 사진 바꿨네?", "송금봉투 어떻게 보내?", "(이모티콘) 생일 축하해", "동영상 3개 봤어", "Photo please",
    "He left. Then she joined.", "가람님이 나갔습니다라고 떴어", "😀😃", "👍🏽", "@나래 이거 봐", '그가 "응" 했어', "쉼표, 그리고 , 더", "[공지]", "[나래]", "[오전 9:01]",
    "나래 : 이렇게 썼어", " 앞에 빈칸", "뒤에 빈칸 ", "\t탭", "---------------", ",", ": ", " : ", "-", "<b>굵게</b>", "a\u2028b", "카카오톡 대화 내보내기", "다시 님과 카카오톡 대화",
    unicodedata.normalize("NFD", "자모로 된 글"), "ㄱㅏㄴㅏ", "오후 3시 점심 : 김밥", "9:05 약속", "2026", "12. 25.", "저장한 날짜는 언제야", "Date,User,Message please",
]  # fmt: skip
DATES = [
    "2024-05-30", "May 30, 2024", "[2024년 5월 30일]", "2024년 5월 30일", "2024년 5월 30일 목요일", "2031년 1월 1일 수요일", "2031-01-01", "January 1, 2031",
    "----- 2024년 5월 30일 -----", "--------------- 2024년 5월 30일 목요일 ---------------", "2024. 5. 30.", "2024년 5월 30일 오후 3:00", "5월 30일", "Thursday, May 30, 2024",
    "2023년 2월 30일 오전 9:05, 나래 : 없는 날", "[나래] [오후 13:05] 없는 시각", "May 30, 2024, 3:00 PM", "오후 3:00, 점심 : 김밥", "오전 9:10, 라온님이 나갔습니다.",
]  # fmt: skip
EVENTS = [
    "라온님이 들어왔습니다.", "라온님이 나갔습니다.", "가람님이 라온님을 초대했습니다.", "라온님을 내보냈습니다.", "Joon joined this chatroom.", "Mina invited Joon.",
    "채팅방 관리자가 메시지를 가렸습니다.",
]  # fmt: skip
POLICY = "운영정책을 위반한 메시지로 신고 접수 시 카카오톡 이용에 제한이 있을 수 있습니다. "
NOTICE = "불법촬영물등 식별 및 게재제한 조치 안내\n그룹 오픈채팅방에서 동영상・압축파일 전송 시 전송을 제한하는 조치가 적용됩니다."
NOTICES = [
    *EVENTS,
    f"라온님이 들어왔습니다.{POLICY}",
    f"라온님이 들어왔습니다.{POLICY}\n\n{NOTICE}",
]
MEDIA = [
    "사진", "사진 3장", "동영상", "이모티콘", "(이모티콘)", "음성메시지", "파일: 코스 안내.pdf", "연락처: 김가람", "지도: 서울 중구 세종대로 1", "보이스톡 해요", "보이스톡 0:17",
    "페이스톡 부재중", "라이브톡 시작", "샵검색: #날씨", "톡게시판 '공지': 내일", "카카오톡 프로필", "선물을 보냈습니다.", "30,400원을 받으세요.", "송금봉투가 도착했어요",
    "삭제된 메시지입니다.", "Photo", "3 photos", "Video", "Emoticons", "Voice Note", "File: plan.pdf", "Voice Call 0:17", "This message was deleted.", f"{'0a' * 32}.jpg",
]  # fmt: skip

_characters = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff")
_lines = st.one_of(
    st.sampled_from(SENTENCES), st.sampled_from(DATES), st.text(_characters, max_size=30), st.just("")
)  # fmt: skip


@st.composite
def bodies(draw, dialect, at):
    """Draw what a person writes at a moment: lines, dates, quotes from anywhere."""
    lines = [draw(st.one_of(st.sampled_from(SENTENCES), st.text(_characters, max_size=30)))]
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2, 4]))):
        lines.extend(draw(st.one_of(_lines.map(lambda line: [line]), _quotes(dialect, at))))
    if draw(st.booleans()) and len(lines) > 1:
        lines.append(draw(st.sampled_from(["라고 떴어", "끝!"])))
    return "\n".join(lines)


@st.composite
def _quotes(draw, dialect, at):
    """Draw an event sentence or lines pasted from an export, of another day if it is of this dialect."""
    other = DIALECTS[draw(st.sampled_from(sorted(DIALECTS)))]
    has_no_date = other.family == "clock" or other.is_bare
    if draw(st.booleans()) or (other.family == dialect.family and has_no_date):
        return [draw(st.sampled_from(EVENTS)), "라고 떴어"]
    then = at + timedelta(minutes=draw(st.integers(-30, 30)))
    if other.family == dialect.family:
        then = at - timedelta(days=draw(st.integers(1500, 1600)))
    speakers = st.sampled_from(["점심", "나래", "Mina"])
    n = draw(st.integers(1, 3))
    events = [Event(draw(speakers), "김밥", then + timedelta(minutes=i)) for i in range(n)]
    if draw(st.booleans()):
        return [other.quote(event) for event in events]
    earlier = [replace(event, at=event.at - timedelta(days=1500)) for event in events]
    return other.write(earlier, "다른 방").rstrip("\n").split("\n")


@st.composite
def rooms(draw, dialect, n_most=12):
    """Draw what happened in a room, in order: everyone says hello, then anything."""
    names = draw(
        st.lists(
            st.one_of(st.sampled_from(NAMES), st.text(_characters, min_size=1, max_size=12)),
            min_size=1, max_size=4, unique_by=lambda name: unicodedata.normalize("NFC", name).strip(),
        )
    )  # fmt: skip
    at = datetime(2026, 1, 1) + timedelta(seconds=draw(st.integers(0, 300 * 86400)))
    events = [Event(name, "안녕", at) for name in names]
    for _ in range(draw(st.integers(0, n_most))):
        at += timedelta(
            seconds=draw(st.sampled_from([0, 1, 20, 45, 70, 700, 9000, 40_000, 90_000, 900_000]))
        )
        speaker = draw(st.sampled_from(names))
        kind = draw(st.sampled_from(["message"] * 8 + ["media", "system"]))
        if kind == "message":
            events.append(Event(speaker, draw(bodies(dialect, at)), at))
        elif kind == "media":
            events.append(Event(speaker, draw(st.sampled_from(MEDIA)), at, "media"))
        else:
            events.append(Event(None, draw(st.sampled_from(NOTICES)), at, "system"))
    return events


PHONES = {"ko", "en", "old", "dot", "iso", "clock"}


RECORD = re.compile(r'\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2},|,"",')


def continued(event):
    return event.text.split("\n")[1:]


def is_bracketed(dialect):
    return dialect.family.startswith("[]")


# What the formats themselves cannot tell. `is_told` below leaves these out; nothing else is.
UNTOLD = {
    "a name that holds the mark behind names": (
        "' : ' ends a name on phones, and '] [' on PCs",
        lambda dialect, event: (
            (dialect.family in PHONES and " :" in f" {event.speaker}")
            or (is_bracketed(dialect) and "] [" in event.speaker)
        ),
    ),
    "a name of nothing but space": (
        "an empty user column is a system row",
        lambda dialect, event: dialect.family == "csv" and not clean(event.speaker),
    ),
    "a line under day lines in the file's own form": (
        "a clock without a date fits any day",
        lambda dialect, event: (
            dialect.family == "clock"
            and any(re.match(r"(오전|오후) \d+:\d\d, ", line) for line in continued(event))
        ),
    ),
    "a later date in the form of day lines without dashes": (
        "it is a day line if a message follows",
        lambda dialect, event: (
            (dialect.family == "clock" or dialect.name.startswith("copied"))
            and "2031년 1월 1일 수요일" in continued(event)
        ),
    ),
    "quotes that nobody escaped": (
        "two in a row may be an escaped one, and those at an end are the field's",
        lambda dialect, event: (
            (dialect.name == "csv unescaped" and '""' in event.text)
            or (dialect.name == "csv unquoted" and event.text.startswith('"'))
            or (
                dialect.name in ("csv unescaped", "csv unquoted")
                and any(mark in event.speaker for mark in '",')
            )
        ),
    ),
    "a row of a table inside a message of a table that escapes nothing": (
        "it is written as a row of its own would be",
        lambda dialect, event: (
            dialect.name in ("csv unescaped", "csv unquoted")
            and any(RECORD.match(line) for line in continued(event))
        ),
    ),
}

# Untold as well, and never drawn: an event sentence at the end of a message of a PC (drawn with a
# line behind it); a line pasted from the file's own dialect at a moment that fits (drawn years
# back, on PCs not at all); a first line of somebody that is an event sentence (all say hello
# first); a media word that was typed; '\r', control characters and U+FEFF.


def clean(name):
    return unicodedata.normalize("NFC", re.sub("[\u200b\u200e\u200f\u2060]", "", name)).strip()


def is_told(dialect, event):
    return event.speaker is None or not any(test(dialect, event) for _, test in UNTOLD.values())


def readable(dialect, event):
    """What a format keeps of an event: minutes, names without hidden marks, no blank end."""
    at = event.at if dialect.has_seconds else event.at.replace(second=0)
    text = unicodedata.normalize("NFC", event.text).rstrip("\n")
    return clean(event.speaker or ""), text, at.replace(tzinfo=KST), event.kind
