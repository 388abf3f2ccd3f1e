"""The grammar of KakaoTalk exports: timestamps, date lines, headers, system lines, media words.

One tolerant grammar for every phone, PC and language, because one file can mix them.
"""

import re
from datetime import date, datetime, timedelta, timezone
from typing import NamedTuple

_SP = r"[ \u00a0\u202f\u2009]"
_AP = r"(?:오전|오후|AM|PM|午前|午後|上午|下午)"
_CLOCK = rf"(?:{_AP}{_SP}?)?\d{{1,2}}:\d{{2}}(?::\d{{2}})?(?:{_SP}?[AaPp][Mm])?"
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_WEEKDAY = (
    r"(?:[일월화수목금토]요일|(?:Sun|Mon|Tues|Wednes|Thurs|Fri|Satur)day|[日月火水木金土]曜日)"
)
_DATE_KO = r"\d{4}[년年] ?\d{1,2}[월月] ?\d{1,2}[일日]"
_DATE_NUMERIC = rf"(?:{_DATE_KO}|\d{{4}}\. ?\d{{1,2}}\. ?\d{{1,2}}\.|\d{{4}}-\d{{1,2}}-\d{{1,2}})"
_DATE_EN = rf"{_MONTH} \d{{1,2}}, \d{{4}}"

# A message's timestamp, then the separator before the name: ", " speech, ": " an iOS system line.
_REST = r"(, ?|: |$)"
IOS_MARK = "\n: "  # no line holds it: speech may begin with ": " where a nickname is empty
STAMP_NUMERIC = re.compile(
    rf"({_DATE_NUMERIC}(?: {_WEEKDAY})?(?:,| at)?{_SP}{_CLOCK}"
    rf"|\d{{1,2}}:\d{{2}}{_SP}?[AP]M {_DATE_EN}){_REST}"
)
STAMP_ENGLISH = re.compile(rf"({_DATE_EN}(?:,| at)?{_SP}{_CLOCK}){_REST}")
CLOCK_ONLY = re.compile(r"((?:오전|오후) \d{1,2}:\d{2}), ")
# The name is the shortest that a time follows: names contain brackets, messages quote headers.
WINDOWS = re.compile(rf"\[(.{{0,100}}?)\] \[({_CLOCK})\](?: (.*))?$")
_DAY = re.compile(
    rf"(?P<dashes>-{{5,}} ?)?\[?(?:{_WEEKDAY}, )?"
    rf"(?P<day>{_DATE_KO}|\d{{4}}-\d{{1,2}}-\d{{1,2}}|{_DATE_EN})"
    rf"(?: {_WEEKDAY})?(?: {_CLOCK})?\]?(?: ?-{{5,}})?$"
)
_HEADERS = (
    re.compile(
        r"(?P<room>.*?)(?:\s\((?P<n1>\d+)명\)과|\s(?P<n2>\d+)(?:\s님과)?|\s?님과)"
        r"\s카카오톡 대화(?:-\d+\.txt)?$"
    ),
    re.compile(r"(?P<room>.+) with KakaoTalk Chats$"),
    re.compile(
        r"KakaoTalk Chats (?:with )?(?P<room>.+?)(?: \((?P<n1>\d+)(?: people)?\))?(?:-\d+\.txt)?$"
    ),
    re.compile(r"Talk_\d{4}\.\d{1,2}\.\d{1,2} \d{1,2}[:_]\d{2}-\d+\.txt$"),
)
_SAVED = re.compile(r"(?:저장한 날짜|Date Saved) ?: ?(?P<when>\S.*)$")

