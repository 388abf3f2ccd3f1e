"""Plain bytes <-> age v1 files, as streams; `age -d` opens what this writes, and the other way.

Written from the format's specification (age-encryption.org/v1, C2SP age.md). A file is a header
of stanzas, each of which hides the file key from all but one key, and a payload of chunks.
"""

import base64
import binascii
import hmac
import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chatbot.crypto.armor import is_armored, unarmored
from chatbot.errors import CryptoError
from chatbot.storage.files import atomic_write

CHUNK = 64 * 1024
_TAG = 16
_KEY_BYTES = 16
_VERSION = b"age-encryption.org/v1\n"
_MAX_HEADER = 1 << 20  # a hostile file must not exhaust memory
_COLUMNS = 64
_ARGUMENT = re.compile(r"[\x21-\x7e]+")
_COPY = "ask for the file again: this copy differs from the original"


@dataclass(frozen=True)
class Stanza:
    """The file key, encrypted for one recipient."""

    arguments: tuple[str, ...]
    body: bytes

    @property
    def kind(self) -> str:
        """The kind of key that opens it."""
        return self.arguments[0]


class Recipient(Protocol):
    """A key that a file is encrypted for."""

    def wrap(self, file_key: bytes) -> Stanza:
        """Encrypt the file key."""


class Identity(Protocol):
    """A key that decrypts files."""

    def unwrap(self, stanza: Stanza) -> bytes | None:
        """Return the file key, None if the stanza is for another key; raises CryptoError if bad."""


def encrypt(source: IO[bytes], target: IO[bytes], recipients: Sequence[Recipient]) -> None:
    """Write an age file that any of `recipients` can open, reading `source` in chunks of 64 KiB."""
    file_key = os.urandom(_KEY_BYTES)
    stanzas = [recipient.wrap(file_key) for recipient in recipients]
    if not stanzas:
        raise CryptoError(
            "there is no recipient to encrypt for", hint="give a passphrase or a recipient"
        )
    require_alone(stanzas)
    _require_equally_strong(stanzas)
    head = _VERSION + b"".join(map(_stanza_bytes, stanzas)) + b"---"
    nonce = os.urandom(16)
    target.write(head + b" " + encode_base64(_mac(file_key, head)) + b"\n" + nonce)
    cipher = ChaCha20Poly1305(derive(file_key, nonce, b"payload"))
    chunk, number, is_last = source.read(CHUNK), 0, False
    while not is_last:
        following = source.read(CHUNK) if len(chunk) == CHUNK else b""
        is_last = not following
        target.write(cipher.encrypt(_nonce(number, is_last), chunk, None))
        chunk, number = following, number + 1


def decrypt(source: IO[bytes], identities: Sequence[Identity]) -> Iterator[bytes]:
    """Yield the plain chunks of an age file, armored or not, each of them authenticated.

    Chunks yielded before a CryptoError are authentic but incomplete: use them only after the
    iteration has ended.
    """
    if is_armored(source):
        source = io.BufferedReader(unarmored(source), CHUNK)
    stanzas, head, mac = _read_header(source)
    file_key = _file_key(stanzas, identities)
    if not hmac.compare_digest(mac, _mac(file_key, head)):
        raise CryptoError("the encrypted file's header was changed", hint=_COPY)
    yield from _payload(source, file_key)


def encrypt_file(source: Path, target: Path, recipients: Sequence[Recipient]) -> None:
    """Encrypt a file; `target` appears only when it is complete."""
    with source.open("rb") as plain, atomic_write(target) as sealed:
        encrypt(plain, sealed, recipients)


def decrypt_file(source: Path, target: Path, identities: Sequence[Identity]) -> None:
    """Decrypt a file for its owner; `target` appears only when its last byte is authenticated."""
    with source.open("rb") as sealed, atomic_write(target, mode=0o600) as plain:
        for chunk in decrypt(sealed, identities):
            plain.write(chunk)


