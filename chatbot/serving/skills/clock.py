"""The time, the date and the day of the week."""

import re

from chatbot.serving.skills.interface import Context, Language, Match, asked, language_of
from chatbot.serving.skills.phrases import IS, TELL, TOPIC

HELP: dict[Language, str] = {
    "ko": "지금 몇 시야? · 오늘 며칠이야? · 오늘 무슨 요일이야?",
    "en": "What time is it? · What's the date? · What day is it?",
}
_NOW = "(?:오늘|지금|현재)"
_PATTERNS = (
    ("time", rf"(?:지금|현재)(?: ?시간| ?시각)?{TOPIC} ?(?:몇 ?시)?(?: ?몇 ?분)?{IS}{TELL}"),
    ("time", rf"몇 ?시{IS}(?: ?지금)?|(?:현재 ?)?(?:시간|시각){TELL}"),
    ("time", r"(?:what(?:'s| is) the time|what time is it|time)(?: now)?(?: please)?"),
    ("date", rf"{_NOW}{TOPIC} ?(?:날짜)?{TOPIC} ?(?:며칠|몇 ?월 ?며칠|몇 ?일|날짜){IS}{TELL}"),
    ("date", rf"{_NOW} ?날짜{TELL}|며칠{IS}(?: ?오늘)?"),
    ("date", r"what(?:'s| is) (?:the|today's) date(?: today)?|today's date|date"),
    ("day", rf"오늘{TOPIC} ?무슨 ?요일{IS}{TELL}|무슨 ?요일{IS}|오늘 ?요일{TELL}"),
    ("day", r"what day (?:is it|is today|of the week is it)(?: today)?"),
)
_REQUESTS = tuple((kind, re.compile(pattern)) for kind, pattern in _PATTERNS)
_BARE = frozenset({"지금", "현재"})
_DAYS: dict[Language, str] = {
    "ko": "월화수목금토일",
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
}


def recognizes(text: str) -> Match | None:
    """Return which of time, date and day a message asks for."""
    request = asked(text)
    for kind, pattern in _REQUESTS:
        if request not in _BARE and pattern.fullmatch(request):
            return Match(language_of(text), {"kind": kind})
    return None


def answer(match: Match, context: Context) -> str:
    """Tell it, by the clock of this computer and the zone of the settings."""
    now = context.now()
    if match.language == "en":
        day = _DAYS["en"].split()[now.weekday()]
        date = f"{now:%B} {now.day}, {now.year}"
        return {
            "time": f"It is {now:%H:%M}.",
            "date": f"Today is {day}, {date}.",
            "day": f"Today is {day}.",
        }[match.values["kind"]]
    half, hour = ("오전" if now.hour < 12 else "오후"), now.hour % 12 or 12
    day = f"{_DAYS['ko'][now.weekday()]}요일"
    return {
        "time": f"지금은 {half} {hour}시 {now.minute}분이에요.",
        "date": f"오늘은 {now.year}년 {now.month}월 {now.day}일 {day}이에요.",
        "day": f"오늘은 {day}이에요.",
    }[match.values["kind"]]
