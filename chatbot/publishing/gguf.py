"""A model -> a GGUF file for llama.cpp and Ollama: shape, vocabulary and weights."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from chatbot.corpus.hf_tokenizer import TOKENIZER_FILE
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.errors import ConfigError
from chatbot.model.bundle import Weights
from chatbot.model.interface import HfConfig
from chatbot.publishing.export import ExportDtype
from chatbot.storage.files import atomic_write

Array = npt.NDArray[np.float32]
Step: TypeAlias = tuple[str, bool | str]
GGUF_DTYPES: tuple[ExportDtype, ...] = ("fp32", "fp16", "q8_0")
_ENGLISH = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+"
_MARKS = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
# llama.cpp's names of pre-tokenizers, by the steps of a tokenizer.json.
_SPLITS: dict[tuple[Step, ...], str] = {
    (("ByteLevel", True),): "gpt-2",
    (("Digits", True), ("ByteLevel", True)): "smollm",
    (("Split", f"{_ENGLISH}|\\p{{N}}|{_MARKS}"), ("ByteLevel", False)): "qwen2",
    (("Split", f"{_ENGLISH}|\\p{{N}}{{1,3}}|{_MARKS}"), ("ByteLevel", False)): "llama-bpe",
}
_WHOLE_WORDS = ("llama-bpe",)  # there a word of the vocabulary is not built by merges
_PLAIN_HF = "`chatbot export --merged DIR` and llama.cpp's convert_hf_to_gguf.py may know it"


@dataclass(frozen=True)
class GgufContent:
    """A network as in transformers: config.json, weights by name, chat template."""

    config: HfConfig
    weights: Weights
    template: str
    begins_with_bos: bool


def write_gguf(path: Path, content: GgufContent, tokenizer: Tokenizer, dtype: ExportDtype) -> None:
    """Write a GGUF file. `dtype`: that of matrices; vectors are fp32, as llama.cpp requires.

    Raises ConfigError for unsupported architectures, and for tokenizers whose pre-tokenization
    llama.cpp lacks.
    """
    import gguf

    config, kind = content.config, content.config["model_type"]
    architectures = {
        "qwen2": gguf.MODEL_ARCH.QWEN2,
        "qwen3": gguf.MODEL_ARCH.QWEN3,
        "llama": gguf.MODEL_ARCH.LLAMA,
    }
    if kind not in architectures:
        raise ConfigError(
            f"GGUF export of the architecture {kind} is not supported", hint=_PLAIN_HF
        )
    if (config.get("rope_parameters") or {}).get("rope_type", "default") != "default":
        raise ConfigError("GGUF export of scaled positions is not supported", hint=_PLAIN_HF)
    split = _split_of(json.loads(tokenizer.files[TOKENIZER_FILE]))
    names = gguf.get_tensor_name_map(architectures[kind], config["num_hidden_layers"])
    with _open_gguf(path, kind) as writer:
        _add_shape(writer, config, dtype)
        _add_vocabulary(writer, tokenizer, split, config["vocab_size"])
        if content.begins_with_bos:
            writer.add_bos_token_id(tokenizer.bos_id)
        writer.add_add_bos_token(content.begins_with_bos)
        writer.add_chat_template(content.template)
        for name, weight in _reordered(content):
            target = names.get_name(name, try_suffixes=(".weight", ".bias"))
            if target is None:
                raise ConfigError(f"GGUF has no place for {name}", hint=_PLAIN_HF)
            _add_tensor(writer, target, weight, dtype)


@contextmanager
def _open_gguf(path: Path, architecture: str) -> Iterator[Any]:
    """Yield the writer of a file that gets its name when it is complete."""
    import gguf

    with atomic_write(path, has_name=True) as file:
        writer = gguf.GGUFWriter(file.name, architecture)
        yield writer
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def _add_shape(writer: Any, config: HfConfig, dtype: ExportDtype) -> None:
    """Add the dimensions in a config.json of transformers."""
    import gguf

    heads = config["num_attention_heads"]
    head_dim = int(config.get("head_dim") or config["hidden_size"] // heads)
    rope = config.get("rope_parameters") or {}
    writer.add_name("chatbot")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads") or heads)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(rope.get("rope_theta") or config.get("rope_theta") or 10000.0)
    kinds = gguf.LlamaFileType
    file_types = {"fp32": kinds.ALL_F32, "fp16": kinds.MOSTLY_F16, "q8_0": kinds.MOSTLY_Q8_0}
    writer.add_file_type(file_types[dtype])
    writer.add_rope_dimension_count(head_dim)


def _add_vocabulary(writer: Any, tokenizer: Tokenizer, split: str, n_rows: int) -> None:
    """Add tokens and merges; control tokens have the type that text never becomes.

    `split`: llama.cpp's name of the pre-tokenizer. Rows without a token get an unused name.
    """
    import gguf

    content = json.loads(tokenizer.files[TOKENIZER_FILE])
    by_id = {token: entry for entry, token in content["model"]["vocab"].items()}
    by_id |= {added["id"]: added["content"] for added in content["added_tokens"]}
    control = set(tokenizer.control_ids.tolist())
    kinds = [
        gguf.TokenType.UNUSED
        if token not in by_id
        else gguf.TokenType.CONTROL
        if token in control
        else gguf.TokenType.NORMAL
        for token in range(n_rows)
    ]
    merges = content["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(split)
    writer.add_token_list([by_id.get(token, f"[PAD{token}]") for token in range(n_rows)])
    writer.add_token_types(kinds)
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    writer.add_eos_token_id(tokenizer.eos_id)
    writer.add_pad_token_id(tokenizer.pad_id)


def _add_tensor(writer: Any, name: str, weight: Array, dtype: ExportDtype) -> None:
    import gguf

    kinds = gguf.GGMLQuantizationType
    if weight.ndim == 1 or dtype == "fp32":
        writer.add_tensor(name, weight)
    elif dtype == "q8_0" and weight.shape[-1] % gguf.GGML_QUANT_SIZES[kinds.Q8_0][0] == 0:
        packed = gguf.quants.quantize(weight, kinds.Q8_0)
        writer.add_tensor(name, packed, raw_dtype=kinds.Q8_0)
    else:
        writer.add_tensor(name, weight.astype(np.float16))


def _reordered(content: GgufContent) -> Iterator[tuple[str, Array]]:
    """Yield every weight by name; llama's q and k in the order of llama.cpp."""
    heads = content.config["num_attention_heads"]
    kv_heads = content.config.get("num_key_value_heads") or heads
    is_llama = content.config["model_type"] == "llama"
    for name, weight in content.weights.items():
        array = np.ascontiguousarray(weight)
        if is_llama and name.endswith(("q_proj.weight", "k_proj.weight")):
            array = _neighbours(array, heads if ".q_proj" in name else kv_heads)
        yield name, array


