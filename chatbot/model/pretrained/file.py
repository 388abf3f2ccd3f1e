"""A fine-tuned base as files hold it: a folder that peft or transformers opens, or one file."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load, load_file, save
from torch import Tensor

from chatbot.corpus.chat_template import jinja_of
from chatbot.corpus.hf_tokenizer import FORM_FILE, BaseTokenizer, read_tokenizer
from chatbot.corpus.ngrams import NgramIndex
from chatbot.errors import CheckpointError, CorpusError
from chatbot.model.gpt.file import GUARD_NAMES, with_sorted_header
from chatbot.settings.schema import WeightFormat
from chatbot.storage.files import sha256_of, write_bytes, write_json

FORMAT = "chatbot-tuned-1"
META_FILE, DIGEST = "run_meta.json", "weights_sha256"
_NAMES = {
    "adapter": ("adapter_model.safetensors", "adapter_config.json"),
    "full": ("model.safetensors", "config.json"),
}
_GUARD_FILE = "leak_guard.safetensors"


@dataclass(frozen=True)
class Tuned:
    """`adapter`: weights beside a base, `config` as in adapter_config.json; `full`: all weights."""

    kind: str
    weights: dict[str, Tensor]
    config: dict[str, Any]
    tokenizer: BaseTokenizer
    about: dict[str, Any]
    guard: NgramIndex | None


def weights_path(folder: Path) -> Path:
    """Return where the weights of a folder are, whichever kind it is."""
    return next(
        (folder / name for name, _ in _NAMES.values() if (folder / name).is_file()),
        folder / _NAMES["adapter"][0],
    )


def write_tuned(folder: Path, tuned: Tuned) -> None:
    """Write a folder, its config last: a folder with it looks complete."""
    weights_name, config_name = _NAMES[tuned.kind]
    write_bytes(folder / weights_name, save(tuned.weights, {"format": "pt"}))
    write_tokenizer(folder, tuned.tokenizer)
    if tuned.guard is not None:
        write_bytes(folder / _GUARD_FILE, save(_guard_tensors(tuned.guard)))
    digest = sha256_of(folder / weights_name)
    write_json(folder / META_FILE, {**tuned.about, DIGEST: digest})
    write_json(folder / config_name, tuned.config)


def write_tokenizer(folder: Path, tokenizer: BaseTokenizer) -> None:
    """Write what transformers opens as the tokenizer, its chat template our very frames."""
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


def read_tuned(folder: Path) -> Tuned:
    """Read a folder; raises CheckpointError if it is none of this program's, or damaged."""
    path = weights_path(folder)
    kind = next(kind for kind, names in _NAMES.items() if names[0] == path.name)
    try:
        guard = folder / _GUARD_FILE
        about = json.loads((folder / META_FILE).read_text(encoding="utf-8"))
        if sha256_of(path) != about[DIGEST]:
            raise ValueError("a weight changed")
        return Tuned(
            kind,
            load_file(path),
            json.loads((folder / _NAMES[kind][1]).read_text(encoding="utf-8")),
            _tokenizer_in(folder),
            about,
            # Not mapped: on Windows a mapped file cannot be replaced.
            _guard_in(load(guard.read_bytes())) if guard.exists() else None,
        )
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{folder} is not whole: {Path(error.filename or '').name} is missing",
            hint="name a folder that `train` wrote",
        ) from error
    except (SafetensorError, ValueError, KeyError, CorpusError) as error:
        raise CheckpointError(f"{folder} is damaged", hint="name another checkpoint") from error


def _tokenizer_in(folder: Path) -> BaseTokenizer:
    text = (folder / "tokenizer.json").read_text(encoding="utf-8")
    return read_tokenizer(text, (folder / FORM_FILE).read_bytes())


def tuned_bytes(tuned: Tuned, number: WeightFormat) -> bytes:
    """Return all of it as one safetensors file. `int8` is a format of our own network only."""
    dtype = torch.float16 if number == "fp16" else torch.float32
    tensors = {name: weight.to(dtype) for name, weight in tuned.weights.items()}
    if tuned.guard is not None:
        tensors |= _guard_tensors(tuned.guard)
    text, form = tuned.tokenizer.files["tokenizer.json"], tuned.tokenizer.files[FORM_FILE]
    metadata = {
        "format": FORMAT,
        "kind": tuned.kind,
        "config": json.dumps(tuned.config),
        "tokenizer": text,
        "form": form,
        "about": json.dumps(tuned.about),
        "checksum": _checksum(tensors),
    }
    return with_sorted_header(save(tensors, metadata))


def read_tuned_file(path: Path) -> Tuned:
    """Read one file back; raises CheckpointError if it is another kind of file, or damaged."""
    return read_tuned_bytes(path.read_bytes(), str(path))


def read_tuned_bytes(content: bytes, name: str) -> Tuned:
    """Read one file that lies in memory, called `name` in errors."""
    try:
        n_header = int.from_bytes(content[:8], "little")
        header = msgspec.json.decode(content[8 : 8 + n_header], type=dict[str, Any])
        metadata = header.get("__metadata__", {})
        if metadata.get("format") != FORMAT:
            raise CheckpointError(f"{name} is no fine-tuned base", hint="publish it again")
        tensors = load(content)
        if _checksum(tensors) != metadata["checksum"]:
            raise ValueError("a weight changed")
        guard = _guard_in(tensors) if GUARD_NAMES[0] in tensors else None
        return Tuned(
            metadata["kind"],
            {key: value for key, value in tensors.items() if key not in GUARD_NAMES},
            json.loads(metadata["config"]),
            read_tokenizer(metadata["tokenizer"], metadata["form"].encode()),
            json.loads(metadata["about"]),
            guard,
        )
    except (SafetensorError, ValueError, KeyError, CorpusError, msgspec.DecodeError) as error:
        raise CheckpointError(
            f"model {name} is damaged", hint="copy or publish it again"
        ) from error


def _guard_tensors(guard: NgramIndex) -> dict[str, Tensor]:
    hashes = torch.from_numpy(guard.hashes.view("int32").copy())
    return {GUARD_NAMES[0]: hashes, GUARD_NAMES[1]: torch.from_numpy(guard.speakers.copy())}


def _guard_in(tensors: dict[str, Tensor]) -> NgramIndex:
    return NgramIndex(
        tensors[GUARD_NAMES[0]].numpy().view("uint32"), tensors[GUARD_NAMES[1]].numpy()
    )


def _checksum(tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode() + tensors[name].contiguous().numpy().tobytes())
    return digest.hexdigest()
