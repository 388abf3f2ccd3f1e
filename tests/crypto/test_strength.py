"""What a passphrase can be worth at most."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.crypto.age_keys import new_passphrase
from chatbot.crypto.strength import LEAST_BITS, require_strong, strength_bits
from chatbot.errors import CryptoError

WORD = st.from_regex("([bdfghjklmnprstvz][aiou]){2}[bdfghjklmnprstvz]", fullmatch=True)


@given(st.lists(WORD, min_size=6, max_size=6))
def test_every_passphrase_that_can_be_drawn_passes(words):
    require_strong("-".join(words), "KEY")


def test_drawn_passphrases_have_their_96_bits():
    assert {strength_bits(new_passphrase()) for _ in range(50)} == {96.0}


@pytest.mark.parametrize(
    "phrase",
    [
        *("", "1234", "password1234", "qwertyuiop", "010-3847-2915", "2024.05.30"),
        *("비밀번호", "우리집 와이파이", "ㅋ" * 100, "aB3!" * 20, string.ascii_letters),
        *(string.digits * 5, "babab-babab-babab-babab-babab", "\u1107\u1175" * 4),
    ],
)
def test_what_can_be_guessed_is_refused_without_showing_it(phrase):
    with pytest.raises(CryptoError, match="the passphrase KEY can be guessed") as caught:
        require_strong(phrase, "KEY")
    assert not phrase or phrase not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    "phrase", ["xK9!vR2#pL7q", "six words that nobody knows", "아무도 모르는 여섯 낱말 비밀"]
)
def test_long_or_mixed_ones_pass(phrase):
    require_strong(phrase, "KEY")


@given(st.text())
def test_it_is_a_bound_and_repeating_adds_little(phrase):
    bits = strength_bits(phrase)
    assert 0 <= bits <= 11 * len(phrase) or bits == 96
    assert strength_bits(phrase * 9) <= max(96, 2 * bits + 22 * 2)


@given(st.text(alphabet=string.ascii_lowercase, max_size=12))
def test_twelve_small_letters_are_never_enough(phrase):
    assert strength_bits(phrase) < LEAST_BITS
