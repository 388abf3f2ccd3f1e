"""A fine-tuned base as GGUF: every weight in its place, for the architectures that are written."""

import json

import gguf
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from chatbot.corpus.chat_template import jinja_of
from chatbot.errors import ConfigError
from chatbot.model.pretrained.file import read_folder
from chatbot.model.pretrained.network import open_network
from chatbot.publishing.export import new_folder
from chatbot.publishing.gguf import _neighbours, _split_of
from chatbot.storage.files import sha256_of
from chatbot.training.families import run_folder


@pytest.mark.parametrize(
    "kind", ["qwen2", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("qwen3", "llama"))]
)
def test_gguf_holds_every_weight_and_the_vocabulary(tuned, tmp_path, kind):
    project = tuned(kind)
    path = tmp_path / "model.gguf"
    assert project.run("export", "--merged", "--to", "gguf", str(path)) == 0
    made = read_folder(run_folder(project.config()).best.parent)
    network = open_network(made, project.config(), torch.device("cpu"), torch.float32)
    reader = gguf.GGUFReader(path)
    tensors = {tensor.name: np.array(tensor.data) for tensor in reader.tensors}
    weights = network.all_weights()
    assert len(tensors) == len(weights)
    table = next(w for name, w in weights.items() if "embed_tokens" in name)
    np.testing.assert_array_equal(tensors["token_embd.weight"], table.numpy())
    ours = sorted(float(w.float().square().sum()) for w in weights.values())
    theirs = sorted(float(np.square(t.astype(np.float32)).sum()) for t in tensors.values())
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    assert fields["general.architecture"] == kind
    assert fields["tokenizer.chat_template"] == jinja_of(made.tokenizer.form)
    assert fields["tokenizer.ggml.eos_token_id"] == made.tokenizer.eos_id
    assert len(fields["tokenizer.ggml.tokens"]) == table.shape[0]
    assert fields["tokenizer.ggml.tokens"][made.tokenizer.eos_id] == made.tokenizer.end_token


def test_an_adapter_published_again_is_the_same_file(tuned):
    project = tuned("qwen2")
    digests = set()
    for _ in range(4):
        assert project.run("publish", settings=("publish.privacy.check=off",)) == 0
        digests.add(sha256_of(project.root / "artifacts/adapter_latest.safetensors"))
    assert len(digests) == 1


def test_llama_rows_reordered_rotate_neighbours_as_halves_did():
    rng = np.random.default_rng(0)
    n_head, width, n_embd = 2, 8, 6
    weight = rng.normal(size=(n_head * width, n_embd)).astype(np.float32)
    x, angles = rng.normal(size=n_embd), rng.normal(size=width // 2)
    cos, sin = np.cos(angles), np.sin(angles)
    for head in range(n_head):
        a, b = np.split((weight @ x)[head * width : (head + 1) * width], 2)
        halves = np.concatenate([a * cos - b * sin, b * cos + a * sin])
        q = (_neighbours(weight, n_head) @ x)[head * width : (head + 1) * width]
        even, odd = q[0::2], q[1::2]
        pairs = np.stack([even * cos - odd * sin, odd * cos + even * sin], axis=1)
        np.testing.assert_allclose(pairs[:, 0], halves[: width // 2], rtol=1e-5)
        np.testing.assert_allclose(pairs[:, 1], halves[width // 2 :], rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "arguments", "problem"),
    [
        pytest.param(
            "gpt2",
            ("--merged", "--to", "gguf"),
            "architecture gpt2 is not supported",
            marks=pytest.mark.slow,
        ),
        ("qwen2", ("--to", "gguf"), "GGUF contains a full network"),
    ],
)
def test_what_is_not_written_is_said(tuned, tmp_path, capsys, kind, arguments, problem):
    assert tuned(kind).run("export", *arguments, str(tmp_path / "m.gguf")) == 2
    assert problem in capsys.readouterr().err
    assert not (tmp_path / "m.gguf").exists()


@pytest.mark.parametrize("kind", ["qwen2", "llama"])
def test_llama_cpp_answers_as_we_do(tuned, tmp_path, kind):
    llama_cpp = pytest.importorskip("llama_cpp")
    project = tuned(kind)
    path = tmp_path / f"{kind}.gguf"
    assert project.run("export", "--merged", "--to", "gguf", str(path)) == 0
    made = read_folder(run_folder(project.config()).best.parent)
    model = open_network(made, project.config()).language_model()
    theirs = llama_cpp.Llama(str(path), logits_all=True, verbose=False, n_ctx=128)
    tokens = np.random.default_rng(0).integers(10, 500, 20)
    theirs.eval(tokens.tolist())
    ours = model(tokens[None])[0]
    found = np.array(theirs.scores[:20, : ours.shape[1]])
    np.testing.assert_allclose(found, ours, atol=3e-2)
    text = "오늘 뭐해 ㅋㅋ 👍"
    assert theirs.tokenize(text.encode(), add_bos=False) == made.tokenizer.encode(text)


LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
GPT_2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
WORDS = pre_tokenizers.ByteLevel(add_prefix_space=False)


def split(pattern: str):
    return pre_tokenizers.Split(Regex(pattern), "isolated")


# A pre-tokenizer as published, llama.cpp's name of it, and llama.cpp's own patterns, in order.
SPLITS = {
    "gpt-2": (WORDS, [GPT_2]),
    "smollm": (
        pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), WORDS]),
        [r"\p{N}", GPT_2],
    ),
    "qwen2": (
        pre_tokenizers.Sequence([split(LLAMA_3.replace("{1,3}", "")), BYTES]),
        [LLAMA_3.replace("{1,3}", "")],
    ),
    "llama-bpe": (pre_tokenizers.Sequence([split(LLAMA_3), BYTES]), [LLAMA_3]),
}


def content_of(name: str, pre_tokenizer) -> dict:
    backend = Tokenizer(models.BPE(ignore_merges=name == "llama-bpe"))
    backend.pre_tokenizer = pre_tokenizer
    return json.loads(backend.to_str())


def cut_by(patterns: list[str], text: str) -> list[str]:
    """Cut as llama.cpp does: by one pattern after another, what is between matches kept too."""
    regex = pytest.importorskip("regex")
    parts = [text]
    for pattern in patterns:
        parts = [p for part in parts for p in regex.split(f"({pattern})", part) if p]
    return parts


@pytest.mark.parametrize("name", SPLITS)
@given(text=st.text("a5가 \n'.", max_size=12) | st.sampled_from(["a  5", "\n\n5", "12345", "I'm"]))
def test_a_split_has_the_name_under_which_llama_cpp_cuts_text_alike(name, text):
    pre_tokenizer, patterns = SPLITS[name]
    assert _split_of(content_of(name, pre_tokenizer)) == name
    ours = [
        text[begin:end] for _, (begin, end) in pre_tokenizer.pre_tokenize_str(text) if begin < end
    ]
    assert ours == cut_by(patterns, text)


@pytest.mark.parametrize(
    "change",
    [
        {"pre_tokenizer": None},
        {"pre_tokenizer": {"type": "Metaspace", "replacement": "_"}},
        {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "use_regex": True}},
        {"normalizer": {"type": "Lowercase"}},
        {"model": {"type": "BPE", "ignore_merges": True}},
        {"model": {"type": "Unigram"}},
    ],
)
def test_a_split_that_llama_cpp_has_no_name_for_is_refused(change):
    with pytest.raises(ConfigError, match="may not split text"):
        _split_of(content_of("gpt-2", WORDS) | change)


