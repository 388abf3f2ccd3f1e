"""An answer to rude words: a polite boundary."""

import re

from chatbot.serving.skills.interface import Context, Language, Match, asked, language_of

HELP: dict[Language, str] = {
    "ko": "욕설에는 정중하게 선을 긋습니다.",
    "en": "Insults get a polite boundary.",
}
# Letters that people put between syllables to get past a filter.
_NOISE = re.compile(r"[\s\d.,!?~*^_@#-]+")
# The commonest curse begins a word, or follows a call; 다시 팔다, 역시 빨라, 9시 발표 hold it too.
_CURSE = re.compile(
    r"(?<![가-힣\d])(?<!\d )(?:[아야와하이개])?[시씨][\s\d.,!?~*^_@#-]{0,3}[발팔빨]"
    "(?!점|역|차|택시|지|이 ?익|음|표)"
)
# Insults wherever they stand, said to somebody: of oneself people say worse.
_ANYWHERE = re.compile(
    "병신(?:아|들아|같은|새끼|놈|년아|$)|미친(?:놈|년|새끼)(?:아|들아|$)"
    "|개새끼|개쌔끼|개색기|좆|지랄(?:하|마|이)|닥쳐|또라이(?:야|냐|새끼)"
    "|(?:이|저|그)새끼(?!손|발|강|고양|돼|양|오리|토끼|를낳|들을낳)"
)
# Insults that are ordinary words within a longer message: 불이 꺼져.
_WHOLE = re.compile(
    "꺼져|꺼지라고|엿(?:이나)?먹어|죽어(?:버려)?|입닥쳐|ㅅㅂ|ㅂㅅ|ㄲㅈ|ㄷㅊ|ㅗ+"
    "|(?:너|넌|니가|네가|이)?(?:진짜|완전|정말)?(?:멍청이|바보|등신|쓰레기|찌질이)"
    "(?:야|냐|네|임|같아|같은게)?"
)
_ENGLISH = re.compile(
    r"(?:f+u+c+k+|screw) (?:you|off)|shut (?:the \w+ )?up|(?:go to|burn in) hell|piss off"
    r"|(?:you(?:'re| are) (?:an? )?)?(?:stupid|idiot|moron|asshole|bastard|bitch)(?: bot)?"
)


def recognizes(text: str) -> Match | None:
    """Return a match if a message insults."""
    request = asked(text)
    bare = _NOISE.sub("", request)
    is_curse = _CURSE.search(request) or _ANYWHERE.search(bare)
    is_rude = is_curse or _WHOLE.fullmatch(bare) or _ENGLISH.fullmatch(request)
    return Match(language_of(text)) if is_rude else None


def answer(match: Match, context: Context) -> str:
    """Ask for another tone, and offer to go on."""
    del context
    if match.language == "en":
        return "I would rather not talk in that tone. Shall we go on kindly?"
    return "그런 말은 듣기 힘들어요. 조금만 부드럽게 말씀해 주시면 계속 이야기할게요."
