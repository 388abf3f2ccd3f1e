"""Writers of the text exports of messengers other than KakaoTalk, from their formats alone.

`FORMATS` write what happened in a room; `chats` draws it. Nothing here knows how a reader reads.
"""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import strategies as st

from chatbot.ingest.readers import KST
from chatbot.settings.schema import ColumnsConfig, RawConfig
from tests.ingest.readers.exports import (
    DIALECTS,
    NAMES,
    SENTENCES,
    WEEKDAYS,
    Event,
    days,
    hour_en,
    hour_ko,
)

_characters = st.characters(exclude_categories=["Cs", "Cc", "Cf"])
ASIDES = [
    "", "12:30 - 점심: 김밥", "[공지] 내일: 휴강", "09:01\t나래\t탭으로", "Me", "> 인용", "(- 나래: 👍 -)", '"따옴표"', '"', "2026.10.02 금요일", "[LINE] 이라는 앱",
    "    네 칸", "Oct 02, 2025  9:01:05 AM", "<굵게>", "- 목록: 하나", "사진 (1장)", "Replies:", "Tapbacks", "a: b: c",
]  # fmt: skip


@dataclass(frozen=True)
class Format:
    """How one program writes a chat; `is_told` tells what the format can carry of an event."""

    name: str
    write: Callable[[list[Event], str], str]
    is_told: Callable[[Event], bool]
    has_seconds: bool = False
    ending: str = "txt"
    settings: RawConfig = field(default_factory=RawConfig)
    notices: tuple[str, ...] = ()
    media: tuple[str, ...] = ()
    exporter: str = ""


def hour_dotted(at):
    return f"{(at.hour - 1) % 12 + 1}:{at:%M} {'a. m.' if at.hour < 12 else 'p. m.'}"


def _seconds(clock):
    """Put seconds behind the minutes that a clock writes."""
    return lambda at: re.sub(r"(:\d\d)(?!.*:)", rf"\g<1>:{at:%S}", clock(at), count=1)


def hour_us(at):
    return hour_en(at).replace(" ", "\u202f")


def hour_zh(at):
    return hour_ko(at).replace("오전 ", "上午").replace("오후 ", "下午")


def hour_24(at):
    return f"{at:%H:%M}"


def date_dmy(at):
    return f"{at:%d/%m/%Y}"


def date_mdy(at):
    return f"{at.month}/{at.day}/{at:%y}"


WHATSAPP_MARKS = ("\u200e", "\u2068", "<This message was edited>")


def whatsapp_told(event):
    name = event.speaker
    return (
        name is None
        or not (": " in name or name.endswith(":") or re.search('["“„«「『‘]|^~', name))
    ) and not any(mark in event.text for mark in WHATSAPP_MARKS)


def whatsapp(name, date, between, clock, order, is_iphone=False):
    clock = _seconds(clock) if is_iphone else clock

    def head(at):
        stamp = f"{date(at)}{between}{clock(at)}"
        return f"[{stamp}] " if is_iphone else f"{stamp} - "

    def write_event(event, room):
        if event.speaker is None:
            return head(event.at) + (f"{room}: \u200e{event.text}" if is_iphone else event.text)
        mark = "\u200e" if is_iphone and event.kind == "media" else ""
        return f"{mark}{head(event.at)}{event.speaker}: {mark}{event.text}"

    def write(events, room):
        return "".join(f"{write_event(event, room)}\n" for event in events)

    media = ("image omitted", "이미지 생략됨", "This message was deleted.", "Missed voice call")
    files = (
        "IMG-20261002-WA0001.jpg (file attached)",
        "<Media omitted>",
        "코스.pdf (file attached)",
    )
    return Format(
        f"whatsapp {name}",
        write,
        whatsapp_told,
        has_seconds=is_iphone,
        settings=RawConfig(date_order=order),
        notices=(
            "Joon left",
            "가람님이 나래님을 추가했습니다",
            "Messages are end-to-end encrypted.",
        ),
        media=(*media, "\u200e<attached: 00000012-PHOTO-2026-10-02.jpg>") if is_iphone else files,
    )


LINE_DAYS = ("月火水木金土日", "一二三四五六日")


def line_told(event):
    """A tab ends a name; a first quote opens a text of lines; what looks like a message is one."""
    first, *others = event.text.split("\n")
    return (event.speaker is None or "\t" not in event.speaker) and not (
        (not others and first.startswith('"'))
        or any(re.match(r"\D{0,6}\d?\d:\d\d\D{0,6}\t", line) for line in others)
    )


def line_quoted(text):
    return '"' + text.replace('"', '""') + '"' if "\n" in text else text


