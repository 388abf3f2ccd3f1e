"""A friend's answers <-> a short code to paste: bech32, which tells every mistyped letter.

Three bytes name the test, two the friend (drawn by the page), one counts the answers; then four
bits an answer, from the high bits: whether the second text was shown, whether it was called the
bot's, and how sure (2 bits). Up to 89 letters the checksum of bech32 (BIP 173) finds any four
wrong ones.
"""

import re

import msgspec

from chatbot.crypto.bech32 import decode_bech32, encode_bech32
from chatbot.errors import ConfigError

PREFIX = "blind"
MOST_QUESTIONS = 80  # a longer code would exceed what the checksum promises
TEST_BYTES, JUDGE_BYTES = 3, 2
_GROUP = 5  # letters between hyphens
_HEADER_BYTES = TEST_BYTES + JUDGE_BYTES + 1


class Answer(msgspec.Struct, frozen=True):
    """What a friend said about the text that was shown; `sure`: 1 a guess to 3, 0 not said."""

    shows_second: bool
    says_bot: bool
    sure: int = 0


class Sheet(msgspec.Struct, frozen=True):
    """The answers of one friend, in the order of the questions; ids in hexadecimal."""

    test: str
    judge: str
    answers: tuple[Answer, ...]


def write_code(sheet: Sheet) -> str:
    """Return the code of a sheet, in groups of five letters.

    >>> write_code(Sheet("0a0b0c", "0001", (Answer(True, False, 3),)))
    'blind1-pg9sc-qqpqx-cqee9-y7t'
    """
    nibbles = [a.shows_second << 3 | a.says_bot << 2 | a.sure for a in sheet.answers]
    nibbles += [0] * (len(nibbles) % 2)
    pairs = zip(nibbles[::2], nibbles[1::2], strict=True)
    content = bytes.fromhex(sheet.test + sheet.judge) + bytes([len(sheet.answers)])
    text = encode_bech32(PREFIX, content + bytes(high << 4 | low for high, low in pairs))
    start = len(PREFIX) + 1
    groups = [text[place : place + _GROUP] for place in range(start, len(text), _GROUP)]
    return "-".join([text[:start], *groups])


def split_codes(text: str) -> list[str]:
    """Return the codes in a text, which may be broken into words anywhere.

    >>> split_codes("blind1-pg9sc-qqpqx cqee9-y7t BLIND1-pg")
    ['blind1-pg9sc-qqpqxcqee9-y7t', 'blind1-pg']
    """
    joined = re.sub(r"\s", "", text).lower()
    return [code for code in re.split(f"(?={PREFIX}1)", joined) if code]  # no data letter is b or 1


def read_code(text: str) -> Sheet:
    """Return the sheet of a code, with or without hyphens; raises ConfigError if it is mistyped."""
    try:
        content = decode_bech32(PREFIX, re.sub(r"[\s-]", "", text).lower())
        return _sheet_of(content)
    except ValueError as error:
        raise ConfigError(
            "this is not the code of a blind test: a letter is wrong, missing or too many",
            hint="copy it again with the button of the page; after blind1 there is no 1, b, i, o",
        ) from error


def _sheet_of(content: bytes) -> Sheet:
    """Read what `write_code` packed; raises ValueError for anything else."""
    if len(content) < _HEADER_BYTES:
        raise ValueError
    n_answers, packed = content[_HEADER_BYTES - 1], content[_HEADER_BYTES:]
    nibbles = [nibble for byte in packed for nibble in (byte >> 4, byte & 15)]
    if len(packed) != -(-n_answers // 2) or any(nibbles[n_answers:]):
        raise ValueError
    if not 1 <= n_answers <= MOST_QUESTIONS:
        raise ValueError
    answers = (Answer(bool(n & 8), bool(n & 4), n & 3) for n in nibbles[:n_answers])
    test, judge = content[:TEST_BYTES], content[TEST_BYTES : _HEADER_BYTES - 1]
    return Sheet(test.hex(), judge.hex(), tuple(answers))
