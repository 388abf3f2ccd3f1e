"""A fine-tuned base in the formats that others open: peft's folder, transformers' folder, GGUF."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from chatbot.corpus.base_tokenizer import FORM_FILE, BaseTokenizer
from chatbot.errors import CheckpointError, ConfigError
from chatbot.model.base import reopened
from chatbot.model.chat_form import jinja_of
from chatbot.model.pretrained import PretrainedNetwork
from chatbot.model.tuned import Tuned, write_tokenizer, write_tuned
from chatbot.publishing.export import generation_config
from chatbot.settings import SamplingConfig
from chatbot.storage.files import atomic_write, explained, replace_directory, write_json

Array = npt.NDArray[np.float32]
_N_COMPARED = 16
# How llama.cpp calls the ways to split text that it knows: what stands in the pattern.
_SPLITS = {
    "qwen2": "\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*",
    "llama-bpe": "\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*",
}
_PLAIN_HF = "`chatbot export --merged DIR` and llama.cpp's convert_hf_to_gguf.py may know it"


def export_adapter(tuned: Tuned, folder: Path) -> None:
    """Write what peft opens beside the base."""
    _in_place(folder, lambda part: write_tuned(part, tuned))


def export_merged(
    network: PretrainedNetwork, tokenizer: BaseTokenizer, folder: Path, sampling: SamplingConfig
) -> None:
    """Write a folder that transformers opens alone, and hold its logits against the network's.

    Raises CheckpointError if the folder does not answer as the adapter does.
    """

    def write(part: Path) -> None:
        network.save(part)
        write_tokenizer(part, tokenizer)
        ids = (
            tokenizer.pad_id,
            tokenizer.prefix[0] if tokenizer.prefix else None,
            tokenizer.eos_id,
        )
        write_json(part / "generation_config.json", generation_config(sampling, *ids))
        tokens = torch.arange(_N_COMPARED)[None] % network.vocab_size
        with torch.no_grad():
            wanted = network.head(network.hidden(tokens)).float()
        network.release()  # two of a large base would not fit
        _require_same(part, tokens, wanted)

    _in_place(folder, write)


def _in_place(folder: Path, write: Any) -> None:
    """Write a folder aside and put it in place whole; only an export of before may go for it."""
    if folder.exists() and not (folder / FORM_FILE).exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder} is there and no export", hint="name a new folder")
    part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    try:
        with explained(folder):
            part.mkdir(parents=True)
        write(part)
        replace_directory(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@torch.no_grad()
def _require_same(folder: Path, tokens: torch.Tensor, wanted: torch.Tensor) -> None:
    found = reopened(folder)(input_ids=tokens).logits.float()
    if not torch.allclose(found, wanted, rtol=0.02, atol=0.05 * float(wanted.std())):
        raise CheckpointError(
            "the exported network does not answer as the adapter does",
            hint="this is a bug; report the base's architecture",
        )


# ---------------------------------------------------------------- GGUF
def export_tuned_gguf(network: PretrainedNetwork, tokenizer: BaseTokenizer, path: Path) -> None:
    """Write a GGUF file through the base's own architecture (qwen2, qwen3, llama).

    Raises ConfigError for other architectures and for vocabularies that llama.cpp does not split
    as the base does.
    """
    import gguf

    config = network.hf_config()
    kind = config["model_type"]
    architectures = {
        "qwen2": gguf.MODEL_ARCH.QWEN2,
        "qwen3": gguf.MODEL_ARCH.QWEN3,
        "llama": gguf.MODEL_ARCH.LLAMA,
    }
    if kind not in architectures:
        raise ConfigError(f"GGUF of the architecture {kind} is not written here", hint=_PLAIN_HF)
    split = _split_of(json.loads(tokenizer.files["tokenizer.json"]))
    names = gguf.get_tensor_name_map(architectures[kind], config["num_hidden_layers"])
    with atomic_write(path) as file:
        writer = gguf.GGUFWriter(file.name, kind)
        _add_shape(writer, config)
        _add_vocabulary(writer, tokenizer, split, int(network.head_weight.shape[0]))
        for name, weight in _tensors(network, config):
            target = names.get_name(name, try_suffixes=(".weight", ".bias"))
            if target is None:
                raise ConfigError(f"GGUF has no place for {name}", hint=_PLAIN_HF)
            writer.add_tensor(target, weight)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def _split_of(content: dict[str, Any]) -> str:
    """Return llama.cpp's name of how a tokenizer splits text."""
    steps = content["pre_tokenizer"] or {}
    steps = steps.get("pretokenizers", [steps])
    pattern = next((s["pattern"].get("Regex", "") for s in steps if s.get("type") == "Split"), "")
    for name, known in _SPLITS.items():
        if known in pattern and (name != "qwen2" or "{1,3}" not in pattern):
            return name
    if not pattern and any(
        s.get("type") == "ByteLevel" and s.get("use_regex", True) for s in steps
    ):
        return "gpt-2"
    raise ConfigError("llama.cpp may not split text as this base does", hint=_PLAIN_HF)


def _add_shape(writer: Any, config: dict[str, Any]) -> None:
    import gguf

    heads = config["num_attention_heads"]
    head_dim = config.get("head_dim") or config["hidden_size"] // heads
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
    writer.add_rope_dimension_count(head_dim)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(rope.get("rope_theta") or config.get("rope_theta") or 10000.0)
    if rope.get("rope_type", "default") != "default":
        raise ConfigError("GGUF of scaled positions is not written here", hint=_PLAIN_HF)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)


def _add_vocabulary(writer: Any, tokenizer: BaseTokenizer, split: str, n_rows: int) -> None:
    """Add tokens and merges; rows without a token get a name that nothing becomes."""
    import gguf

    content = json.loads(tokenizer.files["tokenizer.json"])
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
    writer.add_add_bos_token(False)  # the template says what stands first
    writer.add_chat_template(jinja_of(tokenizer.form))


def _tensors(network: PretrainedNetwork, config: dict[str, Any]) -> Iterator[tuple[str, Array]]:
    """Yield every weight under transformers' name; llama's q and k in the order of llama.cpp."""
    heads = config["num_attention_heads"]
    kv_heads = config.get("num_key_value_heads") or heads
    for name, weight in network.all_weights().items():
        array = np.asarray(weight.float().numpy())
        if config["model_type"] == "llama" and name.endswith(("q_proj.weight", "k_proj.weight")):
            array = _neighbours(array, heads if ".q_proj" in name else kv_heads)
        yield name, array


def _neighbours(weight: Array, n_head: int) -> Array:
    """Reorder rows from rotated halves to rotated neighbours, as llama.cpp's llama has them."""
    halves = weight.reshape(n_head, 2, weight.shape[0] // n_head // 2, *weight.shape[1:])
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(weight.shape))