def derive(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """Derive 32 bytes by HKDF-SHA-256."""
    return HKDF(SHA256(), 32, salt, info).derive(secret)


def bad_header(what: str) -> CryptoError:
    """Return the error of an invalid header."""
    return CryptoError(f"the encrypted file's header is damaged: {what}", hint=_COPY)


def require_alone(stanzas: Sequence[Stanza]) -> None:
    """Raise CryptoError for a passphrase stanza next to others: the format forbids it."""
    if len(stanzas) > 1 and any(stanza.kind == "scrypt" for stanza in stanzas):
        raise bad_header("a passphrase is next to another key")


def _require_equally_strong(stanzas: Sequence[Stanza]) -> None:
    """Raise CryptoError for a mix of post-quantum and other keys: the weakest opens the file."""
    is_hybrid = {stanza.kind == "mlkem768x25519" for stanza in stanzas}
    if len(is_hybrid) > 1:
        raise CryptoError(
            "post-quantum keys (age1pq1...) and others cannot share a file",
            hint="encrypt a file for each",
        )


def encode_base64(content: bytes) -> bytes:
    """Encode as base64 without padding."""
    return base64.b64encode(content).rstrip(b"=")


def decode_base64(text: bytes | str) -> bytes:
    """Decode canonical base64; raises CryptoError for any other."""
    encoded = text.encode("ascii") if isinstance(text, str) else text
    try:
        content = base64.b64decode(encoded + b"=" * (-len(encoded) % 4), validate=True)
    except binascii.Error as error:
        raise bad_header("base64") from error
    if encode_base64(content) != encoded:
        raise bad_header("base64")
    return content


def _mac(file_key: bytes, head: bytes) -> bytes:
    return hmac.digest(derive(file_key, b"", b"header"), head, "sha256")


def _nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _stanza_bytes(stanza: Stanza) -> bytes:
    text = encode_base64(stanza.body)
    lines = [text[i : i + _COLUMNS] for i in range(0, len(text) + 1, _COLUMNS)]
    return b"\n".join([b"-> " + " ".join(stanza.arguments).encode(), *lines, b""])


def _read_header(source: IO[bytes]) -> tuple[list[Stanza], bytes, bytes]:
    """Return the stanzas, the authenticated bytes, and their authentication code."""
    lines = _header_lines(source)
    if next(lines) != _VERSION:
        raise bad_header("it is not an age file of version 1")
    head = [_VERSION]
    stanzas: list[Stanza] = []
    for line in lines:
        if line.startswith(b"---"):
            mac = decode_base64(line[4:-1]) if line[:4] == b"--- " else b""
            if len(mac) != 32 or not stanzas:
                raise bad_header("invalid last line")
            return stanzas, b"".join(head) + b"---", mac
        stanza, read = _read_stanza(line, lines)
        stanzas.append(stanza)
        head += read
    raise AssertionError  # the lines end by an error or in the loop


def _header_lines(source: IO[bytes]) -> Iterator[bytes]:
    size = 0
    while True:
        line = source.readline(_MAX_HEADER)
        size += len(line)
        if not line.endswith(b"\n") or size > _MAX_HEADER:
            raise bad_header("it is cut")
        yield line


def _read_stanza(line: bytes, lines: Iterator[bytes]) -> tuple[Stanza, list[bytes]]:
    """Return the stanza that begins with `line`, and its lines."""
    arguments = tuple(line[:-1].decode("latin-1").split(" "))
    if arguments[0] != "->" or not all(map(_ARGUMENT.fullmatch, arguments)) or len(arguments) < 2:
        raise bad_header("invalid first line of a key")
    read, body = [line], []
    for row in lines:
        read.append(row)
        body.append(decode_base64(row[:-1]))
        if len(row) > _COLUMNS + 1:
            raise bad_header("a long line")
        if len(row) < _COLUMNS + 1:
            break
    return Stanza(arguments[1:], b"".join(body)), read


def _file_key(stanzas: Sequence[Stanza], identities: Iterable[Identity]) -> bytes:
    require_alone(stanzas)
    for identity in identities:
        for stanza in stanzas:
            file_key = identity.unwrap(stanza)
            if file_key is not None:
                return file_key
    raise CryptoError(
        "the key does not open this file", hint="check CHATBOT_MODEL_KEY: every letter counts"
    )


def _payload(source: IO[bytes], file_key: bytes) -> Iterator[bytes]:
    """Yield the plain chunks; the last must be marked as the last, and nothing may follow it."""
    nonce = source.read(16)
    if len(nonce) < 16:
        raise bad_header("it is cut")
    cipher = ChaCha20Poly1305(derive(file_key, nonce, b"payload"))
    number = n_bytes = 0
    sealed = source.read(CHUNK + _TAG)
    while True:
        following = source.read(CHUNK + _TAG) if len(sealed) == CHUNK + _TAG else b""
        try:
            plain, is_last = _open_chunk(cipher, number, sealed, bool(following))
        except InvalidTag as error:
            raise _cut(n_bytes) from error
        if not plain and number:
            raise _cut(n_bytes)
        yield plain
        n_bytes += len(plain)
        if is_last and not following:
            return
        if is_last or not following:
            raise _cut(n_bytes)
        sealed, number = following, number + 1


def _open_chunk(
    cipher: ChaCha20Poly1305, number: int, sealed: bytes, has_next: bool
) -> tuple[bytes, bool]:
    """Return a chunk, and whether it is marked as the last one."""
    for is_last in (not has_next, has_next):
        if not is_last and len(sealed) < CHUNK + _TAG:
            continue  # only the last may be short
        try:
            return cipher.decrypt(_nonce(number, is_last), sealed, None), is_last
        except InvalidTag:
            continue
    raise InvalidTag


def _cut(n_bytes: int) -> CryptoError:
    return CryptoError(
        f"the encrypted file is cut or changed after {n_bytes:,} good bytes", hint=_COPY
    )