def _neighbours(weight: Array, n_head: int) -> Array:
    """Reorder rows for rotary embedding of neighbours, not halves, as in llama.cpp's llama."""
    halves = weight.reshape(n_head, 2, weight.shape[0] // n_head // 2, *weight.shape[1:])
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(weight.shape))


def _split_of(content: Mapping[str, Any]) -> str:
    """Return llama.cpp's name of a tokenizer's pre-tokenizer; raises ConfigError without one."""
    splitter = content["pre_tokenizer"] or {}
    steps = tuple(_step_of(step) for step in splitter.get("pretokenizers", [splitter]))
    name = _SPLITS.get(steps)
    model, normalizer = content["model"], content.get("normalizer") or {}
    is_alike = (
        model.get("type", "BPE") == "BPE"
        and bool(model.get("ignore_merges")) == (name in _WHOLE_WORDS)
        and normalizer.get("type", "NFC") == "NFC"  # messages are normalized before
    )
    if name is None or not is_alike:
        raise ConfigError("llama.cpp may not split text as this base does", hint=_PLAIN_HF)
    return name


def _step_of(step: Mapping[str, Any]) -> Step:
    """Return the kind of a pre-tokenizer step, as in `_SPLITS`."""
    kind = step.get("type", "")
    if kind == "ByteLevel" and not step.get("add_prefix_space"):
        return kind, bool(step.get("use_regex", True))
    if kind == "Digits":
        return kind, bool(step.get("individual_digits"))
    if kind == "Split" and step["behavior"] == "Isolated" and not step.get("invert"):
        return kind, str(step["pattern"].get("Regex"))
    return kind, "unknown"
