"""A model in the formats that others open: a Hugging Face folder, a GGUF file; and back.

The network has the layout of Qwen3, so no custom code is needed anywhere.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chatbot.corpus.tokenizer import BOS, EOS, PAD, BpeTokenizer
from chatbot.errors import CheckpointError
from chatbot.model.gpt.config import NORM_EPS, GPTConfig, require_sane, weight_shapes
from chatbot.model.gpt.file import ModelFile, map_file, tensors_in
from chatbot.publishing.gguf_file import add_shape, add_vocabulary, open_gguf
from chatbot.settings.schema import SamplingConfig
from chatbot.storage.files import write_bytes, write_json

Array = npt.NDArray[np.float32]
ME, YOU = "<|spk:0|>", "<|spk:1|>"
# Jinja, for transformers and llama.cpp: who is no assistant is the other person.
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    f"{{% if message['role'] == 'assistant' %}}{ME}{{% else %}}{YOU}{{% endif %}}"
    f"{{{{ message['content'] }}}}{EOS}"
    "{% endfor %}"
    f"{{% if add_generation_prompt %}}{ME}{{% endif %}}"
)
# Go, for Ollama.
_OLLAMA_TEMPLATE = (
    '{{- range .Messages }}{{ if eq .Role "assistant" }}'
    + ME
    + "{{ else }}"
    + YOU
    + "{{ end }}{{ .Content }}"
    + EOS
    + "{{ end }}"
    + ME
)
_ABOUT_FILE = "chatbot.json"  # what the model knows of itself; only `import` reads it
_GGUF_NAMES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def export_hf(model: ModelFile, folder: Path, sampling: SamplingConfig) -> None:
    """Write a folder that AutoModelForCausalLM and AutoTokenizer open without custom code."""
    from safetensors.numpy import save

    folder.mkdir(parents=True, exist_ok=True)
    weights = {f"model.{name}": np.ascontiguousarray(w) for name, w in model.weights.items()}
    write_bytes(folder / "model.safetensors", save(weights, {"format": "pt"}))
    write_bytes(folder / "tokenizer.json", model.tokenizer_text.encode())
    write_json(folder / "tokenizer_config.json", _tokenizer_config(model))
    write_bytes(folder / "chat_template.jinja", CHAT_TEMPLATE.encode())
    write_json(folder / _ABOUT_FILE, model.about)
    ids = (BpeTokenizer.pad_id, BpeTokenizer.bos_id, BpeTokenizer.eos_id)
    write_json(folder / "generation_config.json", generation_config(sampling, *ids))
    # Last, since a folder with it looks complete.
    write_json(folder / "config.json", _qwen3_config(model.shape))


def _qwen3_config(shape: GPTConfig) -> dict[str, Any]:
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "vocab_size": shape.vocab_size,
        "hidden_size": shape.n_embd,
        "intermediate_size": shape.n_hidden,
        "num_hidden_layers": shape.n_layer,
        "num_attention_heads": shape.n_head,
        "num_key_value_heads": shape.n_kv_head,
        "head_dim": shape.head_dim,
        "max_position_embeddings": shape.block_size,
        "rms_norm_eps": NORM_EPS,
        "rope_theta": shape.rope_theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": shape.rope_theta},
        "hidden_act": "silu",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "use_sliding_window": False,
        "tie_word_embeddings": True,
        "dtype": "float32",
        "pad_token_id": BpeTokenizer.pad_id,
        "bos_token_id": BpeTokenizer.bos_id,
        "eos_token_id": BpeTokenizer.eos_id,
    }


def _tokenizer_config(model: ModelFile) -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS,
        "eos_token": EOS,
        "pad_token": PAD,
        "model_max_length": model.shape.block_size,
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }


def generation_config(
    sampling: SamplingConfig, pad_id: int, bos_id: int | None, eos_id: int
) -> dict[str, Any]:
    """Return how transformers shall draw tokens: as we do, as far as it can."""
    return {
        "do_sample": sampling.temperature > 0,
        "temperature": sampling.temperature or 1.0,
        "top_k": sampling.top_k,
        "top_p": sampling.top_p,
        "min_p": sampling.min_p,
        "repetition_penalty": sampling.repetition_penalty,
        "max_new_tokens": sampling.max_new_tokens,
        "pad_token_id": pad_id,
        "bos_token_id": bos_id,
        "eos_token_id": eos_id,
    }


def import_hf(folder: Path) -> ModelFile:
    """Read such a folder back; raises CheckpointError if it is none of this program's."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        text = (folder / "tokenizer.json").read_text(encoding="utf-8")
        _, tensors = tensors_in(map_file(folder / "model.safetensors"))
        shape = GPTConfig(
            vocab_size=config["vocab_size"],
            block_size=config["max_position_embeddings"],
            n_layer=config["num_hidden_layers"],
            n_head=config["num_attention_heads"],
            n_kv_head=config["num_key_value_heads"],
            n_embd=config["hidden_size"],
            n_hidden=config["intermediate_size"],
            dropout=0.0,
            rope_theta=(config.get("rope_parameters") or config)["rope_theta"],
        )
        require_sane(shape, len(tensors))
        about_file = folder / _ABOUT_FILE  # older exports have none
        about = json.loads(about_file.read_text("utf-8")) if about_file.is_file() else {}
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{error.filename} is missing", hint="name a folder that `chatbot export` wrote"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{folder} is damaged", hint="export it again") from error
    tensors.pop("lm_head.weight", None)  # the embedding again
    weights = {name.removeprefix("model."): tensor for name, tensor in tensors.items()}
    shapes = {name: tuple(w.shape) for name, w in weights.items()}
    is_ours = config.get("model_type") == "qwen3" and config.get("tie_word_embeddings")
    if not is_ours or shapes != weight_shapes(shape) or config["head_dim"] != shape.head_dim:
        raise CheckpointError(
            f"{folder} holds another kind of model",
            hint="only what `export` wrote comes back",
        )
    if BpeTokenizer(text).vocab_size != shape.vocab_size:
        raise CheckpointError(f"{folder} has a vocabulary of another model", hint="export it again")
    return ModelFile(shape, {n: w.astype(np.float32) for n, w in weights.items()}, text, about)