# Placeholders with free text after them: only names and sizes, so that a sentence which begins with
# the same word ("파일: 이거 언제까지야?") stays a message.
_NAMED = r": [^?!~…ㅋㅎㅠㅜ]+"
_FILE_NAME = r": .*\.[A-Za-z0-9]{1,10}"
_LASTED = r"(?: \d{1,2}(?::\d{2}){1,2})?"
_MEDIA: dict[str, str] = {
    "photo": r"사진(?: \d+장)?|<(?:사진 ?읽지 않음|Photo Unread)>|Photo|\d+ photos"
    r"|[0-9a-f]{64}\.(?:jpe?g|png|gif|webp)",
    "video": r"동영상(?: \d+개)?|<(?:동영상 ?읽지 않음|Video Unread)>|Video|\d+ videos"
    r"|[0-9a-f]{64}\.mp4",
    "emoticon": r"이모티콘|\((?:이모티콘|emoticon)\)|Emoticons",
    "voice": r"음성 ?메시지|<음성 ?읽지 않음>|Voice Note|[0-9a-f]{64}\.m4a",
    "file": rf"(?:파일|File){_FILE_NAME}|<(?:파일 ?읽지 않음|File Unread)>"
    r"|[0-9a-f]{64}\.[A-Za-z0-9]{2,4}",
    "contact": rf"연락처(?:{_NAMED})?|Contact{_NAMED}",
    "map": rf"지도(?:{_NAMED})?|Map{_NAMED}",
    "call": rf"(?:보이스톡|페이스톡|그룹콜)(?: (?:해요|취소|부재중|거절|종료))?{_LASTED}"
    rf"|(?:Voice|Video) Call(?: (?:Canceled|Cancelled|Missed|Declined|Ended))?{_LASTED}",
    "live": rf"라이브톡 (?:시작|종료){_LASTED}|보이스룸이 방금 시작했어요\.?|보이스룸 종료{_LASTED}"
    rf"|Live Talk (?:started|ended){_LASTED}",
    "search": r"샵검색: ?#.*",
    "board": r"톡게시판 '[^']+': .*|\[공지\] .*|투표|일정",
    "profile": rf"카카오톡 프로필(?:{_NAMED})?",
    "gift": r"선물(?:과 메시지)?(?:를|을) 보냈습니다\.?",
    "money": r"[\d,]+원(?:을 받으세요\.?| 받기 완료(?:!(?: .*)?)?)"
    r"|송금봉투(?:가 도착했어요|를 (?:받았어요|보냈습니다))[.!]?"
    r"|송금이 취소되었어요[.!]?|자동환불 (?:예정|완료)[.!]?",
    "deleted": r"삭제된 메시지입니다\.?|메시지가 삭제되었습니다\.?"
    r"|(?:This message was|The message has been) deleted\.",
    "policy": r"운영정책을 위반하여 가려진 메시지입니다\.?",
}
MEDIA = re.compile("|".join(f"(?P<{kind}>{words})" for kind, words in _MEDIA.items()))
# First characters of all media words, so that the regex runs on few messages only.
MEDIA_INITIALS = frozenset(
    "사<P0123456789abcdef동V이(E음파F연C지M보페그라L샵톡[투일카선송자삭메T운,"
)

SYSTEM_STRONG = re.compile(
    r".{1,60}님이 (?:채팅방에 )?들어왔습니다\.?|.{1,60}님이 (?:대화방을 |채팅방을 )?나갔습니다\.?"
    r"|.{1,60}님을 (?:내)?보냈습니다\.?|.{1,60}님이 .{1,400}님을 초대(?:했|하였)습니다\.?"
    r"|(?:채팅방 )?관리자가 메시지를 가렸습니다\.?|메시지가 삭제되었습니다\.?"
    r"|.{1,60}님이 부?방장이 되었습니다\.?|.{1,60}님이 부방장에서 해제되었습니다\.?"
    r"|관리자만 말하기 기능이 (?:활성화|해제)되었습니다\.?"
    r"|운영정책을 위반하여 가려진 메시지입니다\.?"
    r"|.{1,60} joined this chatroom\.|.{1,60} left this chatroom\.|.{1,60} invited .{1,400}\."
    r"|.{1,60} has been removed from this chatroom\.|.{1,60} has been assigned as the admin\."
    r"|.{1,60} is no longer an admin\.|The host has been reassigned.*"
    r"|This message has been hidden by the chatroom managers\.|Moderator has hidden \d+ messages?\."
    r"|The message has been deleted\."
)
# Open chats: a joining line with the policy glued to it, and a heading with paragraphs behind it.
NOTICE = re.compile(
    r"(?:.{1,60}님이 (?:채팅방에 )?들어왔습니다\.?)? ?운영정책을 위반한 메시지로 신고 접수 시 "
    r"|불법촬영물 ?등 식별 및 게재 ?제한 조치 안내|타인, 기관 등의 사칭에 유의해 주세요"
)
# "He left." is also something people say: only after a speaker's name is it an event.
SYSTEM_WEAK = re.compile(r"(?P<who>.{1,60}) left\.")
_SYSTEM_ENDINGS = ("다", "다.", "room.", "min.", "gers.", "ages.", "age.", "ted.", "left.", ".")

_STAMP_OLD = re.compile(rf"({_CLOCK}) ({_DATE_EN})$")
_STAMP = re.compile(rf"({_DATE_NUMERIC}|{_DATE_EN})(?: {_WEEKDAY})?(?:,| at)?{_SP}(.+)$")
_DIGITS = re.compile(r"\d+")
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
        start=1,
    )
}
_MORNING = re.compile(r"오전|AM|am|Am|午前|上午")
_AFTERNOON = re.compile(r"오후|PM|pm|Pm|午後|下午")
_MORNING_OF = {"오후": "오전", "PM": "AM", "午後": "午前", "下午": "上午"}
_MONTHS_NAMED = re.compile(_MONTH)
_WEEKDAYS = re.compile(_WEEKDAY)


class DayLine(NamedTuple):
    """A line that opens a day."""

    day: date
    form: str
    is_dashed: bool


