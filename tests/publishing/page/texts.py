"""Lines of text to compare the page's JavaScript with our Python."""

import csv
import random
import unicodedata

from hypothesis import strategies as st

from tests.conftest import SHARED
from tests.publishing.page.models import room_texts

_ODD = [
    "👩‍👩‍👧‍👦", "🇰🇷", "👍🏽", "😂😂", "❤️", "ㅋㅋㅋㅋㅋㅋ", "ㅠㅠ", "ㅇㅇ", "ㄱㄱ", "각ᄀᆞᆨ", "ᄒᆞᆫ글", "café", "ﬁ", "①②", "½", "٣٤", "𝟎𝟏", "𝒳", "日本語", "ไทย",
    "'s", "'ll don't", "  ", "\t", "\n\n", "\u3000", "\u00a0", "\u0085", "\u2028", "\ufeff", "\x1c", "<|bos|>", "<|spk:0|>", "<|eos|>", "Ġ", "Ċ",
    "http://예.한국/가?나=다", "a_b-c", "1,000원", "3.14", "...", "~!@#$%^&*()", "ÀÉÎ", "ﾊﾝｸﾞﾙ",
]  # fmt: skip


def lines(n: int, seed: int = 0) -> list[str]:
    """Return lines of a room, mixed with emoji, jamo, decomposed Hangul and characters of all kinds."""
    rng = random.Random(seed)  # noqa: S311 invented text
    texts, mixed = [*room_texts(), *shared_lines()], []
    for _ in range(n):
        parts = rng.sample(_ODD, rng.choice((0, 0, 1, 2)))
        parts.insert(rng.randint(0, len(parts)), rng.choice(texts))
        if rng.random() < 0.2:
            parts.append("".join(chr(_code(rng)) for _ in range(rng.randint(1, 6))))
        line = rng.choice(("", " ")).join(parts)
        mixed.append(unicodedata.normalize("NFD", line) if rng.random() < 0.2 else line)
    return mixed


def shared_lines() -> list[str]:
    """Public questions and answers, where they are at hand."""
    path = SHARED / "data/songys/ChatbotData.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [text for row in csv.DictReader(file) for text in (row["Q"], row["A"])]


def _code(rng: random.Random) -> int:
    """A code point that Python's Unicode knows: a browser's may be newer."""
    while True:
        code = rng.choice((rng.randrange(0x20, 0x3000), rng.randrange(0x110000)))
        if unicodedata.category(chr(code)) not in ("Cs", "Cn"):
            return code


# All text, except what Python's version of Unicode does not know.
texts = st.lists(
    st.text(st.characters(exclude_categories=("Cs", "Cn")), max_size=40)
    | st.lists(st.sampled_from([*_ODD, "가", "나 다", "1"]), max_size=8).map("".join),
    min_size=1,
    max_size=30,
)
