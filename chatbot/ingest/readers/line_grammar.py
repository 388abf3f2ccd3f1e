"""The forms of a line in LINE's exports: Japanese, English, Chinese, Thai; Korean is a guess."""

import re
from datetime import date, timedelta

from chatbot.ingest.readers.clock import AFTER, BEFORE, DIGITS, half_of, time_of

MESSENGER = "LINE"
EXPORT_STEPS = "in LINE: chat menu, settings, export chat history"

_HEADERS = tuple(
    map(
        re.compile,
        (
            r"\[LINE\] ?Chat history (?:with|in) (?P<room>.+)",
            r"\[LINE\] ?(?P<room>.+?) ?との?トーク履歴",
            r"\[LINE\] ?(?P<room>.+?)のトーク履歴",
            r"(?:\[LINE\] ?)?[與与] ?(?P<room>.+?) ?的聊天(?:記錄|记录|紀錄)",
            r"(?:\[LINE\] ?)?ประวัติการ(?:สนทนา|แชท)กับ ?(?P<room>.+)",
            r"\[LINE\] ?(?P<room>.+?) ?님?과의 (?:대화|채팅)(?: 기록| 내용)?",
            r"\[LINE\] ?(?P<room>.+)",
        ),
    )
)
_ROOMS = tuple(
    map(
        re.compile,
        (
            r"\[LINE\] ?Chat (?:history )?(?:with|in) (?P<room>.+)",
            r"\[LINE\] ?(?P<room>.+?)との?トーク.*",
            r"\[LINE\] ?(?P<room>.+?)のトーク.*",
            r"\[LINE\] ?[與与] ?(?P<room>.+?) ?的聊天.*",
            r"\[LINE\] ?(?P<room>.+?) ?님?과의 (?:대화|채팅).*",
        ),
    )
)
_SAVED = re.compile(
    r"(?:Saved on|保存日時|儲存日期|儲存時間|保存日期|保存时间|저장한 날짜|저장 날짜|บันทึกเมื่อ)"
    r" ?[:：] ?\d.*"
)
_DAY = re.compile(
    r"(?P<year>\d{4})[./] ?(?P<month>\d{1,2})[./] ?(?P<day>\d{1,2})\.?"
    r"(?:\((?P<short>[^()\d]{1,5})\)| ?(?P<name>[^\W\d]{1,12}\.?))?"
)
_DAY_WESTERN = re.compile(
    r"(?P<name>[^\d\s,/]{1,12}), ?(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<year>\d{4})"
)
_WEEKDAYS = tuple(
    frozenset(names.split())
    for names in (
        "mon monday 月 月曜日 週一 星期一 周一 월 월요일",
        "tue tuesday 火 火曜日 週二 星期二 周二 화 화요일",
        "wed wednesday 水 水曜日 週三 星期三 周三 수 수요일",
        "thu thursday 木 木曜日 週四 星期四 周四 목 목요일",
        "fri friday 金 金曜日 週五 星期五 周五 금 금요일",
        "sat saturday 土 土曜日 週六 星期六 周六 토 토요일",
        "sun sunday 日 日曜日 週日 星期日 周日 일 일요일",
    )
)
_TABBED = re.compile(rf"{BEFORE}{DIGITS}{AFTER}\t(?P<rest>.*)$")
_SPACED = re.compile(rf"{BEFORE}{DIGITS}(?: ?(?P<after>[AaPp][Mm]))? (?P<rest>\S.*)$")

_MEDIA = {
    "photo": "写真 画像 Photo Photos Image 照片 圖片 图片 사진 รูป",
    "emoticon": "スタンプ Sticker Stickers 貼圖 贴图 表情贴图 스티커 สติกเกอร์",
    "video": "動画 Video Videos 影片 视频 동영상 วิดีโอ",
    "voice": "ボイスメッセージ Voice_message Audio 語音訊息 语音消息 음성_메시지 음성_메세지",
    "file": "ファイル File Files 檔案 文件 파일 ไฟล์",
    "map": "位置情報 Location 位置資訊 位置訊息 位置信息 위치 위치_정보",
    "contact": "連絡先 Contact 聯絡資訊 联系信息 연락처",
    "board": "ノート アルバム 投票 イベント Note Notes Album Albums Poll Event"
    " 記事本 相簿 相册 노트 앨범 투표",
    "gift": "プレゼント ギフト Gift 禮物 礼物 선물",
}  # fmt: skip
_MEDIA_KINDS = {
    word.replace("_", " ").lower(): kind for kind, words in _MEDIA.items() for word in words.split()
}
_PLACEHOLDER = re.compile(r"\[(?P<word>[^\[\]\n]{1,20})\](?: [^\n]{1,200}\.\w{1,5})?")
_CALL = re.compile(r"☎ ?\S[^\n]{0,60}")
_UNSENT = re.compile(
    r".{0,60}(?:メッセージの送信を取り消しました|unsent a message"
    r"|已收回訊息|收回了?訊息|撤回了一条消息|메시지 전송을 취소했습니다|메시지를 취소했습니다)\.?"
)
# Without tabs, what LINE itself says begins with a name too.
_EVENT = re.compile(
    r".{1,60} (?:joined the (?:group|chat)|left the (?:group|chat)|invited .{1,200}"
    r"|unsent a message|changed the .{1,100}|added .{1,100} to the (?:group|chat))\.?"
)