def parse_clock(text: str) -> timedelta | None:
    """Return the time of day of "오후 9:01", "9:01 PM" or "21:01"; None if it is invalid."""
    digits = _DIGITS.findall(text)
    if len(digits) < 2:
        return None  # a file truncated in its second line
    hour, minute = int(digits[0]), int(digits[1])
    second = int(digits[2]) if len(digits) > 2 else 0
    if minute > 59 or second > 59:
        return None
    is_morning, is_afternoon = _MORNING.search(text), _AFTERNOON.search(text)
    if is_morning or is_afternoon:
        # Some phones forced to 24 hours write "오전 0:05".
        if hour > 12 or (hour == 0 and is_afternoon):
            return None
        hour = hour % 12 + (12 if is_afternoon else 0)
    elif hour > 23:
        return None
    return timedelta(hours=hour, minutes=minute, seconds=second)


def parse_date(text: str) -> date | None:
    """Return the date at the start of "2026년 10월 2일", "2026. 10. 2." or "October 2, 2026"."""
    digits = [int(number) for number in _DIGITS.findall(text)[:3]]
    month = _MONTHS.get(text[:3])
    try:
        if month is not None:
            return date(digits[1], month, digits[0])
        return date(digits[0], digits[1], digits[2])
    except (ValueError, IndexError):
        return None


def parse_stamp(text: str, zone: timezone) -> datetime | None:
    """Return the time of a full timestamp; None if the date or the time of day is invalid."""
    parts = split_stamp(text)
    day, clock = (parse_date(parts[0]), parse_clock(parts[1])) if parts else (None, None)
    if day is None or clock is None:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=zone) + clock


def split_stamp(text: str) -> tuple[str, str] | None:
    """Split a full timestamp into date and time of day."""
    if match := _STAMP.match(text):
        return match[1], match[2]
    old = _STAMP_OLD.match(text)
    return (old[2], old[1]) if old else None


def parse_day_line(line: str) -> DayLine | None:
    """Return the date of a date line, and the form in which it is written."""
    match = _DAY.match(line)
    day = parse_date(match["day"]) if match else None
    return DayLine(day, _form(line), bool(match["dashes"])) if match and day else None


def date_form(stamp: str) -> str:
    """Return the form of a full timestamp: what follows the year, and whether it has seconds.

    Only these identify a file: times may have 12 or 24 hours, after ", " or " at ".
    """
    seconds = "s" if stamp.count(":") > 1 else ""
    if not stamp[0].isdigit():
        return f"month first{seconds}"
    return (stamp[4] if stamp[:4].isdigit() else "clock first") + seconds


def clock_form(clock: str) -> str:
    """Return the form of a time of day, without its value: "오전 0:0", "0:0" or "AM 0:0"."""
    return _AFTERNOON.sub(lambda match: _MORNING_OF[match[0].upper()], _form(clock.upper()))


def _form(text: str) -> str:
    """Return what all dates and times of one form have in common."""
    return _WEEKDAYS.sub("weekday", _MONTHS_NAMED.sub("month", _DIGITS.sub("0", text)))


def parse_room_header(line: str) -> tuple[str, int] | None:
    """Return the room name and the number of members (0 if missing) from an export's first line."""
    if "카카오톡 대화" not in line and "KakaoTalk Chats" not in line and line[:5] != "Talk_":
        return None
    for pattern in _HEADERS:
        if match := pattern.match(line):
            groups = match.groupdict()
            people = groups.get("n1") or groups.get("n2") or 0
            return (groups.get("room") or "").strip(), int(people)
    return None


def parse_saved_line(line: str, zone: timezone) -> datetime | None:
    """Return when the export was saved, from its second line."""
    match = _SAVED.match(line)
    if match is None:
        return None
    when = match["when"].strip()
    return parse_stamp(when, zone) or datetime.max.replace(tzinfo=zone)


def is_event(text: str) -> bool:
    """Whether a whole line is a system line that KakaoTalk writes into a room.

    >>> is_event("라온님이 들어왔습니다."), is_event("라온님이 들어왔습니다. 반가워요")
    (True, False)
    """
    text = text.rstrip()
    # A cheap test that excludes most lines.
    may_be_event = text.endswith(_SYSTEM_ENDINGS) or text.startswith("The host has")
    return bool(may_be_event and SYSTEM_STRONG.fullmatch(text)) or is_notice(text)


def is_stamped(line: str) -> bool:
    """Whether a line begins with a timestamp as phones write it."""
    pattern = STAMP_NUMERIC if line[:1].isdigit() else STAMP_ENGLISH
    return bool(pattern.match(line) or CLOCK_ONLY.match(line))


def is_notice(text: str) -> bool:
    """Whether a line begins the policy notice of open chats; paragraphs of it may follow."""
    return ("운영정책" in text or text.startswith(("불법", "타인"))) and bool(NOTICE.match(text))


def media_kind(text: str) -> str | None:
    """Return the kind of media that a whole message stands for; None for ordinary text.

    >>> media_kind("사진 3장"), media_kind("사진 예쁘다"), media_kind("파일: 코스.pdf")
    ('photo', None, 'file')
    """
    if text[:1] not in MEDIA_INITIALS:
        return None
    match = MEDIA.fullmatch(text)
    return match.lastgroup if match else None
