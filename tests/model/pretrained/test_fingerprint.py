"""The guard of a base: whatever changes its answers is noticed, and nothing else is."""

import dataclasses
import json
import shutil
from pathlib import Path

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from chatbot.errors import CheckpointError
from chatbot.model.pretrained import fingerprint
from chatbot.model.pretrained.file import read_folder
from chatbot.model.pretrained.fingerprint import fingerprint_of
from chatbot.model.pretrained.hub import Base
from chatbot.model.pretrained.network import open_network
from chatbot.settings.schema import BaseModelConfig
from chatbot.training.families import run_folder
from tests.sft import SftProject


def change_weights(folder: Path, name: str, change) -> None:
    weights = load_file(folder / "model.safetensors")
    weights = {key: weight.clone() for key, weight in weights.items()}
    change(weights[name])
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def change_config(folder: Path, **changes) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def double(weight: torch.Tensor) -> None:
    weight *= 2


def edit_eight(weight: torch.Tensor) -> None:
    weight.view(-1)[100:108] += 1


def rotate_faster(folder: Path) -> None:
    rope = json.loads((folder / "config.json").read_text())["rope_parameters"]
    change_config(folder, rope_parameters=rope | {"rope_theta": 1234.0})


CHANGES = {
    "a doubled norm": lambda f: change_weights(f, "model.norm.weight", double),
    "eight weights": lambda f: change_weights(f, "model.embed_tokens.weight", edit_eight),
    "another angle of positions": rotate_faster,
    "another epsilon": lambda f: change_config(f, rms_norm_eps=0.1),
    "another activation": lambda f: change_config(f, hidden_act="gelu"),
}
HARMLESS = {
    "another version of transformers": lambda f: change_config(f, transformers_version="0.1"),
    "another name": lambda f: change_config(f, _name_or_path="elsewhere"),
    "a cache by default": lambda f: change_config(f, use_cache=False),
}


@pytest.fixture
def copied(tuned, tmp_path):
    """A project with an adapter, on a copy of its base that may be changed."""
    project = tuned("qwen2")
    folder = Path(shutil.copytree(project.base, tmp_path / "base"))
    return SftProject(project.root, folder)


def reopened(project: SftProject):
    saved = read_folder(run_folder(project.config()).best.parent)
    return open_network(saved, project.config())


def with_fingerprint(bundle, fingerprint: str):
    about = msgspec.structs.replace(bundle.about, base_fingerprint=fingerprint)
    return dataclasses.replace(bundle, about=about)


@pytest.mark.parametrize("name", CHANGES)
def test_a_base_that_changed_neither_answers_nor_trains_on(copied, name, capsys):
    assert reopened(copied)
    CHANGES[name](copied.base)
    with pytest.raises(CheckpointError, match=r"another base than .*: .* differ"):
        reopened(copied)
    assert copied.run("train", settings=("training.max_steps=14",)) == 2
    assert "belongs to another base" in capsys.readouterr().err


@pytest.mark.parametrize("name", HARMLESS)
def test_a_base_that_computes_the_same_is_the_same(copied, name):
    HARMLESS[name](copied.base)
    assert reopened(copied)


def test_an_adapter_of_an_earlier_version_still_opens_on_its_base(copied):
    saved = read_folder(run_folder(copied.config()).best.parent)
    base = Base(BaseModelConfig(base_model=str(copied.base)), Path())
    before = with_fingerprint(saved, base.fingerprint().samples)
    assert open_network(before, copied.config())
    before = with_fingerprint(saved, "0" * 64)
    with pytest.raises(CheckpointError, match="another base"):
        open_network(before, copied.config())


def test_code_that_a_base_brings_belongs_to_it(bases, tmp_path):
    folder = Path(shutil.copytree(bases("qwen2"), tmp_path / "base"))
    change_config(folder, auto_map={"AutoModelForCausalLM": "modeling_own.OwnForCausalLM"})
    base = Base(BaseModelConfig(base_model=str(folder)), Path())
    (folder / "modeling_own.py").write_text("x = 1")
    before = base.fingerprint()
    (folder / "modeling_own.py").write_text("x = 2")
    assert base.fingerprint().difference(str(before)) is not None


@settings(max_examples=20)
@given(place=st.integers(0, (1 << 20) - 1), bits=st.integers(1, 255))
def test_every_byte_counts(tmp_path_factory, place, bits):
    content = bytearray(1 << 20)  # more than samples ever covered
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fingerprint, "_CHUNK_BYTES", 100_000)
        before = fingerprint_of([path], {}, [])
        assert before.difference(str(before)) is None
        content[place] ^= bits
        path.write_bytes(content)
        assert fingerprint_of([path], {}, []).difference(str(before)) == "the weights differ"
