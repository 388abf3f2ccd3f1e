"""Exports, settings and models as attacks: no crash, no hang, no memory without bound.

A few examples in every run of the tests; `make test-faults` draws thousands.
"""

import contextlib
import io
import os
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.cli.invented_room import invent_room, write_android_export
from chatbot.corpus.template import parse, render_all
from chatbot.crypto.age import decrypt
from chatbot.errors import ChatbotError
from chatbot.ingest.readers import read_messages
from chatbot.model.bundle import read_bundle_bytes, write_bundle
from chatbot.model.gpt.file import shape_of
from chatbot.model.gpt.numpy_network import NumpyGPT
from chatbot.settings.load import load_config
from tests.corpus.texts import hostile, tokenizer, turns
from tests.crypto.sealing import WHO, sealed
from tests.faults.mutations import mutations
from tests.model.gpt.networks import model_file

N = int(os.environ.get("N_FUZZ", "60"))
EXPORT = write_android_export(invent_room(3, seed=1))
pieces = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from([
            b"\xef\xbb\xbf", b"\xff\xfe", b"2025\xeb\x85\x84 3\xec\x9b\x94 2\xec\x9d\xbc \xec\x98\xa4\xec\xa0\x84 9:00, ",
            b" : ", b"\r\n", b"\n", b"[", b"] [", b"--------------- ", b"Date,User,Message\n", b'"', b",", b"\x00",
            "ㅋ".encode() * 500, b"<|eos|>", b"../../etc/passwd", b"99999999999999999999", b"2025-02-30 25:61:00,",
        ]),
    ),
    max_size=30,
).map(b"".join)  # fmt: skip


@settings(max_examples=N)
@given(st.one_of(pieces, mutations(EXPORT)), st.sampled_from(["a.txt", "a.csv", "a.zip", "a.eml"]))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content, name):
    path = tmp_path_factory.mktemp("fuzz") / name
    path.write_bytes(content)
    try:
        for message in read_messages(path):
            assert message.kind in ("message", "media", "system")
            message.text.encode("utf-8", "surrogatepass")
    except ChatbotError as error:
        assert str(error)


@pytest.mark.parametrize("end", range(60, 110))
def test_a_file_cut_in_its_first_lines_is_read_or_refused(tmp_path, end):
    path = tmp_path / "a.txt"
    path.write_bytes(EXPORT[:end])
    with contextlib.suppress(ChatbotError):
        assert list(read_messages(path)) is not None


def test_a_zip_bomb_and_a_path_out_of_the_archive_do_nothing(tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../evil.txt", EXPORT)
        with archive.open("bomb.txt", "w") as file:
            for _ in range(64):
                file.write(bytes(1 << 20))
    with contextlib.suppress(ChatbotError):
        assert list(read_messages(path)) is not None
    assert not list(tmp_path.parent.glob("evil*"))


@pytest.mark.parametrize(
    "line", ["가" * 1_000_000, "ㅋ" * 1_000_000, "<|eos|>" * 100_000, "\u0301" * 300_000]
)
def test_a_line_of_a_megabyte_is_read_in_time(tmp_path, line):
    path = tmp_path / "a.txt"
    path.write_bytes(EXPORT + f"2025년 6월 2일 오전 9:00, 가람 : {line}\r\n".encode())
    assert len(list(read_messages(path))) > 1


@settings(max_examples=N)
@given(st.one_of(pieces, mutations(b"sampling:\n  temperature: 0.7\n  top_k: 4\n")))
def test_any_settings_are_loaded_or_refused(tmp_path_factory, content):
    root = tmp_path_factory.mktemp("config")
    (root / "configs").mkdir()
    (root / "configs/gen.yaml").write_bytes(content)
    try:
        load_config(root)
    except ChatbotError as error:
        assert "gen.yaml" in str(error) or str(error)


@pytest.fixture(scope="module")
def model_content(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    write_bundle(path, model_file())
    return path.read_bytes()


@settings(max_examples=4 * N)
@given(st.data())
def test_any_model_is_read_or_refused(model_content, data):
    head = int.from_bytes(model_content[:8], "little") + 8
    where = data.draw(st.sampled_from([slice(0, 8), slice(8, head), slice(0, len(model_content))]))
    part = data.draw(mutations(model_content[where]))
    changed = model_content[: where.start] + part + model_content[where.stop :]
    try:
        found = read_bundle_bytes(changed, "a file")
        NumpyGPT(shape_of(found), found.weights)
    except ChatbotError as error:
        assert str(error)


HEADERS = [
    b'{"__metadata__":{"format":"chatbot-2"},"a":{"dtype":"F32","shape":[1000000000000,1000000000000],"data_offsets":[0,0]}}',
    b'{"a":{"dtype":"F32","shape":[0,-1],"data_offsets":[0,0]}}', b"[" * 100_000, b'{"a":' * 50_000, b"null", b"1", b'""',
    b'{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}', b'{"__metadata__":[],"a":1}',
    b'{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}', b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}',
]  # fmt: skip


@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
def test_a_crafted_header_is_refused(header):
    for size in (len(header), 1 << 62, 1 << 30):
        with pytest.raises(ChatbotError):
            read_bundle_bytes(size.to_bytes(8, "little") + header + bytes(16), "a file")


@settings(max_examples=4 * N)
@given(mutations(sealed(bytes(200))))
def test_any_age_file_is_opened_or_refused(changed):
    try:
        b"".join(decrypt(io.BytesIO(changed), [WHO]))
    except ChatbotError as error:
        assert str(error)


@settings(max_examples=N)
@given(st.lists(turns, min_size=1, max_size=3), hostile)
def test_names_and_text_never_become_control_tokens(sessions, text):
    for example, session in zip(render_all(sessions, tokenizer()), sessions, strict=True):
        assert [said for _, said in parse(example.tokens, tokenizer())] == [t.text for t in session]
    assert all(token >= tokenizer().n_control for token in tokenizer().encode(text))
