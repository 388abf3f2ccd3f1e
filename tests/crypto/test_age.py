"""age files: the published vectors, both directions with other programs, every change refused."""

import hashlib
import io
import shutil
import subprocess
import zlib

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chatbot.crypto.age import CHUNK, decrypt, decrypt_file, encrypt_file
from chatbot.crypto.age_keys import (
    HybridIdentity,
    Passphrase,
    identity_of,
    new_identity,
    new_passphrase,
    recipients_of,
)
from chatbot.crypto.armor import armored
from chatbot.crypto.bech32 import decode_bech32, encode_bech32
from chatbot.crypto.secrets import keep_secret
from chatbot.errors import CryptoError
from tests.conftest import SHARED
from tests.crypto.sealing import WHO, opened, sealed

LOW_ORDER = [bytes(32), (1).to_bytes(32, "little"), ((1 << 255) - 20).to_bytes(32, "little")]
VECTORS = sorted((SHARED / "vectors/age").glob("*")) if SHARED.exists() else []
KINDS = {
    "does not open": "no match",
    "header was changed": "HMAC failure",
    "header is damaged": "header failure",
    "armor is damaged": "armor failure",
    "cut or changed": "payload failure",
}
KNOWN = {
    "expect",
    "payload",
    "identity",
    "passphrase",
    "file key",
    "compressed",
    "armored",
    "comment",
}


def release(content, identities):
    """What happens to a file, as the vectors say it, and the hash of what came out before."""
    digest, n = hashlib.sha256(), 0
    try:
        for chunk in decrypt(io.BytesIO(content), identities):
            digest.update(chunk)
            n += 1
    except CryptoError as error:
        kind = next(kind for said, kind in KINDS.items() if said in str(error))
        return kind, digest.hexdigest(), n
    return "success", digest.hexdigest(), n


def read_vector(path):
    head, _, content = path.read_bytes().partition(b"\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.decode().splitlines():
        name, _, value = line.partition(": ")
        fields.setdefault(name, []).append(value)
    if fields.get("compressed") == ["zlib"]:
        content = zlib.decompress(content)
    return fields, content


@pytest.mark.skipif(not VECTORS, reason="the published vectors are not here")
@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.name)
def test_published_vectors(path):
    fields, content = read_vector(path)
    if unknown := fields.keys() - KNOWN:
        pytest.skip(f"needs {unknown}")
    identities = [identity_of(key) for key in fields.get("identity", [])]
    identities += [Passphrase(phrase) for phrase in fields.get("passphrase", [])]
    kind, digest, n_released = release(content, identities)
    assert kind == fields["expect"][0]
    if "payload" in fields:
        assert digest == fields["payload"][0]
    else:
        assert not n_released


@given(st.binary(max_size=300), st.integers(0, 3), st.sampled_from([-1, 0, 1]))
def test_what_is_sealed_opens(rest, n_chunks, off):
    content = bytes(max(0, n_chunks * CHUNK + off)) + rest
    assert opened(sealed(content)) == content
    assert opened(armored(sealed(content))) == content


@settings(max_examples=300)
@given(st.data(), st.sampled_from([0, 100, CHUNK, CHUNK + 100]))
def test_any_change_is_refused(data, n):
    whole = sealed(bytes(n))
    payload = whole.index(b"\n--- ") + 49
    places = st.one_of(st.integers(0, payload), st.integers(payload, len(whole) - 1))
    place = data.draw(places)
    how = data.draw(st.sampled_from(["cut", "flip", "insert", "append", "drop"]))
    changed = {
        "cut": whole[:place],
        "flip": whole[:place]
        + bytes([whole[place] ^ 1 << data.draw(st.integers(0, 7))])
        + whole[place + 1 :],
        "insert": whole[:place] + b"\0" + whole[place:],
        "append": whole + b"\0",
        "drop": whole[:place] + whole[place + 1 :],
    }[how]
    assume(changed != whole)
    with pytest.raises(CryptoError):
        opened(changed)