def test_a_split_with_a_step_more_is_not_taken_for_another():
    """As StarCoder's with digits in groups: a pattern that merely holds a known one."""
    odd = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=False), WORDS])
    more = pre_tokenizers.Sequence([split(LLAMA_3 + "|x"), BYTES])
    for pre_tokenizer in (odd, more):
        with pytest.raises(ConfigError, match="may not split text"):
            _split_of(content_of("gpt-2", pre_tokenizer))


@pytest.mark.parametrize(("number", "bound"), [("fp32", 0), ("fp16", 1e-3), ("q8_0", 2e-2)])
def test_gguf_comes_in_the_number_that_is_asked_for(tuned, tmp_path, number, bound):
    project = tuned("llama")
    exact, path = tmp_path / "exact.gguf", tmp_path / "model.gguf"
    for target, chosen in ((exact, "fp32"), (path, number)):
        options = ("--merged", "--to", "gguf", "--dtype", chosen)
        assert project.run("export", *options, str(target)) == 0
    wanted = {tensor.name: tensor for tensor in gguf.GGUFReader(exact).tensors}
    for tensor in gguf.GGUFReader(path).tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        true = np.array(wanted[tensor.name].data)
        assert np.abs(values - true).max() <= bound * np.abs(true).max()
        if true.ndim == 1:
            assert tensor.tensor_type == gguf.GGMLQuantizationType.F32
    assert (path.stat().st_size < exact.stat().st_size) == (number != "fp32")


def test_a_merged_folder_is_fp32_unless_told_and_says_what_less_costs(tuned, tmp_path, capsys):
    project = tuned("qwen2")
    assert project.run("export", "--merged", "--dtype", "bf16", str(tmp_path / "low")) == 0
    assert "weights are bf16: much of the adapter is rounded away" in capsys.readouterr().err
    assert project.run("export", "--merged", str(tmp_path / "high")) == 0
    config = json.loads((tmp_path / "high/config.json").read_text())
    assert config["dtype"] == "float32"


@pytest.mark.parametrize(
    "options",
    [
        ("--dtype", "fp16"),
        ("--merged", "--dtype", "q8_0"),
        ("--merged", "--to", "gguf", "--dtype", "bf16"),
    ],
)
def test_a_number_that_is_not_written_is_refused(tuned, tmp_path, capsys, options):
    assert tuned("qwen2").run("export", *options, str(tmp_path / "out")) == 2
    assert "is not supported" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["form.json", "tokenizer.json", "notes.txt"])
def test_a_folder_that_holds_anything_is_never_replaced(tmp_path, name):
    folder = tmp_path / "processed"
    folder.mkdir()
    (folder / name).write_text("kept")
    with pytest.raises(ConfigError, match="already exists"), new_folder(folder) as part:
        (part / "new").write_text("x")
    assert [path.name for path in tmp_path.rglob("*")] == ["processed", name]


def test_an_empty_folder_is_a_place_for_an_export(tmp_path):
    (tmp_path / "new").mkdir()
    with new_folder(tmp_path / "new") as part:
        (part / "model").write_text("x")
    assert (tmp_path / "new/model").read_text() == "x"
