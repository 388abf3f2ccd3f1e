"""What comes with a fine-tuned base: vocabularies from the hub open, hostile ones and configs do not."""

import json

import pytest

from chatbot.corpus.hf_tokenizer import read_tokenizer
from chatbot.errors import ChatbotError, CheckpointError
from chatbot.model.pretrained.fit import AdapterConfig, adapted_modules, require_fit
from tests.bases import KINDS, tokenizer

REPLACE = {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 64}
SPLITS = [
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}]*[\p{Ll}\p{Lm}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\s+(?!\S)|\s+",
    r" ?[^(\s|[.,!?…。，、।۔،])]+",
]
BAD_SPLITS = [r"(a+)+$", r"(a|aa)*b", "(?<", "(?x)# [ \n(a+)+#]", "(?#[)(a+)+(?#])", r"(.)\1", "a{0,99999}"]  # fmt: skip


def changed(kind, **parts):
    """Return the files of a base's tokenizer with other parts."""
    files = dict(tokenizer(kind).files)
    document = json.loads(files["tokenizer.json"])
    for step, part in parts.items():
        document[step] = part(document[step]) if callable(part) else part
    return {**files, "tokenizer.json": json.dumps(document)}


def split_by(pattern):
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}  # fmt: skip
    return lambda step: {"type": "Sequence", "pretokenizers": [split, step]}


def sequence(*parts):
    return {"type": "Sequence", "normalizers": list(parts)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_vocabulary_of_the_hub_opens(kind):
    own = tokenizer(kind)
    assert read_tokenizer(own.files).encode("안녕 ㅋㅋ") == own.encode("안녕 ㅋㅋ")


@pytest.mark.parametrize("pattern", SPLITS)
def test_patterns_of_the_hub_are_taken(pattern):
    assert read_tokenizer(changed("qwen2", pre_tokenizer=split_by(pattern))).encode("안녕 it's")


@pytest.mark.parametrize("pattern", BAD_SPLITS)
def test_a_pattern_that_could_take_for_ever_is_refused(pattern):
    with pytest.raises(ChatbotError):
        read_tokenizer(changed("qwen2", pre_tokenizer=split_by(pattern)))


@pytest.mark.parametrize(
    "parts",
    [
        {"normalizer": sequence(*[REPLACE] * 12)},
        {"normalizer": {"type": "Prepend", "prepend": "a" * 10**6}},
        {"normalizer": sequence(*[{"type": "NFC"}] * 100)},
        {"normalizer": {"type": "Unknown"}},
        {"decoder": lambda step: {"type": "Sequence", "decoders": [step, REPLACE]}},
        {"added_tokens": lambda tokens: [*tokens, {**tokens[0], "id": 4_000_000_000, "content": "<z>"}]},
        {"model": lambda model: {**model, "vocab": {**model["vocab"], "zzzz": 4_000_000_000}}},
        {"model": {"type": "Other"}},
        {"added_tokens": None},
    ],
    ids=range(9),
)  # fmt: skip
def test_a_vocabulary_that_lets_a_text_grow_is_refused(parts):
    with pytest.raises(ChatbotError):
        read_tokenizer(changed("qwen2", **parts))


@pytest.mark.parametrize(
    "change",
    [{"heads": ["a"]}, {"tails": []}, {"added": ["<nowhere>"]}, {"kind": "other"}, {"prefix": 3}],
    ids=str,
)
def test_frames_that_do_not_fit_are_refused(change):
    files = dict(tokenizer("qwen2").files)
    files["form.json"] = json.dumps(json.loads(files["form.json"]) | change)
    with pytest.raises(ChatbotError):
        read_tokenizer(files)


@pytest.mark.parametrize(
    "config",
    [{"num_hidden_layers": 10**9}, {"n_layer": 10**7}, {"hidden_size": 10**12}, {"num_local_experts": 10**6},
     {"text_config": {"num_layers": 10**6}}, {"rope_theta": float("inf")}],
    ids=str,
)  # fmt: skip
def test_numbers_that_no_network_has_are_refused(config):
    with pytest.raises(ValueError, match="out of range"):
        require_fit(config, {"a": (2, 2)})


@pytest.mark.parametrize(
    "config",
    [{"hidden_size": 1 << 30}, {"vocab_size": 1 << 30}, {"num_hidden_layers": 900}, {"model_type": "other"}],
    ids=str,
)  # fmt: skip
def test_a_network_larger_than_its_weights_is_never_built(bases, config):
    import torch
    from safetensors import safe_open

    from chatbot.model.pretrained.hub import empty_network

    base = bases("qwen2")
    with safe_open(base / "model.safetensors", "np") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    own = json.loads((base / "config.json").read_text())
    assert empty_network(own, torch.float32, shapes) is not None
    with pytest.raises(CheckpointError):
        empty_network(own | config, torch.float32, shapes)


def test_an_adapter_of_another_rank_is_refused():
    shapes = {"base_model.model.a.lora_A.weight": (4, 8), "base_model.model.a.lora_B.weight": (8, 4)}  # fmt: skip
    assert adapted_modules(AdapterConfig(4, 8), shapes) == {"a": (8, 8)}
    for rank in (0, -1, 10**9):
        with pytest.raises(ValueError, match="rank"):
            adapted_modules(AdapterConfig(rank, 8), shapes)
