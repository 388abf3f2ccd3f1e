"""도움말: what can be asked, for the skills that are enabled."""

import re

from chatbot.serving.skills.interface import Context, Language, Match, asked, language_of
from chatbot.serving.skills.phrases import TELL

HELP: dict[Language, str] = {"ko": "도움말 — 이 목록", "en": "help — this list"}
WORD = "도움말"
_CAN = "(?:수 ?있|할 ?수 ?있)(?:어|니|나요|어요|습니까)"
_REQUEST = re.compile(
    rf"도움말(?: ?보기)?{TELL}|사용법{TELL}|사용 ?방법{TELL}|기능(?: ?목록)?{TELL}"
    rf"|(?:너(?:는|가)? ?)?(?:뭐|뭘|무엇을|무슨 ?일을)(?: ?할)? ?{_CAN}"
    r"|help(?: please)?|what can you do|how do i use (?:this|you)"
)
_INTRO: dict[Language, str] = {
    "ko": "편하게 말을 걸어 주세요. 이런 것도 할 수 있어요.",
    "en": "Just talk to me. I can also do this:",
}


def recognizes(text: str) -> Match | None:
    """Return a match if a message asks what can be asked."""
    return Match(language_of(text)) if _REQUEST.fullmatch(asked(text)) else None


def answer(match: Match, context: Context) -> str:
    """List a line for each skill."""
    lines = [f"· {line[match.language]}" for line in context.lines if match.language in line]
    return "\n".join([_INTRO[match.language], *lines])
