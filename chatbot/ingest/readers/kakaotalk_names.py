"""Names peculiar to KakaoTalk: files, unknown members, notices, the steps to export a chat."""

import re
import unicodedata

MESSENGER = "KakaoTalk"
EXPORT_STEPS = "in KakaoTalk: room menu, settings, export chat, text only"
CUT_CHARS = 500  # phones truncate messages at this length
UNKNOWN_NAMES = ("(알 수 없음)", "(Unknown)", "오픈채팅봇", "방장봇")
# Open chats append these to the previous message.
NOTICE = re.compile(
    r"^(?:운영정책을 위반.*|타인, 기관 등의 사칭에 유의해 주세요.*)$\n?", re.MULTILINE
)
# What older versions write in place of the name of the person who made the export.
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
    """Return the room named in a file name, "" if there is none.

    >>> room_of("KakaoTalk_Chat_등산_2026-10-02-09-00-00")
    '등산'
    """
    name = unicodedata.normalize("NFC", stem)
    matches = (pattern.match(name) for pattern in _ROOMS)
    return next((match["room"] for match in matches if match), "")


def chunk_of(stem: str) -> tuple[str, int] | None:
    """Return the export that a file belongs to, and its part number; None for other names.

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
