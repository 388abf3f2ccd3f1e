"""Only its passphrase opens a locked file, and only as it was written."""

import hashlib
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.crypto.age_keys import new_passphrase
from chatbot.errors import CryptoError
from chatbot.publishing.page.lock import lock, unlock

PHRASE = new_passphrase()


@pytest.fixture(scope="module")
def file():
    return lock(b"a secret of some length", PHRASE)


def with_own_digest(content):
    """A file whose digest fits: what somebody writes who changes it on purpose."""
    return content[:-32] + hashlib.sha256(content[:-32]).digest()


@settings(max_examples=3)
@given(st.binary(max_size=100))
def test_what_is_locked_opens(content):
    assert unlock(lock(content, f" {PHRASE}\n"), PHRASE) == content


def test_decomposed_hangul_is_the_same_passphrase():
    composed, decomposed = (unicodedata.normalize(form, "한글 암호") for form in ("NFC", "NFD"))
    assert composed != decomposed and unlock(lock(b"x", composed), decomposed) == b"x"


def test_another_passphrase_opens_nothing(file):
    with pytest.raises(CryptoError, match="wrong passphrase"):
        unlock(file, PHRASE[:-1])


@given(st.data())
def test_any_changed_byte_opens_nothing(file, data):
    place = data.draw(st.integers(0, len(file) - 1))
    changed = bytearray(file)
    changed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CryptoError, match="damaged"):
        unlock(bytes(changed), PHRASE)


@pytest.mark.slow
@pytest.mark.parametrize("place", [0, 8, 12, 28, 40, 50, -40, -33])
def test_a_byte_changed_on_purpose_opens_nothing(file, place):
    changed = bytearray(file)
    changed[place] ^= 1
    with pytest.raises(CryptoError):
        unlock(with_own_digest(bytes(changed)), PHRASE)


@given(st.integers(0, 90))
def test_a_shortened_file_opens_nothing(file, n):
    with pytest.raises(CryptoError):
        unlock(file[:n], PHRASE)


def test_the_same_content_is_never_locked_alike(file):
    other = lock(b"a secret of some length", PHRASE)
    assert other[12:28] != file[12:28] and other[28:40] != file[28:40]
