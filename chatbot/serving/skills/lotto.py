"""Lotto numbers: six of 45, drawn at random, and said to be."""

import re

from chatbot.serving.skills.interface import Context, Language, Match, asked, language_of

HELP: dict[Language, str] = {"ko": "로또 번호 뽑아 줘", "en": "Draw lotto numbers"}
_N_NUMBERS, _HIGHEST = 6, 45
_GIVE = "(?: ?좀)?(?: ?(?:추천|하나|뽑아|골라|찍어|생성|알려|만들어|불러))*"
_PLEASE = "(?: ?(?:해 ?)?(?:줘|주세요|줄래|줘요|주라|봐|줘봐))?"
_REQUEST = re.compile(
    rf"(?:(?:이번 ?주|오늘)(?:의)? ?)?로또(?: ?(?:번호|숫자))?(?: ?(?:여섯|6) ?개)?{_GIVE}{_PLEASE}"
    r"|(?:(?:give|draw|pick|get|generate)(?: me)?(?: some)? )?"
    r"(?:the )?lott(?:o|ery)(?: numbers)?(?: please)?"
)
_BARE = frozenset({"lottery"})


def recognizes(text: str) -> Match | None:
    """Return a match if a message asks for lotto numbers."""
    request = asked(text)
    is_request = request not in _BARE and _REQUEST.fullmatch(request)
    return Match(language_of(text)) if is_request else None


def answer(match: Match, context: Context) -> str:
    """Draw numbers, in ascending order."""
    drawn = sorted(context.randomness.sample(range(1, _HIGHEST + 1), _N_NUMBERS))
    numbers = ", ".join(map(str, drawn))
    if match.language == "en":
        return f"{numbers}\nDrawn at random: no number is likelier than another."
    return f"{numbers}\n무작위로 뽑은 번호예요. 당첨 확률은 어떤 번호든 같아요."