def line(name, header, day, clock):
    def write(events, room):
        lines = [*header.format(room=room).split("\n"), ""] if header else []
        for opening, event in days(events, day):
            if opening:
                lines += ["", opening] if lines else [opening]
            elif event.speaker is None:
                lines.append(f"{clock(event.at)}\t\t{event.text}")
            else:
                lines.append(f"{clock(event.at)}\t{event.speaker}\t{line_quoted(event.text)}")
        return "\n".join(lines) + "\n"

    return Format(
        f"line {name}",
        write,
        line_told,
        notices=("美奈が退出しました", "Mina left the group.", "가람님이 나갔습니다."),
        media=("[写真]", "[スタンプ]", "[Photo]", "[File]", "[貼圖]", "☎ 通話時間 1:23", "[사진]"),
    )


def hour_ja(at):
    return hour_ko(at).replace("오전 ", "午前").replace("오후 ", "午後")


def hour_joined(at):
    return hour_en(at).replace(" ", "")


def day_ja(at):
    return f"{at:%Y/%m/%d}({LINE_DAYS[0][at.weekday()]})"


SIGNAL_MARKS = re.compile(r"\(- .* -\)\s*$|\]\(|\(\( |^\s*> |^\n", re.DOTALL)


def signal_told(event):
    name = event.speaker or ""
    is_plain = not (": " in name or name.endswith(":") or re.match(r"\s*$", name))
    return is_plain and not SIGNAL_MARKS.search(event.text)


def signal(name, stamp, has_seconds):
    def write(events, room):
        lines = (f"[{stamp(event.at)}] {event.speaker}: {event.text}" for event in events)
        return "".join(f"{line}\n" for line in lines)

    media = ("![1.jpg](./media/1.jpg)", "(( 😀 ))")
    return Format(
        f"signal_md {name}", write, signal_told, has_seconds=has_seconds, media=media, exporter="Me"
    )


IMESSAGE_ENDS = re.compile(r"^(?:Tapbacks|Reactions):|^ {4}|^[/~]|^attachments/", re.MULTILINE)


def imessage_told(event):
    """A date behind a blank line is a message's; nothing blank stands in a first line."""
    has_head = re.search(r"(?:^|\n)\n\w{3} \d\d, \d{4} ", event.text)
    is_named = event.speaker is None or event.speaker.strip()
    return bool(is_named) and not (IMESSAGE_ENDS.search(event.text) or has_head)


def imessage(name, behind):
    def stamp(at):
        return (
            f"{at:%b %d, %Y}  {(at.hour - 1) % 12 + 1}:{at:%M:%S} {'AM' if at.hour < 12 else 'PM'}"
        )

    def write_event(event):
        if event.speaker is None:
            return f"{stamp(event.at)} {event.text}\n\n"
        return f"{stamp(event.at)}{behind}\n{event.speaker}\n{event.text}\n\n"

    def write(events, room):
        return "".join(map(write_event, events))

    return Format(
        f"imessage {name}",
        write,
        imessage_told,
        has_seconds=True,
        media=("/Users/na/1.jpg", "attachments/12/a b.heic"),
        notices=("Mina named the conversation 산책",),
    )


TABLE = RawConfig(columns=ColumnsConfig(speaker="from", text="body", time="date"))


def table(name, delimiter):
    def write(events, room):
        file = io.StringIO()
        writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        writer.writerow(("date", "from", "body"))
        for event in events:
            writer.writerow((event.at.isoformat(" ", "seconds"), event.speaker or "", event.text))
        return file.getvalue()

    def is_told(event):
        return event.speaker is None or bool(readable_name(event.speaker))

    return Format(
        f"csv_table {name}", write, is_told, True, "csv", TABLE, notices=("나래님이 나갔습니다.",)
    )


def dashed(at):
    return f"{at:%Y-%m-%d}"


