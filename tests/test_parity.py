"""One model, however it is computed: torch, numpy, transformers, llama.cpp say the same.

llama.cpp is tried where its Python binding is installed (it builds from source, in minutes).
"""

import random

import numpy as np
import pytest
import torch

from chatbot.corpus.store import open_corpus
from chatbot.model.bundle import read_bundle, write_bundle
from chatbot.model.gpt.file import shape_of
from chatbot.model.gpt.network import TorchLanguageModel, load_gpt
from chatbot.model.gpt.numpy_network import NumpyGPT
from chatbot.publishing.gpt import export_gguf, export_hf
from chatbot.settings.load import load_config
from chatbot.settings.schema import Config
from chatbot.training.families import training_family
from chatbot.training.loop import Compute, evaluate
from chatbot.training.prepare import val_source

N_PROMPTS, N_SAID = 1000, 8
PIECES = [
    "안녕", "ㅋㅋㅋ", "ㅠㅠ", "밥 먹었어?", " 3시30분", "👍🏽", "👨‍👩‍👧", "\n", "한", "Hello", "it's",
    "  ", "漢字", "\u1112\u1161\u11ab", "e\u0301", "１２３", "\t", "...", "<|eos|>", "\u00a0",
]  # fmt: skip


@pytest.fixture(scope="module")
def model(_trained):
    return read_bundle(_trained / "checkpoints/main/model.safetensors")


@pytest.fixture(scope="module")
def prompts(model):
    """Beginnings of replies: bos, a speaker, text, eos, the persona."""
    tokenizer, rng = model.tokenizer, np.random.default_rng(0)
    texts = rng.integers(tokenizer.n_control, tokenizer.vocab_size, (N_PROMPTS, 10))
    speakers = [tokenizer.speaker_id(1), tokenizer.speaker_id(0)]
    return [
        [tokenizer.bos_id, speakers[0], *text[: 1 + number % 10], tokenizer.eos_id, speakers[1]]
        for number, text in enumerate(texts.tolist())
    ]


def greedy_cached(model, prompt):
    memory, new, said = model.new_cache(), prompt, []
    for _ in range(N_SAID):
        new = [int(model.next_logits(np.array(new), memory).argmax())]
        said += new
    return said


def greedy_full(model, prompt):
    tokens = list(prompt)
    for _ in range(N_SAID):
        tokens.append(int(model(np.array([tokens]))[0, -1].argmax()))
    return tokens[len(prompt) :]


@pytest.fixture(scope="module")
def said(model, prompts):
    """What numpy says, with its cache."""
    network = NumpyGPT(shape_of(model), model.weights)
    return [greedy_cached(network, prompt) for prompt in prompts]


@pytest.mark.slow
def test_numpy_without_a_cache_says_the_same(model, prompts, said):
    network = NumpyGPT(shape_of(model), model.weights)
    assert [greedy_full(network, prompt) for prompt in prompts] == said


@pytest.mark.slow
def test_torch_says_the_same(model, prompts, said):
    network = TorchLanguageModel(load_gpt(shape_of(model), model.weights))
    assert [greedy_cached(network, prompt) for prompt in prompts] == said


def test_transformers_says_the_same(model, prompts, said, tmp_path):
    transformers = pytest.importorskip("transformers")
    export_hf(model, tmp_path / "hf", Config())
    network = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "hf").eval()
    # Without a stop at eos, as above; prompts of one length go together.
    settings = transformers.GenerationConfig(
        max_new_tokens=N_SAID, min_new_tokens=N_SAID, do_sample=False, pad_token_id=0
    )
    network.generation_config = settings
    for length in {len(prompt) for prompt in prompts}:
        chosen = [number for number, prompt in enumerate(prompts) if len(prompt) == length]
        rows = torch.tensor([prompts[number] for number in chosen])
        found = network.generate(rows, attention_mask=torch.ones_like(rows))[:, length:]
        assert found.tolist() == [said[number] for number in chosen]


@pytest.fixture(scope="module")
def llama(model, tmp_path_factory):
    llama_cpp = pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
    path = tmp_path_factory.mktemp("gguf") / "model.gguf"
    export_gguf(model, path, Config())
    return llama_cpp.Llama(str(path), n_ctx=64, verbose=False, logits_all=False)


def test_llama_cpp_says_the_same(llama, prompts, said):
    for prompt, wanted in zip(prompts, said, strict=True):
        llama.reset()
        found = []
        for token in llama.generate(prompt, temp=0, repeat_penalty=1, top_k=1):
            found.append(token)
            if len(found) == N_SAID:
                break
        assert found == wanted


def test_llama_cpp_reads_the_same_tokens(llama, model):
    chance = random.Random(0)  # noqa: S311
    lines = ["".join(chance.choices(PIECES, k=chance.randrange(1, 8))) for _ in range(10_000)]
    wanted = model.tokenizer.encode_all(lines)
    found = [llama.tokenize(line.encode(), add_bos=False, special=False) for line in lines]
    assert found == wanted


@pytest.mark.parametrize(("number", "most"), [("fp16", 0.0005), ("int8", 0.01)])
def test_smaller_numbers_cost_few_bits_per_byte(_trained, model, tmp_path, number, most):
    config = load_config(
        _trained,
        (f"model.block_size={shape_of(model).block_size}", "optimization.batch_size=8"),
    )
    corpus = open_corpus(config.processed_dir)
    compute = Compute(torch.device("cpu"), torch.float32, 0)
    source = val_source(training_family(config).resolve(config, corpus), corpus)

    def bits_per_byte(file):
        network = load_gpt(shape_of(file), file.weights)
        return evaluate(network, source, corpus.tokenizer, compute, 10**6).bits_per_byte

    write_bundle(tmp_path / "small.safetensors", model, number)
    worse = bits_per_byte(read_bundle(tmp_path / "small.safetensors")) - bits_per_byte(model)
    assert abs(worse) < most
