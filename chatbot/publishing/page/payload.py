"""A model and its settings -> the bytes that the page opens, before they are encrypted.

The length of a description (4 bytes), the description as compressed JSON, then the tensors. Numbers
are little-endian; every tensor begins at a multiple of 16 bytes after the description.
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from chatbot.inference.loading import bot_settings
from chatbot.inference.speakers import choose_speaker, speakers_of
from chatbot.model.bundle import Bundle, stored_tensors
from chatbot.model.gpt.config import NORM_EPS
from chatbot.model.gpt.file import talking_shape
from chatbot.publishing.page.rules import shield_rules, text_rules
from chatbot.settings.kinds import WeightFormat
from chatbot.settings.schema import Config

_ALIGNMENT = 16
_NAMES = {np.dtype(np.int8): "int8", np.dtype(np.float16): "fp16", np.dtype(np.float32): "fp32"}


def pack(bundle: Bundle, config: Config, dtype: WeightFormat) -> bytes:
    """Return a model of our own network, with its replies' settings; weights in `dtype`."""
    tensors: dict[str, npt.NDArray[Any]] = {}
    for name, weight in bundle.weights.items():
        tensors |= stored_tensors(name, np.ascontiguousarray(weight), dtype)
    content = b"".join(_padded(tensor) for tensor in tensors.values())
    description = {
        **_settings(bundle, config),
        **_device_names(sha256(content).digest()),
        "shape": {**asdict(talking_shape(bundle)), "norm_eps": NORM_EPS},
        "tokenizer": _vocabulary(bundle),
        "tensors": list(_places(tensors)),
    }
    # The time of compression would change the bytes; a fixed one does not.
    compressed = gzip.compress(msgspec.json.encode(description), mtime=0)
    return b"".join((len(compressed).to_bytes(4, "little"), compressed, content))


def _padded(tensor: npt.NDArray[Any]) -> bytes:
    content = tensor.astype(tensor.dtype.newbyteorder("<"), copy=False).tobytes()
    return content + bytes(-len(content) % _ALIGNMENT)


def _places(tensors: Mapping[str, npt.NDArray[Any]]) -> Iterator[dict[str, Any]]:
    """Yield where each tensor lies, counted from the end of the description."""
    offset = 0
    for name, tensor in tensors.items():
        kind, shape = _NAMES[tensor.dtype], list(tensor.shape)
        yield {"name": name, "dtype": kind, "shape": shape, "offset": offset}
        offset += tensor.nbytes + -tensor.nbytes % _ALIGNMENT


def _vocabulary(bundle: Bundle) -> dict[str, Any]:
    """Return the entries by id and the merges; control tokens have the first ids."""
    content = json.loads(bundle.tokenizer.files["tokenizer.json"])
    entries = sorted(content["model"]["vocab"].items(), key=lambda entry: entry[1])
    merges = [m.split(" ") if isinstance(m, str) else m for m in content["model"]["merges"]]
    return {
        "entries": [entry for entry, _ in entries],
        "merges": merges,
        "n_speakers": bundle.tokenizer.n_speakers,
    }


def _settings(bundle: Bundle, config: Config) -> dict[str, Any]:
    settings = bot_settings(config, bundle.about)
    return {
        "sampling": msgspec.to_builtins(settings.sampling),
        "output": msgspec.to_builtins(settings.output),
        "history_turns": settings.dialogue.history_turns,
        "text": text_rules(settings.text_rules),
        "shield": shield_rules() if settings.output.leak_guard else None,
        "personas": _personas(bundle, config),
    }


def _personas(bundle: Bundle, config: Config) -> list[dict[str, str]]:
    """Return who can be talked to, the default first; an unknown name is empty.

    In a room of two that is the persona only: the other is the person at the page.
    """
    n_speakers = bundle.tokenizer.n_speakers
    default = choose_speaker(bundle.about, n_speakers, config)
    names = {number: name for name, number in speakers_of(bundle.about, config).ids.items()}
    others = range(n_speakers) if n_speakers > 2 else []
    numbers = [default, *(number for number in others if number != default)]
    return [{"id": str(number), "name": names.get(number, "")} for number in numbers]


def _device_names(digest: bytes) -> dict[str, str]:
    """Return the name and the key of the history on a device, from the digest of the weights.

    Another export of the model, with another passphrase, finds the same history. Who cannot open
    the file has neither.
    """
    name, key = (sha256(purpose + digest).hexdigest() for purpose in (b"name", b"history"))
    return {"storage_key": f"file-{name[:16]}", "history_key": key}
