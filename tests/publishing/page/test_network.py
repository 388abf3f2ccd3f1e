"""The page's network has the logits of ours, with either kernel and either dtype."""

import numpy as np
import pytest

from chatbot.inference.loading import language_model
from chatbot.publishing.page.payload import pack
from chatbot.settings.schema import Config
from tests.publishing.page.models import as_stored, random_bundle

PLAIN = {"n_layer": 2, "n_head": 4, "n_kv_head": 4, "n_embd": 64, "n_hidden": 128, "block_size": 96}
# Widths that no vector divides, and heads that share keys and values.
ODD = {"n_layer": 3, "n_head": 6, "n_kv_head": 2, "n_embd": 60, "n_hidden": 75, "block_size": 96}
LIMITS = {"int8": 1e-2, "fp16": 1e-3, "fp32": 1e-3}


def logits_of_ours(bundle, pieces):
    model = language_model(bundle, Config())
    cache = model.new_cache()
    return np.array([model.next_logits(np.array(piece), cache) for piece in pieces])


@pytest.mark.parametrize("has_wasm", [True, False], ids=["wasm", "javascript"])
@pytest.mark.parametrize("shape", [PLAIN, ODD], ids=["plain", "odd"])
@pytest.mark.parametrize("dtype", LIMITS)
def test_logits_are_those_of_numpy(engine, dtype, shape, has_wasm):
    bundle = as_stored(random_bundle(dict(shape)), dtype)
    tokens = np.random.default_rng(1).integers(0, 300, 64).tolist()
    pieces = [tokens[:1], tokens[1:8], tokens[8:39], tokens[39:40], tokens[40:64]]
    engine.open(pack(bundle, Config(), dtype), has_wasm)
    assert engine.page.evaluate("network.isFast") == has_wasm
    ours = logits_of_ours(bundle, pieces)
    assert ours.std() > 0.5
    assert np.abs(engine.logits(pieces) - ours).max() < LIMITS[dtype] / 10


def test_a_shortened_cache_goes_on_where_it_was_cut(engine):
    bundle = as_stored(random_bundle(dict(PLAIN)), "int8")
    engine.open(pack(bundle, Config(), "int8"))
    engine.logits([[5, 6, 7, 8]])
    engine.page.evaluate("network.cut(2)")
    ours = logits_of_ours(bundle, [[5, 6, 9]])
    assert np.abs(engine.logits([[9]]) - ours).max() < 1e-3


def test_too_little_memory_is_said(engine):
    code = engine.page.evaluate("""async () => {
      try { await openKernel(null, 2 ** 46); } catch (error) { return error.code; }
    }""")
    assert code == "memory"


@pytest.mark.parametrize("code", ["null", "new Uint8Array([0, 97, 115, 109])"])
def test_without_a_usable_wasm_plain_javascript_runs(engine, code):
    assert engine.page.evaluate(f"openKernel({code}, 100).then((kernel) => kernel.isFast)") is False
