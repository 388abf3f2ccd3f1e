"""The first lines of an export -> the device and the language of the program that wrote it."""

import re
from collections.abc import Callable, Iterable

from chatbot.ingest.readers import kakaotalk_grammar, whatsapp_grammar

Origin = tuple[str, str]  # device and language, "" where the file does not show it

# Formats of JSON, whose items are counted in place of lines.
_OF_APPS = ("discord", "katok", "meta", "signal_backup", "signal_json", "slack", "telegram")
ITEM_FORMATS = frozenset((*_OF_APPS, "aihub", "json_table"))
_HANGUL, _KANA = re.compile("[가-힣]"), re.compile("[\u3040-\u30ff]")
_CHINESE, _THAI = re.compile("[\u4e00-\u9fff]"), re.compile("[\u0e01-\u0e5b]")
_LETTER = re.compile("[A-Za-z]")
_SCRIPTS = ((_HANGUL, "ko"), (_KANA, "ja"), (_CHINESE, "zh"), (_THAI, "th"), (_LETTER, "en"))
_IPHONE_HEADER = re.compile(r"Talk_\d|.*-\d+\.txt$")
_DOTTED_OR_ISO = re.compile(r"\d{4}[.-]")
_SHORT_MONTH = re.compile(r"[A-Z][a-z]{2} ")
_ODD = re.compile(r"[년年].*(?:午前|午後)")
_KAKAO_MARKS = (("카카오톡 대화", "ko"), ("KakaoTalk Chats", "en"), ("저장한 날짜", "ko"))


def origin_of(reader: str, head: list[str]) -> Origin:
    """Return where an export comes from, as far as its first lines show it.

    >>> origin_of("kakaotalk", ["[Mina] [9:01 AM] hi"])
    ('pc', 'en')
    >>> origin_of("whatsapp", ["[02/10/2026, 09:01:05] Mina: hi"])
    ('iphone', '')
    """
    lines = [line.lstrip("\ufeff\u200e") for line in head if line.strip()]
    return _ORIGINS.get(reader, lambda _lines: ("", ""))(lines)


def _language(text: str) -> str:
    return next((language for script, language in _SCRIPTS if script.search(text)), "")


def _of_kakaotalk(lines: list[str]) -> Origin:
    named = (language for mark, language in _KAKAO_MARKS for line in lines[:2] if mark in line)
    for line in lines:
        if bracketed := kakaotalk_grammar.WINDOWS.match(line):
            return "pc", next(named, _language(bracketed[2]))
        if stamp := _stamp(line):
            device = "iphone" if _is_of_iphone(lines[0], stamp) else "android"
            return device, _language(stamp) or next(named, "")
        if kakaotalk_grammar.CLOCK_ONLY.match(line):
            return "phone", "ko"
    return "", next(named, "")


def _is_of_iphone(first: str, stamp: str) -> bool:
    is_short = _SHORT_MONTH.match(stamp) and not stamp.startswith("May")
    return bool(is_short or _IPHONE_HEADER.match(first) or _DOTTED_OR_ISO.match(stamp))


def _stamp(line: str) -> str:
    """Return the timestamp that a line of a phone begins with, not that of a CSV row."""
    for pattern in (kakaotalk_grammar.STAMP_NUMERIC, kakaotalk_grammar.STAMP_ENGLISH):
        if match := pattern.match(line):
            return match[1]
    return ""


def _of_whatsapp(lines: list[str]) -> Origin:
    match = next(filter(None, map(whatsapp_grammar.match_head, lines)), None)
    if match is None:
        return "", ""
    written = match["date"] + (match["before"] or "")
    language = "ja" if _ODD.search(written) else _language(written)
    return ("iphone" if match["open"] else "android"), language


def _of_line(lines: list[str]) -> Origin:
    device = "phone" if any("\t" in line for line in lines) else "pc"
    words = lines[0].replace("[LINE]", "")
    for mark, language in (("Chat history", "en"), ("トーク", "ja"), ("的聊天", "zh")):
        if mark in words:
            return device, language
    return device, _language("".join(lines[1:2]))


def _of_kakaotalk_csv(lines: Iterable[str]) -> Origin:
    del lines
    return "mac", ""  # newer Windows programs write the same


_ORIGINS: dict[str, Callable[[list[str]], Origin]] = {
    "kakaotalk": _of_kakaotalk,
    "kakaotalk_csv": _of_kakaotalk_csv,
    "whatsapp": _of_whatsapp,
    "line": _of_line,
}
