"""Tiny random bases of real architectures, with real tokenizers trained on an invented room."""

import json
from functools import lru_cache
from pathlib import Path

import pytest
import torch
import transformers as hf
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from chatbot.cli.invented_room import invent_room
from chatbot.corpus.hf_tokenizer import BaseTokenizer
from chatbot.model.pretrained.hub import Base
from chatbot.model.pretrained.tokenizer import base_tokenizer
from chatbot.settings.schema import BaseModelConfig

CHATML = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nYou are a friend.<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# As Qwen3's: the last reply is framed otherwise than those before it.
THINKING = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['role'] == 'assistant' and loop.last %}<think>\n\n</think>\n\n{% endif %}"
    "{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n\n</think>\n\n{% endif %}"
)
HEADERS = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n"
    "{{ m['content'] | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
# As EXAONE's: what the user says ends without a control token.
BARS = (
    "{% for m in messages %}{% if m['role'] == 'user' %}[|user|]{{ m['content'] }}\n"
    "{% else %}[|{{ m['role'] }}|]{{ m['content'] }}[|endofturn|]\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}[|assistant|]{% endif %}"
)
SPECIALS = {
    "qwen2": ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
    "qwen3": ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
    "llama": ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
    "gpt2": ["</s>", "<usr>", "<pad>", "<sys>", "<unk>", "<mask>"],
    "gpt_neox": ["[BOS]", "<|endoftext|>", "[|user|]", "[|assistant|]", "[|system|]", "[|endofturn|]"],
}  # fmt: skip
NAMES = {
    "qwen2": {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "chat_template": CHATML},
    "qwen3": {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "chat_template": THINKING},
    "llama": {
        "bos_token": "<|begin_of_text|>",
        "eos_token": "<|eot_id|>",
        "chat_template": HEADERS,
    },
    "gpt2": {"bos_token": "</s>", "eos_token": "</s>", "pad_token": "</s>", "unk_token": "<unk>"},
    "gpt_neox": {"bos_token": "[BOS]", "eos_token": "[|endofturn|]", "chat_template": BARS},
}
KINDS = tuple(NAMES)
# Where a law costs seconds for each: one kind for every edit, the others in `make test`.
KINDS_IN_TURN = (
    "qwen2",
    *(pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS if kind != "qwen2"),
)


def lines() -> list[str]:
    return [message.text for message in invent_room(40, seed=1)]


def tokenizer_json(kind: str) -> str:
    """Train a tokenizer: SentencePiece-like for gpt2 (as KoGPT2's), byte-level for the others."""
    if kind == "gpt2":
        backend = Tokenizer(models.BPE(unk_token=SPECIALS["gpt2"][4]))
        backend.pre_tokenizer = pre_tokenizers.Metaspace()
        backend.decoder = decoders.Metaspace()
        alphabet = sorted({*"".join(lines()), *map(chr, range(33, 127))})
    else:
        backend = Tokenizer(models.BPE())
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        backend.decoder = decoders.ByteLevel()
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend.train_from_iterator(
        lines(),
        trainers.BpeTrainer(
            vocab_size=600,
            special_tokens=SPECIALS[kind],
            initial_alphabet=alphabet,
            show_progress=False,
        ),
    )
    return backend.to_str()


def network_config(kind: str, vocab_size: int) -> hf.PretrainedConfig:
    """Two layers of 32; Qwen's table has spare rows, as the real ones have."""
    common = {
        "vocab_size": vocab_size, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "max_position_embeddings": 256,
        "initializer_range": 0.3,  # a head of tiny random rows could say nothing
        "bos_token_id": None, "eos_token_id": None, "pad_token_id": None,
    }  # fmt: skip
    if kind == "gpt2":
        ids = {"bos_token_id": 0, "eos_token_id": 0, "initializer_range": 0.3}
        return hf.GPT2Config(
            vocab_size=vocab_size, n_embd=32, n_layer=2, n_head=4, n_positions=256, **ids
        )
    if kind == "gpt_neox":
        return hf.GPTNeoXConfig(**common)
    if kind == "llama":
        return hf.LlamaConfig(**common, num_key_value_heads=2, tie_word_embeddings=False)
    made = {"qwen2": hf.Qwen2Config, "qwen3": hf.Qwen3Config}[kind]
    extra = {"head_dim": 16} if kind == "qwen3" else {}
    return made(
        **common | {"vocab_size": vocab_size + 24},
        num_key_value_heads=2,
        tie_word_embeddings=True,
        **extra,
    )


def make_base(folder: Path, kind: str, seed: int = 0) -> Path:
    """Write a base of an architecture as the hub has them."""
    folder.mkdir(parents=True, exist_ok=True)
    text = tokenizer_json(kind)
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")
    names = {"tokenizer_class": "PreTrainedTokenizerFast", **NAMES[kind]}
    (folder / "tokenizer_config.json").write_text(json.dumps(names))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        size = Tokenizer.from_str(text).get_vocab_size()
        model = hf.AutoModelForCausalLM.from_config(network_config(kind, size))
    model.save_pretrained(folder)
    return folder


@lru_cache(maxsize=20)
def tokenizer(kind: str, form: str = "auto", n_speakers: int = 2) -> BaseTokenizer:
    import tempfile

    folder = make_base(Path(tempfile.mkdtemp()) / kind, kind)
    return base_tokenizer(
        Base(BaseModelConfig(base_model=str(folder), form=form), Path()), n_speakers
    )[0]
