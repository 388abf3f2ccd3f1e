"""Keys of age files: passphrases (scrypt) and key pairs, and their text forms.

Key pairs are X25519, or ML-KEM-768 with X25519, which resists quantum computers as well.
"""

import hashlib
import os
import re
import secrets
import unicodedata
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
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
from chatbot.crypto.bech32 import decode_bech32, encode_bech32
from chatbot.errors import CryptoError

LOG_N = 18  # 2^18: 256 MiB and about a second, as the age command does
MAX_LOG_N = 22  # the most that a file may require: 4 GiB
_WRAPPED = 16 + 16  # a file key and its tag
_ZERO_NONCE = bytes(12)
_SCRYPT_LABEL = b"age-encryption.org/v1/scrypt"
_X25519_LABEL = b"age-encryption.org/v1/X25519"
_PUBLIC, _SECRET = "age", "AGE-SECRET-KEY-"
_HYBRID_PUBLIC, _HYBRID_SECRET = "age1pq", "AGE-SECRET-KEY-PQ-"
_HYBRID_LABEL = b"age-encryption.org/mlkem768x25519"
_HPKE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
_KEM_KEY, _HYBRID_KEY, _HYBRID_SHARE = 1184, 1184 + 32, 1088 + 32  # bytes
_CONSONANTS, _VOWELS = "bdfghjklmnprstvz", "aiou"
_N_WORDS = 6
_WORD = f"([{_CONSONANTS}][{_VOWELS}]){{2}}[{_CONSONANTS}]"
DRAWN = re.compile(f"{_WORD}(-{_WORD}){{{_N_WORDS - 1}}}")  # what `new_passphrase` draws
DRAWN_BITS = 96.0  # 16 consonants, 4 vowels: 4 and 2 bits a letter


class Passphrase:
    """A passphrase, normalized (NFC), to encrypt and decrypt with. Its repr is empty."""

    def __init__(self, phrase: str, log_n: int = LOG_N) -> None:
        self._phrases = list(dict.fromkeys([unicodedata.normalize("NFC", phrase), phrase]))
        self._log_n = log_n

    def __repr__(self) -> str:
        """Never show a secret."""
        return "Passphrase()"

    def wrap(self, file_key: bytes) -> Stanza:
        """Encrypt the file key with the NFC passphrase."""
        salt = os.urandom(16)
        key = _stretch(self._phrases[0], salt, self._log_n)
        body = ChaCha20Poly1305(key).encrypt(_ZERO_NONCE, file_key, None)
        return Stanza(("scrypt", encode_base64(salt).decode(), str(self._log_n)), body)

    def unwrap(self, stanza: Stanza) -> bytes | None:
        """Return the file key: try the NFC form, then the typed one, which other programs use."""
        if stanza.kind != "scrypt":
            return None
        if len(stanza.arguments) != 3 or len(stanza.body) != _WRAPPED:
            raise bad_header("invalid passphrase stanza")
        salt, work = decode_base64(stanza.arguments[1]), stanza.arguments[2]
        if len(salt) != 16 or not re.fullmatch(r"[1-9][0-9]{0,3}", work):
            raise bad_header("invalid passphrase stanza")
        if int(work) > MAX_LOG_N:
            raise bad_header(f"its work factor is above 2^{MAX_LOG_N}")
        for phrase in self._phrases:
            file_key = _open(_stretch(phrase, salt, int(work)), stanza.body)
            if file_key is not None:
                return file_key
        return None


class X25519Recipient:
    """A public key (age1...): encrypts files for the holder of its identity."""

    def __init__(self, public: bytes) -> None:
        self._public = public

    def __str__(self) -> str:
        """Write it as age1..."""
        return encode_bech32(_PUBLIC, self._public)

    def wrap(self, file_key: bytes) -> Stanza:
        """Encrypt the file key with a secret shared with the recipient only."""
        ephemeral = X25519PrivateKey.generate()
        share = ephemeral.public_key().public_bytes_raw()
        secret = _exchange(ephemeral, self._public)
        if secret is None:
            raise _bad_public_key()
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
        """Derive 32 secret bytes for another purpose, which reveal nothing about the key."""
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
            raise bad_header("invalid stanza of a recipient")
        secret = _exchange(self._key, share)
        if secret is None:
            raise bad_header("invalid stanza of a recipient")
        public = self._key.public_key().public_bytes_raw()
        return _open(derive(secret, share + public, _X25519_LABEL), stanza.body)


class HybridRecipient:
    """A post-quantum public key (age1pq1...): encrypts files for the holder of its identity."""

    def __init__(self, public: bytes) -> None:
        try:
            kem = MLKEM768PublicKey.from_public_bytes(public[:_KEM_KEY])
            curve = X25519PublicKey.from_public_bytes(public[_KEM_KEY:])
        except ValueError as error:
            raise _bad_public_key() from error
        self._public = public
        self._key = hpke.MLKEM768X25519PublicKey(kem, curve)

    def __str__(self) -> str:
        """Write it as age1pq1..."""
        return encode_bech32(_HYBRID_PUBLIC, self._public)

    def wrap(self, file_key: bytes) -> Stanza:
        """Encrypt the file key with HPKE (RFC 9180)."""
        try:
            sealed = _HPKE.encrypt(file_key, self._key, _HYBRID_LABEL)
        except ValueError as error:
            raise _bad_public_key() from error
        share, body = sealed[:_HYBRID_SHARE], sealed[_HYBRID_SHARE:]
        return Stanza(("mlkem768x25519", encode_base64(share).decode()), body)