def room_of_header(line: str) -> str | None:
    """Return the room that the first line of an export names; None for other lines.

    >>> room_of_header("[LINE] 多恩とのトーク履歴"), room_of_header("多恩")
    ('多恩', None)
    """
    matches = (pattern.fullmatch(line.strip()) for pattern in _HEADERS)
    return next((match["room"].strip() for match in matches if match), None)


def room_of(stem: str) -> str:
    """Return the room named in a file name, "" if there is none.

    >>> room_of("[LINE] Chat with Mina")
    'Mina'
    """
    matches = (pattern.fullmatch(stem) for pattern in _ROOMS)
    return next((match["room"].strip() for match in matches if match), "")


def is_saved_line(line: str) -> bool:
    """Whether a line tells when the export was saved."""
    return bool(_SAVED.fullmatch(line.strip()))


def day_of(line: str) -> date | None:
    """Return the day that a line opens; None for other lines, and if it names a false weekday.

    >>> day_of("2026/10/02(金)"), day_of("Fri, 10/02/2026"), day_of("2026.10.02 Monday")
    (datetime.date(2026, 10, 2), datetime.date(2026, 10, 2), None)
    """
    line = line.rstrip()
    if match := _DAY.fullmatch(line):
        name = match["short"] or match["name"] or ""
        day = _date(int(match["year"]), int(match["month"]), int(match["day"]))
        return day if day and _fits(day, name) else None
    if match := _DAY_WESTERN.fullmatch(line):
        year, a, b = (int(match[part]) for part in ("year", "a", "b"))
        name, orders = match["name"], [(a, b), (b, a)]
        if not name.isascii():  # only English may put the month first
            orders.reverse()
        days = filter(None, (_date(year, *order) for order in orders))
        return next((day for day in days if _fits(day, name)), None)
    return None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _fits(day: date, name: str) -> bool:
    """Whether a weekday is that of the day; those of unknown languages fit every day."""
    name = name.rstrip(".").lower()
    is_known = any(name in names for names in _WEEKDAYS)
    return not is_known or name in _WEEKDAYS[day.weekday()]


def tabbed(line: str) -> tuple[timedelta, str] | None:
    """Split a line of phones into its time of day and what follows the first tab."""
    return _timed(_TABBED.match(line))


def spaced(line: str) -> tuple[timedelta, str] | None:
    """Split a line of some PCs, which has spaces in place of tabs."""
    return _timed(_SPACED.match(line))


def _timed(match: re.Match[str] | None) -> tuple[timedelta, str] | None:
    if match is None:
        return None
    word = match["before"] or match["after"]
    half = half_of(word) if word else None
    if word and half is None:
        return None
    clock = time_of(int(match["hour"]), int(match["minute"]), int(match["second"] or 0), half)
    return None if clock is None else (clock, match["rest"])


def is_event(text: str) -> bool:
    """Whether a line without tabs is one of LINE's own."""
    return bool(_EVENT.fullmatch(text) or _UNSENT.fullmatch(text))


def ends_quote(line: str) -> bool:
    """Whether a quoted text ends with this line: quotes inside it are doubled."""
    stripped = line.rstrip()
    return (len(stripped) - len(stripped.rstrip('"'))) % 2 == 1


def settle(text: str) -> tuple[str, str | None]:
    """Return a text without the quotes around several lines, and the kind of its attachment.

    >>> settle('"a ""b"" c\\nd"'), settle("[写真]")
    (('a "b" c\\nd', None), ('[写真]', 'photo'))
    """
    if "\n" in text:
        is_quoted = text.startswith('"') and len(text) > 1 and ends_quote(text)
        return (text.rstrip()[1:-1].replace('""', '"') if is_quoted else text), None
    if text[:1] == "[":
        match = _PLACEHOLDER.fullmatch(text.strip())
        return text, _MEDIA_KINDS.get(match["word"].lower()) if match else None
    if text[:1] == "☎" and _CALL.fullmatch(text):
        return text, "call"
    return text, "deleted" if _UNSENT.fullmatch(text) else None
