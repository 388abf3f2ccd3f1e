"""A model in the form that transformers or peft opens: a folder; and back.

Our own network has the layout of Qwen3, so no custom code is needed anywhere.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from chatbot.corpus.tokenizer import BOS, EOS, PAD, BpeTokenizer, Tokenizer
from chatbot.errors import CheckpointError, ConfigError
from chatbot.model.bundle import About, Bundle, map_file, tensors_in, weights_in
from chatbot.model.gpt.config import NORM_EPS, GPTConfig, require_sane, weight_shapes
from chatbot.model.gpt.file import gpt_bundle, shape_of
from chatbot.settings.schema import Config, SamplingConfig
from chatbot.storage.files import whole_folder, write_bytes, write_json

if TYPE_CHECKING:
    from chatbot.model.pretrained.network import PretrainedNetwork

FolderDtype = Literal["fp32", "fp16", "bf16"]
ME, YOU = "<|spk:0|>", "<|spk:1|>"
# Jinja, for transformers and llama.cpp: who is no assistant is the other person.
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    f"{{% if message['role'] == 'assistant' %}}{ME}{{% else %}}{YOU}{{% endif %}}"
    f"{{{{ message['content'] }}}}{EOS}"
    "{% endfor %}"
    f"{{% if add_generation_prompt %}}{ME}{{% endif %}}"
)
_ABOUT_FILE = "chatbot.json"  # what the model knows of itself; only `import` reads it
_N_COMPARED = 16
_USE = "AutoModelForCausalLM.from_pretrained opens it"
_TORCH_NAMES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}


def export_hf(bundle: Bundle, folder: Path, config: Config, dtype: FolderDtype = "fp32") -> str:
    """Write a folder that AutoModelForCausalLM and AutoTokenizer open without custom code.

    Return how it is used. `dtype`: of a base's weights, fp32 unless told. Raises
    ConfigError rather than replace anything.
    """
    export = {"gpt": _export_gpt, "pretrained": _export_merged}[bundle.family]
    return export(bundle, folder, config, dtype)


def export_adapter(bundle: Bundle, folder: Path) -> str:
    """Write what peft opens beside the base; return how it is used."""
    from chatbot.model.pretrained.file import tokenizer_of, write_folder

    with _new_folder(folder) as part:
        write_folder(part, bundle)
    tokenizer = tokenizer_of(bundle)
    resize = f" with resize_token_embeddings({tokenizer.vocab_size})" if tokenizer.added_ids else ""
    return f"PeftModel.from_pretrained opens it on the base{resize}"


def require_new(target: Path) -> None:
    """Raise ConfigError where an export would replace anything but an empty folder."""
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise ConfigError(f"{target} already exists", hint="name another, or move it away")


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Lend a folder that takes its name when it is whole; what holds anything is not replaced."""
    require_new(folder)
    with whole_folder(folder) as part:
        yield part
        # Git passes it by, wherever it is: weights hold what was written in the chat.
        write_bytes(part / ".gitignore", b"*\n")


def generation_config(sampling: SamplingConfig, tokenizer: Tokenizer) -> dict[str, Any]:
    """Return how transformers shall draw tokens: as we do, as far as it can."""
    return {
        "do_sample": sampling.temperature > 0,
        "temperature": sampling.temperature or 1.0,
        "top_k": sampling.top_k,
        "top_p": sampling.top_p,
        "min_p": sampling.min_p,
        "repetition_penalty": sampling.repetition_penalty,
        "max_new_tokens": sampling.max_new_tokens,
        "pad_token_id": tokenizer.pad_id,
        "bos_token_id": tokenizer.prefix[0] if tokenizer.prefix else None,
        "eos_token_id": tokenizer.eos_id,
    }