class HybridIdentity:
    """A post-quantum secret key (AGE-SECRET-KEY-PQ-1...). Its repr shows nothing."""

    def __init__(self, seed: bytes) -> None:
        # X-Wing: one seed of 32 bytes gives the seeds of both halves.
        halves = hashlib.shake_256(seed).digest(64 + 32)
        self._kem = MLKEM768PrivateKey.from_seed_bytes(halves[:64])
        self._curve = X25519PrivateKey.from_private_bytes(halves[64:])
        self._seed = seed

    def __repr__(self) -> str:
        """Never show a secret."""
        return "HybridIdentity()"

    def secret_text(self) -> str:
        """Write it as AGE-SECRET-KEY-PQ-1..."""
        return encode_bech32(_HYBRID_SECRET.lower(), self._seed).upper()

    def derived(self, purpose: bytes) -> bytes:
        """Derive 32 secret bytes for another purpose, which reveal nothing about the key."""
        return derive(self._seed, b"", purpose)

    @property
    def recipient(self) -> HybridRecipient:
        """The public key that belongs to it."""
        kem, curve = self._kem.public_key(), self._curve.public_key()
        return HybridRecipient(kem.public_bytes_raw() + curve.public_bytes_raw())

    def unwrap(self, stanza: Stanza) -> bytes | None:
        """Return the file key, if the stanza is for this key."""
        if stanza.kind != "mlkem768x25519":
            return None
        share = decode_base64(stanza.arguments[1]) if len(stanza.arguments) == 2 else b""
        if len(share) != _HYBRID_SHARE or len(stanza.body) != _WRAPPED:
            raise bad_header("invalid stanza of a recipient")
        if _exchange(self._curve, share[-32:]) is None:
            raise bad_header("invalid stanza of a recipient")
        key = hpke.MLKEM768X25519PrivateKey(self._kem, self._curve)
        try:
            return _HPKE.decrypt(share + stanza.body, key, _HYBRID_LABEL)
        except InvalidTag:
            return None


def new_identity() -> X25519Identity:
    """Draw a key pair."""
    return X25519Identity(secrets.token_bytes(32))


def new_hybrid_identity() -> HybridIdentity:
    """Draw a post-quantum key pair."""
    return HybridIdentity(secrets.token_bytes(32))


def new_passphrase() -> str:
    """Draw six pronounceable words of 96 bits, in letters that every keyboard has."""
    return "-".join(
        "".join(secrets.choice(kind) for kind in (_CONSONANTS, _VOWELS) * 2)
        + secrets.choice(_CONSONANTS)
        for _ in range(_N_WORDS)
    )


def identity_of(key: str) -> Identity:
    """Read a decryption key: a secret key (AGE-SECRET-KEY-...), or else a passphrase."""
    key = key.strip()
    if key.upper().startswith(_HYBRID_SECRET):
        return HybridIdentity(_decode_key(key, _HYBRID_SECRET, 32))
    if key.upper().startswith(_SECRET):
        return X25519Identity(_decode_key(key, _SECRET, 32))
    if key.lower().startswith(_PUBLIC + "1") and len(key) > 50:
        raise CryptoError(
            "the key is a public key, which cannot decrypt",
            hint="name it with --to; put the line AGE-SECRET-KEY-1... into .env",
        )
    return Passphrase(key)


def recipient_of(key: str) -> Recipient:
    """Return the recipient whose files `identity_of` the same key opens."""
    identity = identity_of(key)
    pairs = X25519Identity, HybridIdentity
    return identity.recipient if isinstance(identity, pairs) else Passphrase(key)


def recipients_of(names: Sequence[str]) -> list[Recipient]:
    """Read public keys (age1... and age1pq1...); raises CryptoError for anything else."""
    return [
        HybridRecipient(_decode_key(name, _HYBRID_PUBLIC, _HYBRID_KEY))
        if name.startswith(f"{_HYBRID_PUBLIC}1")
        else X25519Recipient(_decode_key(name, _PUBLIC, 32))
        for name in names
    ]


def _stretch(phrase: str, salt: bytes, log_n: int) -> bytes:
    kdf = Scrypt(_SCRYPT_LABEL + salt, length=32, n=1 << log_n, r=8, p=1)
    try:
        return kdf.derive(phrase.encode())
    except MemoryError as error:
        raise CryptoError(
            f"opening this file needs {2 ** (log_n - 10)} MiB of memory",
            hint="close other programs, or use a larger machine",
        ) from error


def _open(key: bytes, body: bytes) -> bytes | None:
    try:
        return ChaCha20Poly1305(key).decrypt(_ZERO_NONCE, body, None)
    except InvalidTag:
        return None


def _bad_public_key() -> CryptoError:
    """Return the error of an invalid public key."""
    return CryptoError("the public key is invalid", hint="ask for the key again")


def _exchange(secret: X25519PrivateKey, public: bytes) -> bytes | None:
    """Return the shared secret; None for a public key of low order, whose secret is predictable."""
    try:
        return secret.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        return None


def _decode_key(text: str, prefix: str, n_bytes: int) -> bytes:
    try:
        content = decode_bech32(prefix, text)
    except ValueError:
        content = b""
    if len(content) != n_bytes:
        raise CryptoError(
            f"a key that should read {prefix}1... is misspelled",
            hint="copy all of it; its last letters are a checksum",
        )
    return content
