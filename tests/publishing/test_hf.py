"""What others open says what we say: transformers and GGUF readers get the same model."""

import json
import random
import shutil
import subprocess

import numpy as np
import pytest

from chatbot.corpus.template import Turn, render_prompt
from chatbot.errors import CheckpointError
from chatbot.ingest.cleaning.normalization import TextRules
from chatbot.ingest.qna.prompts import QuestionForm
from chatbot.model.bundle import About, read_bundle
from chatbot.model.gpt.config import GPTConfig, weight_shapes
from chatbot.model.gpt.file import gpt_bundle, shape_of
from chatbot.model.gpt.numpy_network import NumpyGPT
from chatbot.publishing.gpt import chat_template, export_gguf, export_hf, import_hf
from chatbot.settings.schema import Config
from tests.conftest import REPOSITORY
from tests.corpus.texts import tokenizer

SHAPE = GPTConfig(
    vocab_size=tokenizer().vocab_size, block_size=64, n_layer=2, n_head=4, n_kv_head=2, n_embd=32,
    n_hidden=64,
    dropout=0.0, rope_theta=10000.0,
)  # fmt: skip
PIECES = [
    "안녕",
    "ㅋㅋㅋ",
    "ㅠㅠ",
    "밥 먹었어?",
    " 3시30분",
    "👍🏽",
    "\n",
    "한",
    "Hello",
    "  ",
    "<|eos|>",
    "漢字",
    "\u1112\u1161",
]


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    weights = {
        name: (0.2 * rng.standard_normal(shape)).astype(np.float32)
        for name, shape in weight_shapes(SHAPE).items()
    }
    return gpt_bundle(SHAPE, weights, tokenizer().text, About())


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("hf") / "model"
    export_hf(model, path, Config())
    return path


def lines(n):
    chance = random.Random(0)  # noqa: S311
    return ["".join(chance.choices(PIECES, k=chance.randrange(1, 8))) for _ in range(n)]


def test_transformers_computes_the_same_logits(model, folder):
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    tokens = np.random.default_rng(1).integers(0, SHAPE.vocab_size, (4, 40))
    with torch.inference_mode():
        found = theirs(torch.from_numpy(tokens)).logits.numpy()
    wanted = NumpyGPT(SHAPE, model.weights)(tokens)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_transformers_reads_the_same_tokens(folder):
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    ours = tokenizer()
    plain = [line for line in lines(10_000) if "<|" not in line]
    assert theirs(plain, add_special_tokens=False)["input_ids"] == ours.encode_all(plain)


def test_the_chat_template_is_our_prompt(folder):
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    turns = [Turn(1, "밥 먹었어?"), Turn(0, "아직"), Turn(1, "먹자")]
    messages = [
        {"role": "assistant" if turn.speaker == 0 else "user", "content": turn.text}
        for turn in turns
    ]
    found = theirs.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    tokens = theirs(found, add_special_tokens=False)["input_ids"]
    assert tokens == render_prompt(turns, 0, tokenizer(), 64)


def test_a_folder_comes_back(model, folder):
    read = import_hf(folder)
    assert shape_of(read) == SHAPE
    assert read.tokenizer_files == model.tokenizer_files
    for name, weight in model.weights.items():
        np.testing.assert_array_equal(read.weights[name], weight)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_folder_without_a_file_is_refused(folder, tmp_path, name):
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy" / name).unlink()
    with pytest.raises(CheckpointError, match="is missing"):
        import_hf(tmp_path / "copy")


def test_a_foreign_folder_is_refused(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    path = tmp_path / "copy/config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "model_type": "llama"}))
    with pytest.raises(CheckpointError, match="another kind of model"):
        import_hf(tmp_path / "copy")


def test_gguf_holds_the_same_model_and_tokens(model, tmp_path):
    gguf = pytest.importorskip("gguf")
    path = tmp_path / "model.gguf"
    export_gguf(model, path, Config())
    reader = gguf.GGUFReader(path)
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    assert len(tensors) == len(model.weights)
    embedding = tensors["token_embd.weight"].data
    np.testing.assert_array_equal(embedding, model.weights["embed_tokens.weight"])
    up = tensors["blk.1.ffn_up.weight"].data
    np.testing.assert_array_equal(up, model.weights["layers.1.mlp.up_proj.weight"])
    assert reader.fields["general.architecture"].contents() == "qwen3"
    assert reader.fields["tokenizer.ggml.pre"].contents() == "gpt-2"
    entries = reader.fields["tokenizer.ggml.tokens"].contents()
    backend = json.loads(model.tokenizer_files["tokenizer.json"])
    assert len(entries) == SHAPE.vocab_size
    assert all(entries[token] == entry for entry, token in backend["model"]["vocab"].items())
    assert not list(tmp_path.glob("*.part"))
    assert "FROM ./model.gguf" in (tmp_path / "model.Modelfile").read_text()


def test_an_export_goes_where_git_does_not_look_and_replaces_nothing(trained, capsys):
    subprocess.run(["git", "init", "-q"], cwd=trained.root, check=True)
    shutil.copy(REPOSITORY / ".gitignore", trained.root)
    for to, target in (("hf", "hf"), ("gguf", "model.gguf")):
        assert trained.run("export", "--to", to) == 0
        assert (trained.root / "artifacts" / target).exists()
        assert trained.run("export", "--to", to, str(trained.root / f"내 모델.{to}")) == 0
        capsys.readouterr()
        assert trained.run("export", "--to", to) == 2
        assert "already exists" in capsys.readouterr().err
    seen = subprocess.run(
        ["git", "-c", "core.quotePath=false", "status", "--porcelain", "-uall"],
        cwd=trained.root, capture_output=True, text=True, check=True,
    ).stdout.split("\n")  # fmt: skip
    assert not [line for line in seen if "모델" in line or "artifacts" in line]


def test_what_a_model_carries_comes_back_with_it(trained):
    assert trained.run("export", "--to", "hf") == 0
    about = read_bundle(trained.root / "checkpoints/main/model.safetensors").about
    assert import_hf(trained.root / "artifacts/hf").about == about


def test_export_and_import_through_the_commands(trained, capsys):
    target = trained.root / "hf"
    seeded = ("--set", "sampling.seed=1", "--set", "publish.dtype=fp32")
    assert trained.run("reply", *seeded, "오늘 뭐함") == 0
    before = capsys.readouterr().out
    assert trained.run("export", "--to", "hf", str(target)) == 0
    (trained.root / "checkpoints/main/model.safetensors").unlink()
    assert trained.run("import", *seeded, str(target)) == 0
    capsys.readouterr()
    assert trained.run("reply", *seeded, "오늘 뭐함") == 0
    assert capsys.readouterr().out == before
    assert trained.run("import", str(target)) == 2
    assert "already exists" in capsys.readouterr().err
    published = read_bundle(trained.root / "artifacts/model_latest.safetensors")
    assert published.tokenizer.vocab_size == shape_of(published).vocab_size


def test_the_template_asks_a_desk_as_its_rows_do():
    jinja2 = pytest.importorskip("jinja2")
    about = About(text_rules=TextRules(question=QuestionForm("고객문의")))
    talk = [{"role": "user", "content": "언제?"}, {"role": "assistant", "content": "내일요"}]
    text = jinja2.Template(chat_template(about)).render(messages=talk, bos_token="")
    assert text == "<|spk:1|>[고객문의] 언제?<|eos|><|spk:0|>내일요<|eos|>"
