"""File names of KakaoTalk exports -> the room, and which files are parts of one export."""

import re
import unicodedata

# What older versions call whoever made the export, in place of a name.
EXPORTER_NAMES = ("회원님", "you", "You", "Me")
_ROOMS = (
    re.compile(r"KakaoTalk_Chat_(?P<room>.+?)(?:_\d{4}-\d{2}-\d{2}[-_\d]*)?$", re.IGNORECASE),
    re.compile(r"(?P<room>.+?)_KakaoTalk_\d{8}.*$", re.IGNORECASE),
)
_CHUNKS = (
    re.compile(r"(?P<base>KakaoTalk_?Chats)(?:_(?P<part>\d+))?", re.IGNORECASE),
    re.compile(r"(?P<base>Talk_\d{4}\.\d{1,2}\.\d{1,2} \d{1,2}[:_]\d{2})-(?P<part>\d+)"),
    re.compile(r"(?P<base>KakaoTalk Chats .+|.+ ?카카오톡 대화)-(?P<part>\d+)", re.IGNORECASE),
)


def room_of(stem: str) -> str:
    """Return the room that a file's name tells, "" if it tells none.

    >>> room_of("KakaoTalk_Chat_등산_2026-10-02-09-00-00")
    '등산'
    """
    name = unicodedata.normalize("NFC", stem)
    matches = (pattern.match(name) for pattern in _ROOMS)
    return next((match["room"] for match in matches if match), "")


def chunk_of(stem: str) -> tuple[str, int] | None:
    """Return which export a file is a part of, and which part; None for another name.

    >>> chunk_of("KakaoTalkChats"), chunk_of("KakaoTalk_Chats_2")
    (('kakaotalkchats', 1), ('kakaotalkchats', 2))
    >>> chunk_of("Talk_2026.10.2 09_00-2")
    ('talk2026.10.2 0900', 2)
    """
    for pattern in _CHUNKS:
        if match := pattern.fullmatch(unicodedata.normalize("NFC", stem)):
            base = re.sub(r"[_:]", "", match["base"]).casefold()
            return base, int(match["part"] or 1)
    return None
