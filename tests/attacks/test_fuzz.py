"""A model's header, metadata and vocabulary mutated: each opens as it was, or is refused."""

import gc
import json
import os
import random

import pytest

from chatbot.errors import ChatbotError
from chatbot.model.bundle import read_bundle_bytes
from chatbot.model.gpt.file import language_model
from chatbot.settings.load import load_config
from tests.attacks.hostile import file_of, memory_peak, model_bytes, parts_of
from tests.conftest import NO_CONFIGS

N = int(os.environ.get("N_FUZZ", "200"))
MODEL = model_bytes("int8")
VALUES = (
    None, True, -1, 0, 1.5, 10**12, float("nan"), "", "a" * 1000, "\x1b[2J", "\ud800", [], {}, [[]] * 1000,
    {"type": "Replace", "pattern": {"Regex": "(a+)+$"}, "content": "aaaa"},
)  # fmt: skip


def places_in(values, path=()):
    """Yield where values stand in nested ones."""
    inner = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in inner:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places_in(value, (*path, key))


def mutated(values, random):
    """Return JSON with one value replaced, dropped, doubled or moved to another key."""
    copy = json.loads(json.dumps(values))
    *path, key = random.choice(list(places_in(copy)))
    parent = copy
    for step in path:
        parent = parent[step]
    kind = random.choice(["replace", "replace", "drop", "rename", "number"])
    if kind == "drop":
        del parent[key]
    elif kind == "rename" and isinstance(parent, dict):
        parent[random.choice(["", "a", "ㅋ", "__metadata__", f"{key}.scale"])] = parent.pop(key)
    elif kind == "number" and isinstance(parent[key], int):
        parent[key] = int(parent[key] * random.choice([-1, 2, 1000, 10**9]) + random.randint(-2, 2))
    else:
        parent[key] = random.choice(VALUES)
    return copy


def mutate(random):
    """Return the model with its bytes, its header or a text of its metadata changed."""
    header, data = parts_of(MODEL)
    kind = random.choice(["bytes", "header", "config", "about", "tokenizer.json", "tokenizer.json"])
    if kind == "bytes":
        content = bytearray(MODEL)
        n_header = len(MODEL) - len(data)
        for _ in range(random.randint(1, 4)):
            content[random.randrange(n_header)] = random.randrange(256)
        return bytes(content)
    if kind == "header":
        entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
        changed = {"__metadata__": header["__metadata__"], **mutated(entries, random)}
        return encoded(changed, data)
    text = header["__metadata__"][kind]
    header["__metadata__"][kind] = json.dumps(mutated(json.loads(text), random))
    return file_of(header, data)


def encoded(header, data):
    try:
        return file_of(header, data)
    except (TypeError, KeyError, ValueError, AttributeError):  # no checksum of such entries
        text = json.dumps(header, separators=(",", ":")).encode()
        return file_of(text, data)


def test_a_mutated_file_opens_or_is_refused():
    config = load_config(NO_CONFIGS, ("runtime.device=cpu",))
    n_opened = 0
    with memory_peak() as megabytes:
        for seed in range(N):
            content = mutate(random.Random(seed))  # noqa: S311
            try:
                bundle = read_bundle_bytes(content, "a file")
                language_model(bundle, config)
                bundle.tokenizer.encode("안녕 ㅋㅋ aaa 12")
            except ChatbotError as error:
                assert str(error) and error.hint
            except BaseException as error:
                pytest.fail(f"seed {seed}: {error!r}")
            else:
                n_opened += 1
            gc.collect() if seed % 500 == 0 else None
    assert megabytes() < 300 and n_opened < N / 2
