"""Model files that a stranger wrote: refused in a sentence, before memory is taken for them."""

import json

import pytest

from chatbot.errors import ChatbotError
from chatbot.model.bundle import read_bundle_bytes
from tests.attacks.hostile import (
    SHAPE,
    file_of,
    model_bytes,
    open_file,
    parts_of,
    with_metadata,
    with_shape,
    with_tokenizer,
)

MAX_MEGABYTES = 300
MODEL = model_bytes()
HEADER, DATA = parts_of(MODEL)
FIRST = "layers.0.input_layernorm.weight"


def with_tensors(**entries):
    """Return the model with tensors added behind its own: dtype, shape, bytes."""
    header, data = parts_of(MODEL)
    for name, (dtype, shape, content) in entries.items():
        place = [len(data), len(data) + len(content)]
        header[name.replace("__", ".")] = {"dtype": dtype, "shape": shape, "data_offsets": place}
        data += content
    return file_of(header, data)


def overlapping(n_views):
    size = 1 << 21
    header, data = parts_of(MODEL)
    begin = len(data)
    for number in range(n_views):
        entry = {"dtype": "F16", "shape": [size // 2], "data_offsets": [begin, begin + size]}
        header[f"view.{number}"] = entry
    return file_of(header, data + bytes(size))


def moved(n_bytes):
    """Return the model with a hole before its last tensor, of bytes that could be anything."""
    header, data = parts_of(MODEL)
    last = max(
        (entry for name, entry in header.items() if name != "__metadata__"),
        key=lambda entry: entry["data_offsets"],
    )
    begin, end = last["data_offsets"]
    last["data_offsets"] = [begin + n_bytes, end + n_bytes]
    return file_of(header, data[:begin] + bytes(n_bytes) + data[begin:])


def in_pieces(text):
    return file_of(text, DATA)


def chain(n_parts):
    part = {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 64}
    return lambda document: document.update(
        normalizer={
            "type": "Sequence",
            "normalizers": [
                {"type": "Prepend", "prepend": "a"},
                *[part] * n_parts,
            ],
        }
    )


def bad_pattern(document):
    split = {"type": "Split", "pattern": {"Regex": "(?<"}, "behavior": "Isolated", "invert": False}
    document["pre_tokenizer"] = split


def renumber(document):
    vocab = document["model"]["vocab"]
    vocab[next(reversed(vocab))] = 4_000_000_000


def forget_a_byte(document):
    vocab = document["model"]["vocab"]
    vocab["aaaaaa"] = vocab.pop("a")


def merge_nothing(document):
    document["model"]["merges"].append(["a", "zzzzzzzz"])


def forge(document):
    document["added_tokens"][2]["content"] = "ㅋㅋ"


def spell_no_bytes(document):
    vocab = document["model"]["vocab"]
    vocab["한국"] = vocab.pop(next(reversed(vocab)))
    document["model"]["merges"].pop()


ABOUT = json.loads(HEADER["__metadata__"]["about"])
HEADER_TEXT = json.dumps(HEADER, ensure_ascii=False, separators=(",", ":")).encode()
FILES = {
    "scale": lambda: with_tensors(
        big=("I8", [1, 60000], bytes(60000)), big__scale=("F32", [60000], bytes(240000))
    ),
    "scale_of_bytes": lambda: with_tensors(a=("I8", [1, 8], bytes(8)), a__scale=("I8", [1], b"1")),
    "views": lambda: overlapping(3000),
    "hole": lambda: moved(4096),
    "more_tensors": lambda: with_tensors(other__weight=("F32", [4], bytes(16))),
    "pickle_behind": lambda: file_of(parts_of(MODEL)[0], DATA + bytes(64)),
    "no_tensor": lambda: file_of({"__metadata__": dict(HEADER["__metadata__"])}, b""),
    "empty_giant": lambda: with_tensors(a=("F32", [0, 1 << 62], b"")),
    "layers": lambda: with_shape(MODEL, n_layer=10**12),
    "no_layers": lambda: with_shape(MODEL, n_layer=0),
    "negative": lambda: with_shape(MODEL, n_embd=-16),
    "context": lambda: with_shape(MODEL, block_size=10**9),
    "fraction": lambda: with_shape(MODEL, n_head=1.5),
    "heads": lambda: with_shape(MODEL, n_head=3),
    "kv_heads": lambda: with_shape(MODEL, n_kv_head=0),
    "not_a_number": lambda: with_shape(MODEL, rope_theta=float("nan")),
    "dropout": lambda: with_shape(MODEL, dropout=float("inf")),
    "vocabulary": lambda: with_shape(MODEL, vocab_size=10**12),
    "config_deep": lambda: with_metadata(MODEL, config="[" * 100_000),
    "config_twice": lambda: with_metadata(MODEL, config='{"n_layer":9,' + HEADER["__metadata__"]["config"][1:]),
    "config_long": lambda: with_metadata(MODEL, config="[" + "[]," * 9_000_000 + "[]]"),
    "about_deep": lambda: with_metadata(MODEL, about='{"a":' * 100_000),
    "about_typed": lambda: with_metadata(MODEL, about='{"step":"three"}'),
    "about_lines": lambda: with_metadata(MODEL, about=json.dumps(ABOUT | {"run_name": "a\nerror: b"})),
    "about_surrogate": lambda: with_metadata(MODEL, about='{"run_name":"\\ud800"}'),
    "about_long": lambda: with_metadata(MODEL, about=json.dumps(ABOUT | {"run_name": "a" * 10**6})),
    "header_deep": lambda: in_pieces(b"[" * 1_000_000),
    "header_twice": lambda: in_pieces(HEADER_TEXT[:-1] + b',"norm.weight":' + json.dumps(HEADER["norm.weight"], separators=(",", ":")).encode() + b"}"),
    "header_latin": lambda: in_pieces(HEADER_TEXT.replace(b"norm", b"n\xffrm", 1)),
    "header_long": lambda: in_pieces(b'{"a":"' + b"a" * 100_000_000 + b'"}'),
    "header_entries": lambda: in_pieces(b"{" + b",".join(b'"%x":{}' % n for n in range(5_000_000)) + b"}"),
    "header_numbers": lambda: in_pieces(b'{"a":[' + b"1," * 20_000_000 + b"1]}"),
    "replace_chain": lambda: with_tokenizer(MODEL, chain(12)),
    "bad_pattern": lambda: with_tokenizer(MODEL, bad_pattern),
    "far_id": lambda: with_tokenizer(MODEL, renumber),
    "byte_missing": lambda: with_tokenizer(MODEL, forget_a_byte),
    "merge_of_nothing": lambda: with_tokenizer(MODEL, merge_nothing),
    "forged_end": lambda: with_tokenizer(MODEL, forge),
    "no_bytes": lambda: with_tokenizer(MODEL, spell_no_bytes),
    "tokenizer_deep": lambda: with_metadata(MODEL, tokenizer_json='{"a":' * 100_000),
    "tokenizer_long": lambda: with_metadata(MODEL, tokenizer_json="[" + "[]," * 10_000_000 + "[]]"),
    "no_tokenizer": lambda: with_metadata(MODEL, tokenizer_json="null"),
}  # fmt: skip
# What took gigabytes, killed the process or ended in a traceback: each in a process of its own.
MEASURED = (
    "scale", "views", "empty_giant", "config_long", "header_long", "header_entries",
    "header_numbers", "header_deep", "replace_chain", "bad_pattern", "far_id", "tokenizer_long",
    "about_lines",
)  # fmt: skip


def test_an_honest_file_opens(tmp_path):
    for dtype in ("fp32", "fp16", "int8"):
        opening = open_file(tmp_path, model_bytes(dtype))
        assert opening.status == 0 and opening.megabytes < 100, opening
    assert read_bundle_bytes(file_of(*parts_of(MODEL)), "a file").about.step == 3


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_is_refused(name):
    content = FILES[name]()
    with pytest.raises(ChatbotError):
        _ = read_bundle_bytes(content, "a file").tokenizer


@pytest.mark.slow
@pytest.mark.parametrize("name", MEASURED)
def test_a_hostile_file_takes_no_memory(tmp_path, name):
    opening = open_file(tmp_path, FILES[name]())
    errors = [line for line in opening.messages if line.startswith("error: ")]
    assert opening.status == 2 and len(errors) == 1, opening
    assert opening.messages[0] == errors[0] and len(opening.messages) == 2, opening
    assert opening.megabytes < MAX_MEGABYTES


def test_the_vocabulary_of_another_model_is_refused(tmp_path):
    header, _ = parts_of(MODEL)
    changed = dict(header["__metadata__"])
    assert SHAPE.vocab_size == len(json.loads(changed["tokenizer.json"])["model"]["vocab"])

    def drop_the_last_merge(document):
        document["model"]["merges"].pop()
        document["model"]["vocab"].popitem()

    opening = open_file(tmp_path, with_tokenizer(MODEL, drop_the_last_merge))
    assert opening.status == 2, opening
