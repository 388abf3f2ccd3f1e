"""A fine-tuned base <-> a folder that peft or transformers opens. No torch here."""

import json
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from chatbot.corpus.chat_template import jinja_of
from chatbot.corpus.hf_tokenizer import FORM_FILE, TOKENIZER_FILE, BaseTokenizer
from chatbot.errors import CheckpointError, CorpusError
from chatbot.model.bundle import About, Bundle
from chatbot.model.pretrained.fit import require_fit
from chatbot.model.tensors import map_file, read_header, stored_shapes, tensors_of, weights_of
from chatbot.storage.files import sha256_of, write_bytes, write_json

_ABOUT_FILE = "run_meta.json"
_NAMES = {
    "adapter": ("adapter_model.safetensors", "adapter_config.json"),
    "full": ("model.safetensors", "config.json"),
}


def tokenizer_of(bundle: Bundle) -> BaseTokenizer:
    """Return the tokenizer of a fine-tuned base; raises CorpusError for another kind of model."""
    if not isinstance(bundle.tokenizer, BaseTokenizer):
        raise CorpusError("the model is not a fine-tuned base", hint="name another model")
    return bundle.tokenizer


def write_folder(folder: Path, bundle: Bundle) -> None:
    """Write a folder, with the config last, because a folder with a config counts as complete."""
    from safetensors.numpy import save

    weights_name, config_name = _NAMES[bundle.kind]
    weights = {name: np.ascontiguousarray(weight) for name, weight in bundle.weights.items()}
    write_bytes(folder / weights_name, save(weights, {"format": "pt"}))
    write_tokenizer(folder, tokenizer_of(bundle))
    digest = sha256_of(folder / weights_name)
    about = msgspec.structs.replace(bundle.about, weights_sha256=digest)
    write_json(folder / _ABOUT_FILE, msgspec.to_builtins(about))
    write_json(folder / config_name, bundle.config)


def write_tokenizer(folder: Path, tokenizer: BaseTokenizer) -> None:
    """Write the tokenizer for transformers, with a chat template of exactly our frames."""
    for name, text in tokenizer.files.items():
        write_bytes(folder / name, text.encode())
    template = jinja_of(tokenizer.form)
    write_bytes(folder / "chat_template.jinja", template.encode())
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": tokenizer.end_token,
            "clean_up_tokenization_spaces": False,
            "chat_template": template,
        },
    )


def read_folder(folder: Path) -> Bundle:
    """Read a folder; raises CheckpointError if it is damaged or another program wrote it."""
    kind: Literal["full", "adapter"] = (
        "full" if (folder / _NAMES["full"][0]).is_file() else "adapter"
    )
    weights_name, config_name = _NAMES[kind]
    try:
        about = read_about(folder)
        if sha256_of(folder / weights_name) != about.weights_sha256:
            raise ValueError("a weight changed")
        header = read_header(map_file(folder / weights_name))
        files = {n: (folder / n).read_text(encoding="utf-8") for n in (TOKENIZER_FILE, FORM_FILE)}
        config = json.loads((folder / config_name).read_text(encoding="utf-8"))
        require_fit(config, stored_shapes(header))
        weights = weights_of(header, tensors_of(header))
        bundle = Bundle("pretrained", kind, config, weights, files, about)
        tokenizer_of(bundle)
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{folder} is incomplete: {Path(error.filename or '').name} is missing",
            hint="choose a folder that `chatbot train` wrote",
        ) from error
    except (ValueError, KeyError, CorpusError) as error:
        raise CheckpointError(f"{folder} is damaged", hint="choose another checkpoint") from error
    return bundle


def read_about(folder: Path) -> About:
    """Return the facts about a folder's model; raises OSError or ValueError if there are none."""
    return msgspec.json.decode((folder / _ABOUT_FILE).read_bytes(), type=About)
