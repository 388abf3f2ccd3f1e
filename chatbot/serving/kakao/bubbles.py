"""A reply of any length -> at most three bubbles within Kakao's limits, cut at sentence ends."""

import re
import unicodedata

from chatbot.serving.kakao.payload import (
    MOST_CHARS,
    MOST_OUTPUTS,
    Output,
    QuickReply,
    SimpleText,
    SkillResponse,
    Template,
)

_FOLDED_CHARS = 500  # beyond this KakaoTalk folds a bubble
_ENDS = (re.compile(r"\n"), re.compile(r"[.!?。…~ㅋㅎㅠ]+[\"'”’)]*\s"), re.compile(r"\s"))
_LEAST_SHARE = 3  # a cut leaves at least this part of the limit filled: no tiny bubbles
_LEAST_PIECE = 8  # characters without a space that say something
_JOINERS = "\u200d"


def answer_of(text: str, labels: tuple[str, ...] = ()) -> SkillResponse:
    """Return an answer with the bubbles of a text that is not empty, and buttons."""
    outputs = [Output(SimpleText(bubble)) for bubble in bubbles_of(text)]
    return SkillResponse(Template(outputs, [QuickReply(label, label) for label in labels]))


def bubbles_of(text: str) -> list[str]:
    """Split a text into bubbles: by its lines where they are few and short, else at sentence ends.

    What does not fit into three bubbles of 1,000 characters is left out, and marked by "…".

    >>> bubbles_of("안녕!\\n뭐해?")
    ['안녕!', '뭐해?']
    """
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if len(lines) <= MOST_OUTPUTS and all(length(line) <= _FOLDED_CHARS for line in lines):
        return lines
    joined = "\n".join(lines)
    for most in (_FOLDED_CHARS, MOST_CHARS):
        bubbles = _split(joined, most)
        if len(bubbles) <= MOST_OUTPUTS:
            return bubbles
    *kept, last = bubbles[:MOST_OUTPUTS]
    return [*kept, last[: _hard_cut(last, MOST_CHARS - 1)].rstrip() + "…"]


def begun(text: str) -> str:
    """Return what can be sent of a reply whose time is over: whole lines, else words, else a piece.

    >>> begun("안녕!\\n오늘은 집에"), begun("오늘은 집에 있"), begun("오늘")
    ('안녕!', '오늘은 집에…', '')
    """
    lines, _, last = text.rpartition("\n")
    if lines.strip():
        return lines.strip()
    words = last.rpartition(" ")[0].strip()
    piece = words or (last if len(last) >= _LEAST_PIECE else "")
    return f"{piece}…" if piece else ""


def length(text: str) -> int:
    """Return the UTF-16 units of a text, as which servers in Java count characters.

    >>> length("가"), length("😀")
    (1, 2)
    """
    return len(text) + sum(char > "\uffff" for char in text)


def _split(text: str, most: int) -> list[str]:
    bubbles = []
    while length(text) > most:
        cut = _cut(text, most)
        bubbles.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [bubble for bubble in (*bubbles, text) if bubble]


def _cut(text: str, most: int) -> int:
    """Return where to cut a text that is too long: a line's end, a sentence's, a word's, or any."""
    hard = _hard_cut(text, most)
    for end in _ENDS:
        cuts = [match.end() for match in end.finditer(text, 0, hard + 1)]
        cuts = [cut for cut in cuts if hard // _LEAST_SHARE <= cut <= hard + 1]
        if cuts:
            return cuts[-1]
    return hard


def _hard_cut(text: str, most: int) -> int:
    """Return the most characters that fit, without tearing what is one sign on screen."""
    longest = cut = _n_fitting(text, most)
    while 1 < cut < len(text) and (_is_attached(text[cut]) or text[cut - 1] in _JOINERS):
        cut -= 1
    return cut if cut > 1 else longest


def _n_fitting(text: str, most: int) -> int:
    n_units = 0
    for place, char in enumerate(text):
        n_units += length(char)
        if n_units > most:
            return place
    return len(text)


def _is_attached(char: str) -> bool:
    """Whether a character belongs to the sign before it."""
    return (
        char in _JOINERS
        or unicodedata.category(char) in ("Mn", "Me", "Mc")
        or "\U0001f3fb" <= char <= "\U0001f3ff"  # skin tones
        or "\u1160" <= char <= "\u11ff"  # vowels and final consonants of decomposed Hangul
    )