@given(st.binary(max_size=2000))
def test_noise_is_refused(noise):
    for content in (noise, b"age-encryption.org/v1\n" + noise, b"-----BEGIN AGE" + noise):
        with pytest.raises(CryptoError):
            opened(content)


@pytest.mark.parametrize(
    "line", [b"-> " + b"a" * 10_000_000, b"-> a\n" * 1_000_000, b" " * 5_000_000]
)
def test_a_header_without_end_takes_no_memory(line):
    with pytest.raises(CryptoError):
        opened(b"age-encryption.org/v1\n" + line)


def test_a_passphrase_is_composed_and_opens_what_was_not():
    composed, decomposed = "비밀", "\u1107\u1175\u1106\u1175\u11af"
    assert composed != decomposed
    assert opened(sealed(b"a", Passphrase(decomposed, 4)), Passphrase(composed)) == b"a"
    as_typed = Passphrase(decomposed, 4)
    as_typed._phrases = [decomposed]
    assert opened(sealed(b"a", as_typed), Passphrase(decomposed)) == b"a"
    with pytest.raises(CryptoError, match="does not open"):
        opened(sealed(b"a", Passphrase("비밀", 4)), Passphrase("다른 말"))


def test_work_is_capped():
    content = sealed(b"a", Passphrase("a", 4)).replace(b" 4\n", b" 23\n")
    with pytest.raises(CryptoError, match="above 2\\^22"):
        opened(content, Passphrase("a"))


def test_every_named_recipient_opens_it_and_nobody_else():
    people = [new_identity() for _ in range(3)]
    names = [str(person.recipient) for person in people[:2]]
    content = sealed(b"hello", *recipients_of(names))
    for person in people[:2]:
        assert opened(content, identity_of(person.secret_text())) == b"hello"
    with pytest.raises(CryptoError, match="does not open"):
        opened(content, people[2])


def test_a_passphrase_stands_alone():
    with pytest.raises(CryptoError, match="next to another key"):
        sealed(b"a", Passphrase("a", 4), WHO.recipient)


@given(st.binary(min_size=1, max_size=60), st.sampled_from(["age", "a-1b"]))
def test_bech32_comes_back_and_a_wrong_letter_is_seen(content, prefix):
    text = encode_bech32(prefix, content)
    assert decode_bech32(prefix, text) == content
    for place in range(len(prefix) + 1, len(text)):
        other = "q" if text[place] != "q" else "p"
        with pytest.raises(ValueError):
            decode_bech32(prefix, text[:place] + other + text[place + 1 :])


@pytest.mark.parametrize("key", ["age1", "AGE1QQQ", "age1" + "q" * 58, "age1" + "가" * 10, ""])
def test_a_misspelled_recipient_is_refused(key):
    with pytest.raises(CryptoError, match="misspelled"):
        recipients_of([key])


def test_secrets_are_not_shown():
    key = new_identity()
    assert key.secret_text() not in repr(key)
    assert "열쇠" not in repr(Passphrase("열쇠"))


def test_drawn_passphrases_differ_and_are_long():
    phrases = {new_passphrase() for _ in range(50)}
    assert len(phrases) == 50
    assert all(len(phrase.split("-")) == 6 for phrase in phrases)


def test_no_file_is_left_of_a_failed_opening(tmp_path):
    plain, locked, out = (tmp_path / name for name in ("plain", "locked", "out"))
    plain.write_bytes(bytes(3 * CHUNK))
    encrypt_file(plain, locked, [WHO.recipient])
    locked.write_bytes(locked.read_bytes()[:-1])
    with pytest.raises(CryptoError, match=f"after {2 * CHUNK:,} good bytes"):
        decrypt_file(locked, out, [WHO])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["locked", "plain"]