FORMATS = {
    each.name: each
    for each in (
        whatsapp("iphone", date_dmy, ", ", hour_24, "dmy", is_iphone=True),
        whatsapp("iphone us", date_mdy, ", ", hour_us, "mdy", is_iphone=True),
        whatsapp("iphone de", lambda at: f"{at:%d.%m.%y}", ", ", hour_24, "dmy", is_iphone=True),
        whatsapp("iphone ko", lambda at: f"{at.year}. {at.month}. {at.day}.", " ", hour_ko, "ymd", is_iphone=True),
        whatsapp("iphone sv", dashed, " ", hour_24, "ymd", is_iphone=True),
        whatsapp("iphone dashes", lambda at: f"{at:%m-%d-%Y}", ", ", hour_en, "mdy", is_iphone=True),
        whatsapp("iphone no comma", date_dmy, " ", hour_24, "dmy", is_iphone=True),
        whatsapp("android us", date_mdy, ", ", hour_us, "mdy"),
        whatsapp("android es", date_dmy, ", ", hour_dotted, "dmy"),
        whatsapp("android de", lambda at: f"{at:%d.%m.%y}", ", ", hour_24, "dmy"),
        whatsapp("android ko", lambda at: f"{at.year}년 {at.month}월 {at.day}일", " ", hour_ko, "ymd"),
        whatsapp("android ko short", lambda at: f"{at:%y}. {at.month}. {at.day}.", " ", hour_ko, "ymd"),
        whatsapp("android ja", lambda at: f"{at:%Y/%m/%d}", " ", hour_24, "ymd"),
        whatsapp("android zh", lambda at: f"{at.year}/{at.month}/{at.day}", " ", hour_zh, "ymd"),
        line("ja", "[LINE] {room}とのトーク履歴\n保存日時：2027/10/02 09:00", day_ja, hour_24),
        line("ja 12h", "[LINE] {room}のトーク履歴\n保存日時：2027/10/02 09:00", day_ja, hour_ja),
        line("en", "[LINE] Chat history with {room}\nSaved on: 2027/10/02 09:00", lambda at: f"{at:%Y.%m.%d %A}", hour_24),
        line("en us", "[LINE] Chat history in {room}\nSaved on: 10/02/2027 09:00", lambda at: f"{at:%a, %m/%d/%Y}", hour_joined),
        line("zh", "[LINE] 與{room}的聊天記錄\n儲存日期：2027/10/02 09:00", lambda at: f"{at.year}/{at.month}/{at.day}週{LINE_DAYS[1][at.weekday()]}", hour_zh),
        line("ko", "[LINE] {room}님과의 대화\n저장한 날짜 : 2027/10/02 09:00", lambda at: f"{at:%Y.%m.%d} {WEEKDAYS[at.weekday()]}요일", hour_ko),
        signal("seconds", lambda at: f"{at:%Y-%m-%d %H:%M:%S}", has_seconds=True),
        signal("old", lambda at: f"{at:%Y-%m-%d, %H:%M}", has_seconds=False),
        imessage("plain", ""),
        imessage("read", " (Read by you after 12 seconds)"),
        table("commas", ","),
        table("tabs", "\t"),
        line("no header", "", lambda at: f"{at:%Y.%m.%d %A}", hour_24),
    )
}  # fmt: skip


@st.composite
def chats(draw, form, n_most=10):
    """Draw what happened in a room, in order: everyone says hello, then anything."""
    names = draw(
        st.lists(st.one_of(st.sampled_from(NAMES), st.text(_characters, min_size=1, max_size=12)),
                 min_size=1, max_size=4, unique_by=readable_name)
    )  # fmt: skip
    at = datetime(2026, 1, 13) + timedelta(seconds=draw(st.integers(0, 300 * 86400)))
    events = [Event(name, "안녕", at) for name in [form.exporter, *names] if name]
    for _ in range(draw(st.integers(0, n_most))):
        at += timedelta(seconds=draw(st.sampled_from([0, 1, 45, 700, 9000, 90_000, 900_000])))
        kind = draw(st.sampled_from(["message"] * 6 + ["media", "system"]))
        if kind == "message":
            events.append(Event(draw(st.sampled_from(names)), draw(_bodies(form, at)), at))
        elif kind == "media" and form.media:
            media = draw(st.sampled_from(form.media))
            events.append(Event(draw(st.sampled_from(names)), media, at, "media"))
        elif kind == "system" and form.notices:
            events.append(Event(None, draw(st.sampled_from(form.notices)), at, "system"))
    return [event for event in events if form.is_told(event)]


@st.composite
def _bodies(draw, form, at):
    lines = [draw(st.one_of(st.sampled_from(SENTENCES), st.text(_characters, max_size=30)))]
    for _ in range(draw(st.sampled_from([0, 0, 1, 3]))):
        match draw(st.integers(0, 3)):
            case 0:
                lines.append(draw(st.sampled_from(ASIDES)))
            case 1:
                quoted = draw(st.sampled_from(sorted(DIALECTS)))
                lines.append(DIALECTS[quoted].quote(Event("나래", "김밥", at)))
            case 2:
                lines += _pasted(draw(st.sampled_from(sorted(FORMATS))), form, at)
            case _:
                lines.append(draw(st.one_of(st.sampled_from(SENTENCES), st.text(_characters))))
    return "\n".join(lines)


def _pasted(name, form, at):
    """Write lines of an export: of its own form, by somebody who is not here, years ago."""
    other = FORMATS[name]
    then = at - timedelta(days=1500)
    events = [Event("점심 약속", "김밥", then), Event("점심 약속", "국수", then)]
    return other.write(events, "다른 방").rstrip("\n").split("\n")


def readable_name(name):
    """What a reader keeps of a name."""
    return re.sub("[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069]", "", name or "").strip()


def readable(form, event):
    """What a format keeps of an event: names without hidden marks, no blank end."""
    at = event.at if form.has_seconds else event.at.replace(second=0)
    return readable_name(event.speaker), event.text.rstrip("\n"), at.replace(tzinfo=KST), event.kind
