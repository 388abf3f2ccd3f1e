"""Keys and Hangul: the round trip over every syllable, and over real lines where they are there."""

import csv
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.serving.skills.dubeolsik import to_hangul, to_keys
from tests.conftest import SHARED

SYLLABLES = "".join(map(chr, range(0xAC00, 0xD7A4)))
REAL = SHARED / "data/songys/ChatbotData.csv"
# A jamo of its own right after a syllable is typed as a part of it: 해ㅋㅋ -> 햌ㅋ, as on a keyboard.
AMBIGUOUS = re.compile("[가-힣ㄱ-ㅣ][ㄱ-ㅣ]|[A-Za-z]|[ㄳㄵㄶㄺ-ㅀㅄ]")


def test_every_modern_syllable_comes_back():
    assert len(SYLLABLES) == 11_172
    assert [c for c in SYLLABLES if to_hangul(to_keys(c)) != c] == []
    assert to_hangul(to_keys(SYLLABLES)) == SYLLABLES


@given(st.text(alphabet=st.sampled_from(SYLLABLES + " 0123456789?!.,")))
def test_every_text_of_syllables_comes_back(text):
    assert to_hangul(to_keys(text)) == text


@given(st.text(alphabet="rRseEfaqQtTdwWczxvgkoiOjpuPhynbml"))
def test_keys_of_what_keys_type_type_the_same(keys):
    typed = to_hangul(keys)
    assert to_hangul(to_keys(typed)) == typed


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("dkssud", "안녕"), ("rhkwk", "과자"), ("dnpqqkf", "웹발"), ("dmltk", "의사"),
        ("djqtdj", "없어"), ("dksgdk", "않아"), ("ekfr", "닭"), ("ekfrdl", "닭이"),
        ("rkqtl", "갑시"), ("dlTdj", "있어"), ("QKfFL", "빨리"), ("zzz", "ㅋㅋㅋ"), ("bb", "ㅠㅠ"),
        ("hk", "ㅘ"), ("rt", "ㄱㅅ"),
    ],
)  # fmt: skip
def test_compound_vowels_and_final_pairs_are_typed(keys, text):
    assert to_hangul(keys) == text


def test_ten_thousand_real_lines_come_back():
    if not REAL.exists():
        pytest.skip("no shared data")
    with REAL.open(encoding="utf-8", newline="") as file:
        texts = [cell for row in csv.reader(file) for cell in row[:2]]
    plain = [text for text in texts if not AMBIGUOUS.search(text)]
    assert len(plain) >= 10_000
    assert sum(to_hangul(to_keys(text)) != text for text in plain) == 0
