"""One-file models: what is read is what was written; anything else is refused."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.numpy import load, save

from chatbot.errors import CheckpointError
from chatbot.model.bundle import About, read_bundle, write_bundle
from chatbot.model.gpt.file import shape_of
from chatbot.model.gpt.network import load_gpt
from chatbot.model.gpt.numpy_network import NumpyGPT
from tests.model.gpt.networks import SHAPE, model_file


def test_a_model_comes_back_equal(tmp_path):
    model, path = model_file(), tmp_path / "model.safetensors"
    write_bundle(path, model)
    read = read_bundle(path)
    assert (shape_of(read), read.tokenizer_files) == (SHAPE, {"tokenizer.json": "{}"})
    assert read.about == About(step=3)
    assert read.weights.keys() == model.weights.keys()
    for name, weight in model.weights.items():
        np.testing.assert_array_equal(read.weights[name], weight)


@settings(max_examples=30)
@given(
    arrays(np.float32, (16, 32), elements=st.floats(-50, 50, width=32)),
    st.sampled_from(["fp16", "int8"]),
)
def test_smaller_numbers_stay_near_every_weight(tmp_path_factory, matrix, number):
    path = tmp_path_factory.mktemp("near") / "model.safetensors"
    matrix_name, vector_name = "layers.0.self_attn.k_proj.weight", "norm.weight"
    write_bundle(path, model_file(**{matrix_name: matrix, vector_name: matrix[0]}), number)
    read = read_bundle(path).weights
    limit = np.abs(matrix).max(axis=1, keepdims=True) * (1 / 254 if number == "int8" else 1 / 2000)
    assert (np.abs(read[matrix_name] - matrix) <= limit * 1.01 + 1e-7).all()
    np.testing.assert_array_equal(read[vector_name], matrix[0])
    assert all(weight.dtype == np.float32 for weight in read.values())


def test_smaller_numbers_make_smaller_files(tmp_path):
    sizes = []
    for number in ("fp32", "fp16", "int8"):
        write_bundle(tmp_path / number, model_file(), number)
        sizes.append((tmp_path / number).stat().st_size)
    assert sizes[0] > 1.6 * sizes[1] > 1.6 * 1.4 * sizes[2]


@pytest.mark.parametrize("cut", [0, 5, 1000, -1])
def test_a_truncated_file_is_refused(tmp_path, cut):
    path = tmp_path / "model.safetensors"
    write_bundle(path, model_file())
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(CheckpointError, match="is damaged"):
        read_bundle(path)


def test_another_vocabulary_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    write_bundle(path, model_file())
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    metadata = {**header["__metadata__"], "tokenizer.json": '{"other": 1}'}
    path.write_bytes(save(load(content), metadata))
    with pytest.raises(CheckpointError, match="is damaged"):
        read_bundle(path)


def test_a_foreign_file_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(save({"a": np.zeros(3, dtype=np.float32)}))
    with pytest.raises(CheckpointError, match="not a model of this program"):
        read_bundle(path)


@pytest.mark.parametrize("build", [load_gpt, NumpyGPT])
@pytest.mark.parametrize("change", [{"n_hidden": 128}, {"n_layer": 3}, {"vocab_size": 51}])
def test_weights_of_another_shape_are_refused(build, change):
    with pytest.raises(CheckpointError, match="do not fit"):
        build(dataclasses.replace(SHAPE, **change), model_file().weights)
