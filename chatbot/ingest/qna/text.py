"""Text of a database -> plain text: no HTML, no entities, no text in a wrong encoding."""

import html
import re
from datetime import date, datetime, timedelta, timezone
from typing import Any

from chatbot.ingest.qna.rows import parse_time

_BLOCK = "br|p|div|li|ul|ol|tr|table|thead|tbody|h[1-6]|hr|blockquote|pre|section|article|dl|dt|dd"
_INLINE = (
    "a|abbr|b|big|body|center|code|col|colgroup|em|embed|figure|figcaption|font|form|head|html|i|"
    "iframe|img|input|label|link|meta|o:p|object|param|q|s|small|span|strike|strong|sub|sup|title|"
    "td|th|tfoot|u|video|audio|source|button|nav|footer|header|main|mark|del|ins"
)
# Quoted values may contain ">"; their bound keeps the search linear.
_TAG = re.compile(
    rf"</?(?:(?P<block>{_BLOCK})|(?P<inline>{_INLINE}))(?![\w:-])"
    r"""(?:[^<>"']|"[^"<]{0,2000}"|'[^'<]{0,2000}'|["'])*>""",
    re.IGNORECASE,
)
# What starts a part that is no text -> what ends it.
_HIDDEN = (
    (re.compile("<!--"), re.compile("-->")),
    (re.compile(r"<script\b", re.IGNORECASE), re.compile(r"</script\s*>", re.IGNORECASE)),
    (re.compile(r"<style\b", re.IGNORECASE), re.compile(r"</style\s*>", re.IGNORECASE)),
)
_N_LAYERS = 3  # of escaping: &amp;amp;lt;
_SPACES = re.compile(r"[^\S\n]+")
_LINE_ENDS = re.compile(r" ?(?:\r\n?|\n) ?")
_BLANK_LINES = re.compile(r"\n{3,}")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_HANGUL = re.compile("[가-힣]")
# Korean stored as bytes and read as Western text, in runs of these.
_WESTERN = re.compile(r"[\x80-\xff\u0152-\u02dc\u2013-\u2122]{2}")
# Characters that cleaning may change, and some more: most texts have none, which one search tells.
_SUSPECT = re.compile(r"[<&\x00-\x1f\x7f-\xff\u0152-\u02dc\u1680\u2000-\u2122\u3000\ud800-\udfff]")
_LEAST_LOST = 3


def is_clean(text: str) -> bool:
    """Whether a text is plain and in its own encoding at first sight: cleaning leaves it.

    >>> is_clean("언제 와요? 3 > 2"), is_clean("언제 와요?<br>")
    (True, False)
    """
    return _SUSPECT.search(text) is None and "  " not in text and text.strip() == text


def plain_text(text: str) -> str:
    """Return the text of HTML, or of text that is none; entities are resolved.

    >>> plain_text("<p>3 &lt; 5<br>a &amp;amp; b</p><!-- no -->"), plain_text("<3 <홍길동>")
    ('3 < 5\\na & b', '<3 <홍길동>')
    """
    for _ in range(_N_LAYERS if "<" in text or "&" in text else 0):
        before = text
        if "<" in text:
            for begin, end in _HIDDEN:
                text = _without(text, begin, end)
            text = _TAG.sub(lambda tag: "\n" if tag["block"] else " ", text)
        text = html.unescape(text)
        if text == before:
            break
    text = _LONE_SURROGATE.sub("\ufffd", _CONTROLS.sub("", text))
    text = _LINE_ENDS.sub("\n", _SPACES.sub(" ", text))
    return _BLANK_LINES.sub("\n\n", text).strip()


def _without(text: str, begin: re.Pattern[str], end: re.Pattern[str]) -> str:
    """Remove the parts between two marks, in one pass; an open part goes to the end."""
    kept, position = [], 0
    while match := begin.search(text, position):
        kept.append(text[position : match.start()])
        closing = end.search(text, match.end())
        if closing is None:
            return "".join(kept)
        position = closing.end()
    return "".join(kept) + text[position:] if kept else text


def repaired(text: str) -> str:
    """Return Korean text whose bytes were stored in a wrong encoding; other text is unchanged.

    >>> repaired("안녕".encode().decode("latin-1")), repaired("¾È³çÇÏ¼¼¿ä"), repaired("café")
    ('안녕', '안녕하세요', 'café')
    """
    if text.isascii() or not _WESTERN.search(text) or _HANGUL.search(text):
        return text
    try:
        stored = b"".join(map(_western_byte, text))
    except UnicodeEncodeError:
        return text
    for encoding in ("utf-8", "cp949"):
        try:
            decoded = stored.decode(encoding)
        except UnicodeDecodeError:
            continue
        if 2 * len(_HANGUL.findall(decoded)) >= sum(not char.isascii() for char in decoded):
            return decoded
    return text


def _western_byte(char: str) -> bytes:
    """Return the byte that MySQL's latin1 shows as a character: cp1252, with C1 in its holes."""
    try:
        return char.encode("cp1252")
    except UnicodeEncodeError:
        return char.encode("latin-1")


def is_lost(text: str) -> bool:
    """Whether a text was destroyed when it was stored: question marks stand for its letters.

    >>> is_lost("????? ??? 3? ??"), is_lost("언제 와요???")
    (True, False)
    """
    n_lost = text.count("?") + text.count("\ufffd")
    return n_lost >= _LEAST_LOST and 2 * n_lost >= len(text.replace(" ", ""))


def time_of(value: Any, utc_offset_hours: float) -> datetime | None:
    """Return a time column's value by the desk's clock; None for NULL and zero dates.

    Numbers are seconds or milliseconds since 1970.
    """
    if isinstance(value, datetime):
        return value.replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    if isinstance(value, str) and not value.isdecimal():
        return parse_time(value)
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return None
    seconds = seconds / 1000 if seconds > 1e11 else seconds
    if not 1e8 < seconds < 1e10:
        return None
    zone = timezone(timedelta(hours=utc_offset_hours))
    return datetime.fromtimestamp(seconds, zone).replace(tzinfo=None)
