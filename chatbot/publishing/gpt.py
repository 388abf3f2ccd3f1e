"""Our own network <-> a folder of transformers; a GGUF file; and a page in one file.

It has the layout of Qwen3, so no custom code is needed anywhere.
"""

import json
from dataclasses import asdict
from pathlib import Path

import msgspec
import numpy as np

from chatbot.corpus.tokenizer import BOS, EOS, PAD, BpeTokenizer
from chatbot.errors import CheckpointError
from chatbot.model.bundle import About, Bundle
from chatbot.model.gpt.config import NORM_EPS, GPTConfig, require_sane, weight_shapes
from chatbot.model.gpt.file import gpt_bundle, shape_of
from chatbot.model.tensors import map_file, read_header, stored_shapes, tensors_of, weights_of
from chatbot.publishing.export import (
    DEFAULTS,
    USE,
    Export,
    ExportOptions,
    Exports,
    generation_config,
    new_folder,
)
from chatbot.publishing.gguf import GGUF_DTYPES, GgufContent, write_gguf
from chatbot.publishing.page.file import export_page
from chatbot.settings.schema import Config, SamplingConfig
from chatbot.storage.files import write_bytes, write_json

ME, YOU = "<|spk:0|>", "<|spk:1|>"
_ABOUT_FILE = "chatbot.json"  # facts about the model; only `import` reads it


def chat_template(about: About) -> str:
    """Return the template in Jinja, for transformers and llama.cpp.

    Every role except assistant is the other person, who asks a desk as its tables do.
    """
    asks = f"{YOU}{about.text_rules.question.prefix}"
    return (
        "{{ bos_token }}{% for message in messages %}"
        f"{{% if message['role'] == 'assistant' %}}{ME}{{% else %}}{asks}{{% endif %}}"
        f"{{{{ message['content'] }}}}{EOS}"
        "{% endfor %}"
        f"{{% if add_generation_prompt %}}{ME}{{% endif %}}"
    )


def _ollama_template(about: About) -> str:
    """Return the same template in Go, for Ollama."""
    asks = f"{YOU}{about.text_rules.question.prefix}"
    return (
        f'{{{{- range .Messages }}}}{{{{ if eq .Role "assistant" }}}}{ME}{{{{ else }}}}{asks}'
        f"{{{{ end }}}}{{{{ .Content }}}}{EOS}{{{{ end }}}}{ME}"
    )


def export_hf(
    bundle: Bundle, folder: Path, config: Config, options: ExportOptions = DEFAULTS
) -> str:
    """Write a folder that AutoModelForCausalLM and AutoTokenizer open; return how to use it."""
    from safetensors.numpy import save

    del options  # fp32: small enough
    shape = shape_of(bundle)
    weights = {f"model.{name}": np.ascontiguousarray(w) for name, w in bundle.weights.items()}

    with new_folder(folder) as part:
        write_bytes(part / "model.safetensors", save(weights, {"format": "pt"}))
        for name, text in bundle.tokenizer_files.items():
            write_bytes(part / name, text.encode())
        write_json(part / "tokenizer_config.json", _tokenizer_config(shape, bundle.about))
        write_bytes(part / "chat_template.jinja", chat_template(bundle.about).encode())
        write_json(part / _ABOUT_FILE, msgspec.to_builtins(bundle.about))
        drawing = generation_config(config.sampling, bundle.tokenizer)
        write_json(part / "generation_config.json", drawing)
        write_json(part / "config.json", qwen3_config(shape))

    return USE


def qwen3_config(shape: GPTConfig) -> dict[str, object]:
    """Return a shape as config.json of transformers."""
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


def _tokenizer_config(shape: GPTConfig, about: About) -> dict[str, object]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS,
        "eos_token": EOS,
        "pad_token": PAD,
        "model_max_length": shape.block_size,
        "clean_up_tokenization_spaces": False,
        "chat_template": chat_template(about),
    }


def import_hf(folder: Path) -> Bundle:
    """Read an exported folder; raises CheckpointError if another program wrote it."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        text = (folder / "tokenizer.json").read_text(encoding="utf-8")
        header = read_header(map_file(folder / "model.safetensors"))
        header.entries.pop("lm_head.weight", None)  # the tied LM head
        shapes = stored_shapes(header)
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
        shape = msgspec.convert(asdict(shape), GPTConfig)  # its types
        require_sane(shape, len(shapes))
        about_file = folder / _ABOUT_FILE  # missing in older exports
        about = (
            msgspec.json.decode(about_file.read_bytes(), type=About)
            if about_file.is_file()
            else About()
        )
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{error.filename} is missing", hint="choose a folder that `chatbot export` wrote"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{folder} is damaged", hint="export it again") from error
    is_ours = config.get("model_type") == "qwen3" and config.get("tie_word_embeddings")
    expected = {f"model.{name}": sizes for name, sizes in weight_shapes(shape).items()}
    if not is_ours or shapes != expected or config["head_dim"] != shape.head_dim:
        raise CheckpointError(
            f"{folder} holds another kind of model",
            hint="only folders that `export` wrote can be imported",
        )
    if BpeTokenizer(text).vocab_size != shape.vocab_size:
        raise CheckpointError(
            f"{folder} has the vocabulary of another model", hint="export it again"
        )
    weights = weights_of(header, tensors_of(header))
    return gpt_bundle(
        shape, {name.removeprefix("model."): w for name, w in weights.items()}, text, about
    )


def export_gguf(
    bundle: Bundle, path: Path, config: Config, options: ExportOptions = DEFAULTS
) -> str:
    """Write a GGUF file, with a Modelfile for Ollama; return how to use it."""
    weights = {f"model.{name}": weight for name, weight in bundle.weights.items()}
    shape = qwen3_config(shape_of(bundle))
    content = GgufContent(shape, weights, chat_template(bundle.about), begins_with_bos=True)
    write_gguf(path, content, bundle.tokenizer, options.dtype)
    modelfile = path.with_suffix(".Modelfile")
    write_bytes(modelfile, _modelfile(path, config.sampling, bundle.about).encode())
    return f"for Ollama: ollama create mine -f {modelfile}"


def _modelfile(path: Path, sampling: SamplingConfig, about: About) -> str:
    return (
        f"FROM ./{path.name}\n"
        f'TEMPLATE """{_ollama_template(about)}"""\n'
        f'PARAMETER stop "{EOS}"\n'
        f"PARAMETER temperature {sampling.temperature}\n"
        f"PARAMETER top_k {sampling.top_k}\n"
        f"PARAMETER top_p {sampling.top_p}\n"
        f"PARAMETER min_p {sampling.min_p}\n"
        f"PARAMETER repeat_penalty {sampling.repetition_penalty}\n"
        f"PARAMETER num_predict {sampling.max_new_tokens}\n"
    )


EXPORTS: Exports = {
    ("hf", False): Export(export_hf),
    ("gguf", False): Export(export_gguf, GGUF_DTYPES),
    ("page", False): Export(export_page, ("int8", "fp16"), is_encrypted=True),
}
