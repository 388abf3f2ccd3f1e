"""A fine-tuned base in the formats that others open: peft's folder, transformers' folder, GGUF."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from chatbot.corpus.chat_template import jinja_of
from chatbot.corpus.hf_tokenizer import BaseTokenizer
from chatbot.errors import CheckpointError, ConfigError
from chatbot.model.pretrained.file import Tuned, write_tokenizer, write_tuned
from chatbot.model.pretrained.hub import reopened
from chatbot.model.pretrained.network import PretrainedNetwork
from chatbot.publishing.export import generation_config
from chatbot.publishing.gguf_file import add_shape, add_vocabulary, open_gguf
from chatbot.settings.schema import SamplingConfig
from chatbot.storage.files import explained, replace_directory, write_json

Array = npt.NDArray[np.float32]
Step: TypeAlias = tuple[str, bool | str]
_N_COMPARED = 16
_ENGLISH = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+"
_MARKS = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
# How llama.cpp calls the ways to split text that it knows: the steps of a tokenizer.json.
_SPLITS: dict[tuple[Step, ...], str] = {
    (("ByteLevel", True),): "gpt-2",
    (("Digits", True), ("ByteLevel", True)): "smollm",
    (("Split", f"{_ENGLISH}|\\p{{N}}|{_MARKS}"), ("ByteLevel", False)): "qwen2",
    (("Split", f"{_ENGLISH}|\\p{{N}}{{1,3}}|{_MARKS}"), ("ByteLevel", False)): "llama-bpe",
}
_WHOLE_WORDS = ("llama-bpe",)  # there a word of the vocabulary is not merged from its parts
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
    """Write a folder aside and put it in place whole; nothing that holds anything is replaced."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ConfigError(f"{folder} already exists", hint="name another, or move it away")
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
def export_tuned_gguf(
    network: PretrainedNetwork, tokenizer: BaseTokenizer, path: Path, number: str = "fp32"
) -> None:
    """Write a GGUF file through the base's own architecture (qwen2, qwen3, llama).

    `number`: fp32, fp16 or q8_0, of matrices; vectors are fp32, as llama.cpp wants them. Raises
    ConfigError for other architectures and for vocabularies that llama.cpp does not split as the
    base does.
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
    if (config.get("rope_parameters") or {}).get("rope_type", "default") != "default":
        raise ConfigError("GGUF of scaled positions is not written here", hint=_PLAIN_HF)
    with open_gguf(path, kind) as writer:
        writer.add_rope_dimension_count(add_shape(writer, config, number))
        add_vocabulary(writer, tokenizer, split, int(network.head_weight.shape[0]))
        writer.add_add_bos_token(False)  # the template says what stands first
        writer.add_chat_template(jinja_of(tokenizer.form))
        for name, weight in _tensors(network, config):
            target = names.get_name(name, try_suffixes=(".weight", ".bias"))
            if target is None:
                raise ConfigError(f"GGUF has no place for {name}", hint=_PLAIN_HF)
            _add_tensor(writer, target, weight, number)


def _add_tensor(writer: Any, name: str, weight: Array, number: str) -> None:
    import gguf

    kinds = gguf.GGMLQuantizationType
    if weight.ndim == 1 or number == "fp32":
        writer.add_tensor(name, weight)
    elif number == "q8_0" and weight.shape[-1] % gguf.GGML_QUANT_SIZES[kinds.Q8_0][0] == 0:
        packed = gguf.quants.quantize(weight, kinds.Q8_0)
        writer.add_tensor(name, packed, raw_dtype=kinds.Q8_0)
    else:
        writer.add_tensor(name, weight.astype(np.float16))


def _split_of(content: dict[str, Any]) -> str:
    """Return llama.cpp's name of how a tokenizer splits text; raises ConfigError without one."""
    given = content["pre_tokenizer"] or {}
    steps = tuple(_step_of(step) for step in given.get("pretokenizers", [given]))
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


def _step_of(step: dict[str, Any]) -> Step:
    """Return what a step of a pre-tokenizer does, in the words of `_SPLITS`."""
    kind = step.get("type", "")
    if kind == "ByteLevel" and not step.get("add_prefix_space"):
        return kind, bool(step.get("use_regex", True))
    if kind == "Digits":
        return kind, bool(step.get("individual_digits"))
    if kind == "Split" and step["behavior"] == "Isolated" and not step.get("invert"):
        return kind, str(step["pattern"].get("Regex"))
    return kind, "unknown"


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
