"""The names that phones give to the parts of a long export -> which parts are one export."""

import re
import unicodedata

_NAMES = (
    re.compile(r"(?P<base>KakaoTalk_?Chats)(?:_(?P<part>\d+))?", re.IGNORECASE),
    re.compile(r"(?P<base>Talk_\d{4}\.\d{1,2}\.\d{1,2} \d{1,2}[:_]\d{2})-(?P<part>\d+)"),
    re.compile(r"(?P<base>KakaoTalk Chats .+|.+ ?카카오톡 대화)-(?P<part>\d+)", re.IGNORECASE),
)


def chunk_of(stem: str) -> tuple[str, int] | None:
    """Return which export a file is a part of, and which part; None for another name.

    >>> chunk_of("KakaoTalkChats"), chunk_of("KakaoTalk_Chats_2")
    (('kakaotalkchats', 1), ('kakaotalkchats', 2))
    >>> chunk_of("Talk_2026.10.2 09_00-2")
    ('talk2026.10.2 0900', 2)
    """
    for pattern in _NAMES:
        if match := pattern.fullmatch(unicodedata.normalize("NFC", stem)):
            base = re.sub(r"[_:]", "", match["base"]).casefold()
            return base, int(match["part"] or 1)
    return None
