"""Keys of age files: passphrases (scrypt), key pairs (X25519), and how they are written."""

import os
import re
import secrets
import unicodedata
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from chatbot.crypto.age import (
    Identity,
    Recipient,
    Stanza,
    bad_header,
    decode_base64,
    derive,
    encode_base64,
)
from chatbot.errors import CryptoError

LOG_N = 18  # 2^18: 256 MiB and about a second, as the age command does
MAX_LOG_N = 22  # what a file may ask for: 4 GiB
_WRAPPED = 16 + 16  # a file key and its tag
_ZERO_NONCE = bytes(12)
_SCRYPT_LABEL = b"age-encryption.org/v1/scrypt"
_X25519_LABEL = b"age-encryption.org/v1/X25519"
_PUBLIC, _SECRET = "age", "AGE-SECRET-KEY-"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_CONSONANTS, _VOWELS = "bdfghjklmnprstvz", "aiou"
_N_WORDS = 6


class Passphrase:
    """A passphrase, composed (NFC), to encrypt and to open with. Its repr shows nothing."""

    def __init__(self, phrase: str, log_n: int = LOG_N) -> None:
        self._phrases = list(dict.fromkeys([unicodedata.normalize("NFC", phrase), phrase]))
        self._log_n = log_n

    def __repr__(self) -> str:
        """Never show a secret."""
        return "Passphrase()"

    def wrap(self, file_key: bytes) -> Stanza:
        """Hide the file key behind the composed passphrase."""
        salt = os.urandom(16)
        key = _stretch(self._phrases[0], salt, self._log_n)
        body = ChaCha20Poly1305(key).encrypt(_ZERO_NONCE, file_key, None)
        return Stanza(("scrypt", encode_base64(salt).decode(), str(self._log_n)), body)

    def unwrap(self, stanza: Stanza) -> bytes | None:
        """Return the file key: composed, then as typed, since other programs do not compose."""
        if stanza.kind != "scrypt":
            return None
        if len(stanza.arguments) != 3 or len(stanza.body) != _WRAPPED:
            raise bad_header("a passphrase's key")
        salt, work = decode_base64(stanza.arguments[1]), stanza.arguments[2]
        if len(salt) != 16 or not re.fullmatch(r"[1-9][0-9]{0,3}", work):
            raise bad_header("a passphrase's key")
        if int(work) > MAX_LOG_N:
            raise bad_header(f"it asks for more than 2^{MAX_LOG_N} steps of work")
        for phrase in self._phrases:
            file_key = _open(_stretch(phrase, salt, int(work)), stanza.body)
            if file_key is not None:
                return file_key
        return None


class X25519Recipient:
    """A public key (age1...): files for whoever holds its identity."""

    def __init__(self, public: bytes) -> None:
        self._public = public

    def __str__(self) -> str:
        """Write it as age1..."""
        return encode_bech32(_PUBLIC, self._public)

    def wrap(self, file_key: bytes) -> Stanza:
        """Hide the file key behind a secret shared with the recipient alone."""
        ephemeral_key = X25519PrivateKey.generate()
        share = ephemeral_key.public_key().public_bytes_raw()
        secret = ephemeral_key.exchange(X25519PublicKey.from_public_bytes(self._public))
        key = derive(secret, share + self._public, _X25519_LABEL)
        body = ChaCha20Poly1305(key).encrypt(_ZERO_NONCE, file_key, None)
        return Stanza(("X25519", encode_base64(share).decode()), body)


class X25519Identity:
    """A secret key (AGE-SECRET-KEY-1...). Its repr shows nothing."""

    def __init__(self, secret: bytes) -> None:
        self._key = X25519PrivateKey.from_private_bytes(secret)

    def __repr__(self) -> str:
        """Never show a secret."""
        return "X25519Identity()"

    def secret_text(self) -> str:
        """Write it as AGE-SECRET-KEY-1..."""
        return encode_bech32(_SECRET.lower(), self._key.private_bytes_raw()).upper()

    def derived(self, purpose: bytes) -> bytes:
        """Return 32 secret bytes for another purpose, which tell nothing about the key."""
        return derive(self._key.private_bytes_raw(), b"", purpose)

    @property
    def recipient(self) -> X25519Recipient:
        """The public key that belongs to it."""
        return X25519Recipient(self._key.public_key().public_bytes_raw())

    def unwrap(self, stanza: Stanza) -> bytes | None:
        """Return the file key, if the stanza is for this key."""
        if stanza.kind != "X25519":
            return None
        share = decode_base64(stanza.arguments[1]) if len(stanza.arguments) == 2 else b""
        if len(share) != 32 or len(stanza.body) != _WRAPPED:
            raise bad_header("a recipient's key")
        try:
            secret = self._key.exchange(X25519PublicKey.from_public_bytes(share))
        except ValueError as error:  # a share of low order
            raise bad_header("a recipient's key") from error
        public = self._key.public_key().public_bytes_raw()
        return _open(derive(secret, share + public, _X25519_LABEL), stanza.body)


def new_identity() -> X25519Identity:
    """Draw a key pair."""
    return X25519Identity(secrets.token_bytes(32))


def new_passphrase() -> str:
    """Draw six words that can be spoken, 96 bits: no keyboard and no language spells them anew."""
    return "-".join(
        "".join(secrets.choice(kind) for kind in (_CONSONANTS, _VOWELS) * 2)
        + secrets.choice(_CONSONANTS)
        for _ in range(_N_WORDS)
    )


def identity_of(key: str) -> Identity:
    """Read what opens: a secret key (AGE-SECRET-KEY-1...), or else a passphrase."""
    key = key.strip()
    if key.upper().startswith(_SECRET):
        return X25519Identity(_decode_key(key, _SECRET))
    if key.lower().startswith(_PUBLIC + "1") and len(key) > 50:
        raise CryptoError(
            "the key is the public half of a pair: everybody may know it",
            hint="name it with --to; put the line AGE-SECRET-KEY-1... into .env",
        )
    return Passphrase(key)


def recipient_of(key: str) -> Recipient:
    """Return the recipient that `identity_of` the same key opens for."""
    identity = identity_of(key)
    return identity.recipient if isinstance(identity, X25519Identity) else Passphrase(key)


def recipients_of(names: Sequence[str]) -> list[Recipient]:
    """Read public keys (age1...); raises CryptoError for anything else."""
    return [X25519Recipient(_decode_key(name, _PUBLIC)) for name in names]


def _stretch(phrase: str, salt: bytes, log_n: int) -> bytes:
    kdf = Scrypt(_SCRYPT_LABEL + salt, length=32, n=1 << log_n, r=8, p=1)
    try:
        return kdf.derive(phrase.encode())
    except MemoryError as error:
        raise CryptoError(
            f"opening this file takes {2 ** (log_n - 10)} MiB of memory",
            hint="close other programs, or use a larger machine",
        ) from error


def _open(key: bytes, body: bytes) -> bytes | None:
    try:
        return ChaCha20Poly1305(key).decrypt(_ZERO_NONCE, body, None)
    except InvalidTag:
        return None


def _decode_key(text: str, prefix: str) -> bytes:
    try:
        content = decode_bech32(prefix, text)
    except ValueError:
        content = b""
    if len(content) != 32:
        shown = "age1..." if prefix == _PUBLIC else "AGE-SECRET-KEY-1..."
        raise CryptoError(
            f"a key that should read {shown} is misspelled",
            hint="copy it whole; it ends in a check",
        )
    return content


def encode_bech32(prefix: str, content: bytes) -> str:
    """Write bytes in bech32 (BIP 173), without its limit of 90 letters."""
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
