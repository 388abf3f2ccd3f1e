"""초기화: the conversation begins anew."""

import re

from chatbot.serving.skills.interface import Context, Language, Match, asked, language_of
from chatbot.serving.skills.phrases import DO

HELP: dict[Language, str] = {
    "ko": "초기화 — 지금까지의 대화를 잊습니다.",
    "en": "reset — forgets the conversation so far.",
}
WORD = "초기화"
_OF = "(?:(?:대화|기억|채팅)(?:를|을|내용)? ?)?"
_REQUEST = re.compile(
    rf"{_OF}(?:초기화|리셋)(?:{DO}| ?하기)"
    r"|처음부터 ?(?:다시)? ?(?:시작|하자|시작하자|시작해)"
    r"|(?:대화|기억)(?:를|을)? ?(?:지워|잊어|삭제해) ?(?:줘|주세요|버려)"
    r"|reset(?: (?:the )?(?:chat|conversation))?(?: please)?|start over"
    r"|forget (?:everything|our conversation)"
)


def recognizes(text: str) -> Match | None:
    """Return a match if a message asks to begin anew."""
    return Match(language_of(text), resets=True) if _REQUEST.fullmatch(asked(text)) else None


def answer(match: Match, context: Context) -> str:
    """Say that the conversation is forgotten."""
    del context
    if match.language == "en":
        return "I have forgotten our conversation. Let us start over."
    return "지금까지의 대화를 잊었어요. 처음부터 다시 이야기해요."
