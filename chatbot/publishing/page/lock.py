"""Bytes + passphrase -> encrypted bytes that a browser's own cryptography opens.

A header of 40 bytes (magic, rounds, salt, nonce), which is associated data; the AES-256-GCM text
with its tag; and the SHA-256 of all before it, which tells damage from a wrong passphrase. The key
comes from PBKDF2-HMAC-SHA-256: browsers have neither scrypt nor Argon2.
"""

import os
import unicodedata
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from chatbot.errors import CryptoError

ROUNDS = 600_000  # OWASP's recommendation for PBKDF2-HMAC-SHA-256
_MAGIC = b"cbpage1\n"
_SALT_BYTES, _NONCE_BYTES, _DIGEST_BYTES = 16, 12, 32
_HEADER_BYTES = len(_MAGIC) + 4 + _SALT_BYTES + _NONCE_BYTES


def lock(content: bytes, passphrase: str) -> bytes:
    """Encrypt bytes with a passphrase, with a new salt and nonce."""
    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    header = _MAGIC + ROUNDS.to_bytes(4, "little") + salt + nonce
    sealed = header + AESGCM(_key(passphrase, salt)).encrypt(nonce, content, header)
    return sealed + sha256(sealed).digest()


def unlock(file: bytes, passphrase: str) -> bytes:
    """Decrypt what `lock` wrote; raises CryptoError for another passphrase or changed bytes."""
    sealed, digest = file[:-_DIGEST_BYTES], file[-_DIGEST_BYTES:]
    header = sealed[:_HEADER_BYTES]
    if sha256(sealed).digest() != digest or header[:12] != _MAGIC + ROUNDS.to_bytes(4, "little"):
        raise CryptoError("the page's content is damaged", hint="export it again")
    salt, nonce = header[12:-_NONCE_BYTES], header[-_NONCE_BYTES:]
    try:
        return AESGCM(_key(passphrase, salt)).decrypt(nonce, sealed[_HEADER_BYTES:], header)
    except InvalidTag as error:
        raise CryptoError("wrong passphrase", hint="type the one that `export` printed") from error


def _key(passphrase: str, salt: bytes) -> bytes:
    typed = unicodedata.normalize("NFC", passphrase.strip()).encode()
    return PBKDF2HMAC(SHA256(), length=32, salt=salt, iterations=ROUNDS).derive(typed)
