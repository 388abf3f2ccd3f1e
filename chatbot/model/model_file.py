"""One-file models: safetensors with shape, vocabulary and origin in the metadata. No torch here."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chatbot.errors import CheckpointError
from chatbot.model.shape import GPTConfig
from chatbot.settings import WeightFormat
from chatbot.storage.files import write_bytes

FORMAT = "chatbot-1"
Array = npt.NDArray[Any]
_SCALE = ".scale"
_NUMBERS = {"F32": np.float32, "F16": np.float16, "I8": np.int8}


@dataclass(frozen=True)
class ModelFile:
    """An inference model as it is read: weights in fp32, whatever they are stored in."""

    shape: GPTConfig
    weights: dict[str, npt.NDArray[np.float32]]
    tokenizer_text: str
    about: dict[str, Any]


def write_model(path: Path, model: ModelFile, number: WeightFormat = "fp32") -> None:
    """Write an inference model atomically. `about` must hold no name and no text of a chat."""
    from safetensors.numpy import save

    metadata = {
        "format": FORMAT,
        "shape": json.dumps(asdict(model.shape)),
        "tokenizer": model.tokenizer_text,
        "tokenizer_sha256": _sha256(model.tokenizer_text),
        "about": json.dumps(model.about),
    }
    tensors: dict[str, Array] = {}
    for name, weight in model.weights.items():
        tensors |= _stored(name, np.ascontiguousarray(weight), number)
    write_bytes(path, save(tensors, metadata))


def read_model(path: Path) -> ModelFile:
    """Read an inference model; raises CheckpointError for any other or a damaged file.

    Weights in fp32 stay on the disk: pages are read when a product touches them.
    """
    try:
        metadata, tensors = map_tensors(path)
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise CheckpointError(
            f"model {path} is damaged", hint="copy or publish it again"
        ) from error
    if metadata.get("format") != FORMAT:
        raise CheckpointError(f"{path} is no model of this program", hint="publish it again")
    if _sha256(metadata["tokenizer"]) != metadata.get("tokenizer_sha256"):
        raise CheckpointError(f"{path} has a vocabulary of another model", hint="publish it again")
    weights = {
        name: _restored(tensor, tensors.get(name + _SCALE))
        for name, tensor in tensors.items()
        if not name.endswith(_SCALE)
    }
    shape = GPTConfig(**json.loads(metadata["shape"]))
    return ModelFile(shape, weights, metadata["tokenizer"], json.loads(metadata["about"]))


def map_tensors(path: Path) -> tuple[dict[str, str], dict[str, Array]]:
    """Map a safetensors file into memory: its metadata and its tensors, without a copy.

    The library's own reader copies every tensor and holds the file beside the copies. Raises
    ValueError if the file is not what its header says.
    """
    with path.open("rb") as file:
        size = path.stat().st_size
        n_header = int.from_bytes(file.read(8), "little")
        if n_header > size - 8:
            raise ValueError("the header is cut")
        header = json.loads(file.read(n_header))
    metadata = header.pop("__metadata__", {})
    content = np.memmap(path, dtype=np.uint8, mode="r", offset=8 + n_header)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        if not 0 <= begin <= end <= len(content):
            raise ValueError("a tensor is cut")
        number = np.dtype(_NUMBERS[entry["dtype"]])
        # reshape refuses bytes that do not fill the shape
        tensors[name] = np.asarray(content[begin:end]).view(number).reshape(entry["shape"])
    return metadata, tensors


def _stored(name: str, weight: Array, number: WeightFormat) -> dict[str, Array]:
    """Return the tensors that hold a weight; vectors are few and stay exact."""
    if weight.ndim < 2 or number == "fp32":
        return {name: weight.astype(np.float32)}
    if number == "fp16":
        return {name: weight.astype(np.float16)}
    scale = np.abs(weight).max(axis=1) / np.float32(127)
    rounded = np.rint(weight / np.maximum(scale, 1e-12)[:, None]).astype(np.int8)
    return {name: rounded, name + _SCALE: scale.astype(np.float32)}


def _restored(tensor: Array, scale: Array | None) -> npt.NDArray[np.float32]:
    weight = tensor.astype(np.float32, copy=False)
    return weight if scale is None else weight * scale[:, None]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
