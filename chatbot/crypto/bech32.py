"""Bech32 (BIP 173): bytes as letters with a checksum, without the limit of 90 letters."""

from collections.abc import Sequence

_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def encode_bech32(prefix: str, content: bytes) -> str:
    """Write bytes in bech32 (BIP 173)."""
    bits = int.from_bytes(content, "big") << (-len(content) * 8 % 5)
    n = -(-len(content) * 8 // 5)
    values = [bits >> 5 * (n - 1 - i) & 31 for i in range(n)]
    check = _polymod([*_expanded(prefix), *values, *[0] * 6]) ^ 1
    values += [check >> 5 * (5 - i) & 31 for i in range(6)]
    return prefix + "1" + "".join(_BECH32[value] for value in values)


def decode_bech32(prefix: str, text: str) -> bytes:
    """Read bech32 in the case of its prefix; raises ValueError where a letter is wrong."""
    letters = text.removeprefix(prefix + "1")
    lowered = letters.lower()
    expected = lowered if prefix.islower() else lowered.upper()
    if letters == text or letters != expected:
        raise ValueError
    values = [_BECH32.index(letter) for letter in lowered]
    if _polymod([*_expanded(prefix.lower()), *values]) != 1:
        raise ValueError
    bits = 0
    for value in values[:-6]:
        bits = bits << 5 | value
    n_bits = 5 * (len(values) - 6)
    spare = n_bits % 8
    if spare > 4 or bits & ((1 << spare) - 1):
        raise ValueError
    return (bits >> spare).to_bytes(n_bits // 8)


def _expanded(prefix: str) -> list[int]:
    return [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]


def _polymod(values: Sequence[int]) -> int:
    """The checksum of BIP 173."""
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(
            (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
        ):
            check ^= generator if top >> bit & 1 else 0
    return check