@pytest.mark.skipif(shutil.which("age") is None, reason="the age command is not installed")
@pytest.mark.parametrize("n", [0, 1, CHUNK, 200_000])
def test_the_age_command_opens_ours_and_we_open_its(tmp_path, n):
    plain, ours, theirs = (tmp_path / name for name in ("plain", "ours.age", "theirs.age"))
    plain.write_bytes(bytes(n))
    key = tmp_path / "key.txt"
    key.write_text(WHO.secret_text() + "\n")
    encrypt_file(plain, ours, [WHO.recipient])
    done = subprocess.run(["age", "-d", "-i", key, ours], capture_output=True, check=True)
    assert done.stdout == bytes(n)
    for how in ([], ["-a"]):
        line = ["age", *how, "-r", str(WHO.recipient), "-o", theirs, plain]
        subprocess.run(line, check=True, capture_output=True)
        assert opened(theirs.read_bytes()) == bytes(n)


@pytest.mark.parametrize("n", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 1_000_003])
def test_rage_opens_ours_and_we_open_its(n):
    pyrage = pytest.importorskip("pyrage")
    theirs = pyrage.x25519.Identity.from_str(WHO.secret_text())
    recipient = pyrage.x25519.Recipient.from_str(str(WHO.recipient))
    assert pyrage.decrypt(sealed(bytes(n)), [theirs]) == bytes(n)
    assert opened(pyrage.encrypt(bytes(n), [recipient])) == bytes(n)


@pytest.mark.slow
def test_rage_and_we_share_passphrases():
    pyrage = pytest.importorskip("pyrage")
    assert (
        pyrage.passphrase.decrypt(sealed(b"hello", Passphrase("비밀 말", 10)), "비밀 말")
        == b"hello"
    )
    assert opened(pyrage.passphrase.encrypt(b"hello", "비밀 말"), Passphrase("비밀 말")) == b"hello"


def test_a_public_key_is_no_passphrase():
    public = str(WHO.recipient)
    for key in (public, public.upper(), f" {public}"):
        with pytest.raises(CryptoError, match="public key, which cannot decrypt"):
            identity_of(key)
    secret = WHO.secret_text()
    assert opened(sealed(b"a"), identity_of(f" {secret}\n")) == b"a"
    with pytest.raises(CryptoError, match="misspelled"):
        identity_of(secret.lower())


def test_secrets_are_for_their_owner_only(tmp_path):
    keep_secret(tmp_path, "A", "b")
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
    (tmp_path / "plain").write_bytes(b"x")
    encrypt_file(tmp_path / "plain", tmp_path / "locked", [WHO.recipient])
    decrypt_file(tmp_path / "locked", tmp_path / "out", [WHO])
    assert (tmp_path / "out").stat().st_mode & 0o077 == 0


@given(st.binary(max_size=200), st.binary(min_size=32, max_size=32))
@settings(max_examples=20)
def test_a_post_quantum_key_opens_what_is_written_for_it_and_no_other_does(content, seed):
    identity = identity_of(HybridIdentity(seed).secret_text())
    (recipient,) = recipients_of([str(identity.recipient)])
    file = sealed(content, recipient)
    assert opened(file, identity) == content
    for other in (WHO, HybridIdentity(bytes(32)), Passphrase("x", log_n=1)):
        assume(seed != bytes(32))
        with pytest.raises(CryptoError, match="does not open"):
            opened(file, other)


def test_a_file_is_for_post_quantum_keys_alone_or_for_none():
    identity = HybridIdentity(bytes(range(32)))
    with pytest.raises(CryptoError, match="post-quantum"):
        sealed(b"x", identity.recipient, WHO.recipient)
    assert opened(sealed(b"x", identity.recipient, HybridIdentity(bytes(32)).recipient), identity)


@pytest.mark.parametrize("point", LOW_ORDER, ids=["zero", "one", "minus one"])
def test_a_public_key_of_low_order_is_refused_with_a_sentence(point):
    for text in (encode_bech32("age", point), encode_bech32("age1pq", bytes(1184) + point)):
        with pytest.raises(CryptoError, match="public key is invalid"):
            sealed(b"x", *recipients_of([text]))
