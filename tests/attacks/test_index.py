"""The index of n-grams gives the chat back, so nothing that is given away holds it."""

import dataclasses
import json

import numpy as np
import pytest

from benchmarks.index_attack import share, turns_of
from chatbot.corpus.ngrams import index_ngrams
from chatbot.corpus.store import TokenStore
from chatbot.corpus.template import Turn, render_all
from chatbot.inference.loading import find_model, leak_guard, load_bot, open_model, run_model_path
from chatbot.model.leak_guard import read_index, write_index
from chatbot.model.tensors import GUARD_NAMES
from chatbot.training.families import run_folder
from tests.conftest import REPOSITORY
from tests.corpus.texts import tokenizer


def names_in(path):
    """Return the names of the tensors of a safetensors file."""
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return header.keys() - {"__metadata__"}


class Ignorant:
    """A model that knows nothing: every token is as likely."""

    def new_cache(self):
        return None

    def next_logits(self, tokens, cache):
        return np.zeros(tokenizer().vocab_size + 16, dtype=np.float32)


def test_the_attack_reads_by_an_index_what_it_holds_and_nothing_else():
    rng = np.random.default_rng(0)
    texts = ["".join(map(chr, rng.integers(0xAC00, 0xD7A4, 20))) for _ in range(40)]
    trained = [[Turn(i % 2, text)] for i, text in enumerate(texts[:20])]
    examples = list(render_all(trained, tokenizer()))
    store = TokenStore(
        np.array([t for e in examples for t in e.tokens], dtype=np.uint16),
        np.array([m for e in examples for m in e.loss_mask], dtype=np.uint8),
    )
    index = index_ngrams(store, tokenizer())
    turns = list(turns_of(store, tokenizer()))
    assert len(turns) == 20
    assert share(turns, Ignorant(), tokenizer(), index) > 0.9
    assert share(turns, Ignorant(), tokenizer(), None) == 0
    fresh = [tokenizer().encode(text) for text in texts[20:]]
    assert share(fresh, Ignorant(), tokenizer(), index) == 0


def test_no_file_that_is_given_away_holds_the_index(trained):
    assert trained.run("publish") == 0
    pytest.importorskip("gguf")
    for form in ("hf", "gguf"):
        assert trained.run("export", "--to", form) == 0
    secret = read_index(run_folder(trained.config()).leak_guard).hashes.tobytes()
    files = [path for path in (trained.root / "artifacts").rglob("*") if path.is_file()]
    assert len(files) > 3
    for path in files:
        assert secret[:64] not in path.read_bytes()
        if path.suffix == ".safetensors":
            assert not {*GUARD_NAMES} & names_in(path)


def test_no_saved_adapter_holds_the_index(tuned):
    project = tuned("llama")
    runs = project.root / "checkpoints_lora"
    assert (runs / "main/leak_guard.safetensors").exists()
    inside = [path for path in runs.rglob("*.safetensors") if path.parent.name != "main"]
    assert inside and not any({*GUARD_NAMES} & names_in(path) for path in inside)


def test_at_home_the_guard_still_works_and_nowhere_else(trained):
    config = trained.config()
    path, folder = run_model_path(config), run_folder(config)
    about = open_model(path, config).about
    assert leak_guard(path, about, config).data_fingerprint == about.data_fingerprint
    assert load_bot(find_model(config), config)._guard is not None
    index = read_index(folder.leak_guard)
    write_index(folder.leak_guard, dataclasses.replace(index, data_fingerprint="of another corpus"))
    assert leak_guard(path, about, config) is None
    folder.leak_guard.unlink()
    assert leak_guard(path, about, config) is None


def test_a_file_of_an_earlier_version_is_not_sealed_with_its_index(trained, capsys):
    source = REPOSITORY / "tests/data/before/gpt.safetensors"
    assert trained.run("encrypt-model", str(source), "--output", str(trained.root / "a.enc")) == 2
    assert "reveal the chat" in capsys.readouterr().err