# ---------------------------------------------------------------- our own network
def _export_gpt(bundle: Bundle, folder: Path, config: Config, dtype: FolderDtype) -> str:
    from safetensors.numpy import save

    del dtype  # fp32: small enough
    shape = shape_of(bundle)
    weights = {f"model.{name}": np.ascontiguousarray(w) for name, w in bundle.weights.items()}

    with _new_folder(folder) as part:
        write_bytes(part / "model.safetensors", save(weights, {"format": "pt"}))
        for name, text in bundle.tokenizer_files.items():
            write_bytes(part / name, text.encode())
        write_json(part / "tokenizer_config.json", _tokenizer_config(shape))
        write_bytes(part / "chat_template.jinja", CHAT_TEMPLATE.encode())
        write_json(part / _ABOUT_FILE, msgspec.to_builtins(bundle.about))
        drawing = generation_config(config.sampling, bundle.tokenizer)
        write_json(part / "generation_config.json", drawing)
        write_json(part / "config.json", qwen3_config(shape))

    return _USE


def qwen3_config(shape: GPTConfig) -> dict[str, Any]:
    """Return a shape in the words of transformers' config.json."""
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


def _tokenizer_config(shape: GPTConfig) -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS,
        "eos_token": EOS,
        "pad_token": PAD,
        "model_max_length": shape.block_size,
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }


def import_hf(folder: Path) -> Bundle:
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
        about = (
            msgspec.json.decode(about_file.read_bytes(), type=About)
            if about_file.is_file()
            else About()
        )
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{error.filename} is missing", hint="name a folder that `chatbot export` wrote"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{folder} is damaged", hint="export it again") from error
    tensors.pop("lm_head.weight", None)  # the embedding again
    weights = {name.removeprefix("model."): w for name, w in weights_in(tensors).items()}
    shapes = {name: tuple(w.shape) for name, w in weights.items()}
    is_ours = config.get("model_type") == "qwen3" and config.get("tie_word_embeddings")
    if not is_ours or shapes != weight_shapes(shape) or config["head_dim"] != shape.head_dim:
        raise CheckpointError(
            f"{folder} holds another kind of model",
            hint="only what `export` wrote comes back",
        )
    if BpeTokenizer(text).vocab_size != shape.vocab_size:
        raise CheckpointError(f"{folder} has a vocabulary of another model", hint="export it again")
    return gpt_bundle(shape, weights, text, about)


# ---------------------------------------------------------------- a pretrained base
def _export_merged(bundle: Bundle, folder: Path, config: Config, dtype: FolderDtype) -> str:
    """Write the base with the adapter worked in, and hold its logits against the network's.

    Raises CheckpointError if the folder does not answer as the adapter does.
    """
    import torch

    from chatbot.model.pretrained.file import tokenizer_of, write_tokenizer
    from chatbot.model.pretrained.network import open_network

    chosen = getattr(torch, _TORCH_NAMES[dtype])
    network = open_network(bundle, config, torch.device("cpu"), torch.float32)
    for weight in network.parameters():  # buffers, as of the positions, are no weights
        weight.data = weight.data.to(chosen)

    with _new_folder(folder) as part:
        network.save(part)
        write_tokenizer(part, tokenizer_of(bundle))
        drawing = generation_config(config.sampling, bundle.tokenizer)
        write_json(part / "generation_config.json", drawing)
        _require_same(part, network)

    if chosen is torch.float32:
        return _USE
    lost = "much" if chosen is torch.bfloat16 else "a little"
    return f"{_USE}; its weights are {dtype}: {lost} of the adapter is rounded away; --dtype fp32"


def _require_same(folder: Path, network: "PretrainedNetwork") -> None:
    """Open a folder as others do, and compare; the network is released meanwhile."""
    import torch

    from chatbot.model.pretrained.hub import reopened

    with torch.no_grad():
        tokens = torch.arange(_N_COMPARED)[None] % network.vocab_size
        expected = network.head(network.hidden(tokens)).float()
        network.release()  # two of a large base would not fit
        logits = reopened(folder)(input_ids=tokens).logits.float()
    if not torch.allclose(logits, expected, rtol=0.02, atol=0.05 * float(expected.std())):
        raise CheckpointError(
            "the exported network does not answer as the adapter does",
            hint="this is a bug; report the base's architecture",
        )