def export_gguf(model: ModelFile, path: Path, sampling: SamplingConfig) -> Path:
    """Write a GGUF file for llama.cpp, and beside it NAME.Modelfile for Ollama; return that one."""
    tokenizer = BpeTokenizer(model.tokenizer_text)
    with open_gguf(path, "qwen3") as writer:
        add_shape(writer, _qwen3_config(model.shape))
        add_vocabulary(writer, tokenizer, "gpt-2", tokenizer.vocab_size)
        writer.add_bos_token_id(tokenizer.bos_id)
        writer.add_add_bos_token(True)
        writer.add_chat_template(CHAT_TEMPLATE)
        for name, weight in _gguf_tensors(model):
            writer.add_tensor(name, weight)
    modelfile = path.with_suffix(".Modelfile")
    write_bytes(modelfile, _modelfile(path, sampling).encode())
    return modelfile


def _gguf_tensors(model: ModelFile) -> Iterator[tuple[str, Array]]:
    """Yield every weight under llama.cpp's name. Tied: the head is the embedding."""
    weights = {name: np.ascontiguousarray(w) for name, w in model.weights.items()}
    yield "token_embd.weight", weights["embed_tokens.weight"]
    for number in range(model.shape.n_layer):
        for ours, theirs in _GGUF_NAMES.items():
            yield f"blk.{number}.{theirs}.weight", weights[f"layers.{number}.{ours}.weight"]
    yield "output_norm.weight", weights["norm.weight"]


def _modelfile(path: Path, sampling: SamplingConfig) -> str:
    return (
        f"FROM ./{path.name}\n"
        f'TEMPLATE """{_OLLAMA_TEMPLATE}"""\n'
        f'PARAMETER stop "{EOS}"\n'
        f"PARAMETER temperature {sampling.temperature}\n"
        f"PARAMETER top_k {sampling.top_k}\n"
        f"PARAMETER top_p {sampling.top_p}\n"
        f"PARAMETER min_p {sampling.min_p}\n"
        f"PARAMETER repeat_penalty {sampling.repetition_penalty}\n"
        f"PARAMETER num_predict {sampling.max_new_tokens}\n"
    )
