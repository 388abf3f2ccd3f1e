"""Tiny networks of bases, behind our protocols."""

from pathlib import Path

import numpy as np
import torch
import transformers

from chatbot.model.pretrained.hub import Base, load_base
from chatbot.model.pretrained.network import PretrainedNetwork, add_token_rows
from chatbot.model.pretrained.tokenizer import base_tokenizer
from chatbot.settings.schema import BaseModelConfig
from tests.bases import tokenizer

CPU = torch.device("cpu")
# Some layers have a recurrent state in place of keys and values.
HYBRIDS = {
    "qwen3_next": {
        "layer_types": ["linear_attention", "full_attention"],
        "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "shared_expert_intermediate_size": 16,
        "linear_num_key_heads": 2, "linear_num_value_heads": 2, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
    },
    "lfm2": {"layer_types": ["conv", "full_attention"]},
}  # fmt: skip


def network_of(folder: Path, form: str = "auto", n_speakers: int = 2):
    base = Base(BaseModelConfig(base_model=str(folder), form=form), Path())
    tokenizer, _ = base_tokenizer(base, n_speakers)
    model = load_base(base, CPU, torch.float32, in_4bit=False)
    add_token_rows(model, tokenizer)
    return PretrainedNetwork(model, tokenizer, {}), tokenizer, model


def network_like(model_type: str, **values: object) -> PretrainedNetwork:
    """Return a random network of an architecture that no base of tests/bases.py has."""
    common = {
        "vocab_size": 640, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 256,
        "initializer_range": 0.3, "bos_token_id": None, "eos_token_id": None, "pad_token_id": None,
    }  # fmt: skip
    config = transformers.AutoConfig.for_model(
        model_type, **common, **HYBRIDS.get(model_type, {}), **values
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.AutoModelForCausalLM.from_config(config)
    return PretrainedNetwork(model.requires_grad_(False).eval(), tokenizer("qwen2"), {})


def some_tokens(n_rows: int, length: int, seed: int = 0):
    return np.random.default_rng(seed).integers(10, 500, (n_rows, length))
