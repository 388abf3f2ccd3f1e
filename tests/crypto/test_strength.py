"""The strength of passphrases: what people take is weak, what is drawn is strong."""

import secrets
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.crypto.age_keys import new_identity, new_passphrase
from chatbot.crypto.strength import ENOUGH_BITS, strength_bits

WEAK = [
    "", "1234", "password", "qwerty123", "asdfasdfasdfasdfasdf", "비밀번호", "우리집강아지",
    "20241124", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "Minji1004!", "letmein!!", "01012345678",
    "abcdefghijklmnopqrstuvwxyz", "나래야 사랑해 1004",
]  # fmt: skip


@pytest.mark.parametrize("phrase", WEAK)
def test_what_people_take_is_weak(phrase):
    assert strength_bits(phrase) < ENOUGH_BITS


def test_what_is_drawn_is_strong():
    letters = string.ascii_letters + string.digits
    for _ in range(300):
        assert strength_bits(new_passphrase()) >= ENOUGH_BITS
        assert strength_bits("".join(secrets.choice(letters) for _ in range(20))) >= ENOUGH_BITS
    assert strength_bits(new_identity().secret_text()) >= ENOUGH_BITS


@given(st.text(), st.text())
def test_more_is_never_weaker_by_much(phrase, more):
    # Two runs may join to one word or line, which is easier than both.
    assert 0 <= strength_bits(phrase) <= strength_bits(f"{phrase}\n{more}")
