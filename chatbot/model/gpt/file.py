"""One-file models: safetensors with shape, vocabulary and origin in the metadata. No torch here."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from chatbot.corpus.ngrams import NgramIndex
from chatbot.errors import CheckpointError
from chatbot.model.gpt.config import GPTConfig, require_sane
from chatbot.settings.schema import WeightFormat
from chatbot.storage.files import write_bytes

FORMAT = "chatbot-2"
Array = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]
_MAX_HEADER = 100_000_000  # as the library's
_SCALE = ".scale"
GUARD_NAMES = "leak_guard.hashes", "leak_guard.speakers"
_NUMBERS = {
    "F32": np.float32,
    "F16": np.float16,
    "I8": np.int8,
    "U32": np.uint32,
    "U8": np.uint8,
}


class _Entry(msgspec.Struct):
    """Where a tensor lies."""

    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


@dataclass(frozen=True)
class ModelFile:
    """An inference model as it is read: weights in fp32, whatever they are stored in."""

    shape: GPTConfig
    weights: dict[str, npt.NDArray[np.float32]]
    tokenizer_text: str
    about: dict[str, Any]
    guard: NgramIndex | None = None


def write_model(path: Path, model: ModelFile, number: WeightFormat = "fp32") -> None:
    """Write an inference model atomically. `about` must hold no name and no text of a chat."""
    write_bytes(path, model_bytes(model, number))


def model_bytes(model: ModelFile, number: WeightFormat) -> bytes:
    """Return the content of a model's file."""
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
    if model.guard is not None:
        tensors |= {GUARD_NAMES[0]: model.guard.hashes, GUARD_NAMES[1]: model.guard.speakers}
    metadata["checksum"] = _checksum(tensors)
    return with_sorted_header(save(tensors, metadata))


def with_sorted_header(content: bytes) -> bytes:
    """Return a safetensors file, its metadata in order: the same model is the same file.

    The library writes metadata as a hash map of Rust holds it: in another order each time.
    """
    n_header = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + n_header])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors are aligned
    return b"".join((len(text).to_bytes(8, "little"), text, memoryview(content)[8 + n_header :]))


def read_model(path: Path) -> ModelFile:
    """Read an inference model; raises CheckpointError for any other or a damaged file.

    Weights in fp32 stay on the disk: pages are read when a product touches them.
    """
    try:
        return _parse(map_file(path), str(path))
    except OSError as error:
        raise CheckpointError(f"model {path} cannot be read", hint="check the disk") from error


def read_model_bytes(content: bytes | bytearray, name: str) -> ModelFile:
    """Read an inference model that lies in memory, called `name` in errors."""
    return _parse(np.frombuffer(content, dtype=np.uint8), name)


def _parse(content: Bytes, name: str) -> ModelFile:
    try:
        metadata, tensors = tensors_in(content)
        if metadata.get("format") != FORMAT:
            raise CheckpointError(f"{name} is no model of this program", hint="publish it again")
        text = metadata["tokenizer"]
        if _sha256(text) != metadata.get("tokenizer_sha256"):
            raise CheckpointError(
                f"{name} has a vocabulary of another model", hint="publish it again"
            )
        shape = msgspec.json.decode(metadata["shape"], type=GPTConfig)
        require_sane(shape, len(tensors))
        if metadata["checksum"] != _checksum(tensors):
            raise ValueError("a weight changed")
        hashes, speakers = (tensors.pop(one, None) for one in GUARD_NAMES)
        guard = None if hashes is None or speakers is None else NgramIndex(hashes, speakers)
        weights = {
            tensor_name: _restored(tensor, tensors.get(tensor_name + _SCALE))
            for tensor_name, tensor in tensors.items()
            if not tensor_name.endswith(_SCALE)
        }
        about = msgspec.json.decode(metadata["about"], type=dict[str, Any])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(
            f"model {name} is damaged", hint="copy or publish it again"
        ) from error
    return ModelFile(shape, weights, text, about, guard)


def map_file(path: Path) -> Bytes:
    """Map a file into memory, without a copy; an empty file is no bytes."""
    if path.stat().st_size == 0:
        return np.zeros(0, dtype=np.uint8)
    return np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))


def tensors_in(content: Bytes) -> tuple[dict[str, str], dict[str, Array]]:
    """Return the metadata and the tensors of a safetensors file, without a copy.

    The library's own reader copies every tensor and holds the file beside the copies. Raises
    ValueError if the file is not what its header says.
    """
    n_header = int.from_bytes(content[:8].tobytes(), "little")
    if n_header > min(len(content) - 8, _MAX_HEADER):
        raise ValueError("the header is cut")
    header = msgspec.json.decode(content[8 : 8 + n_header].tobytes(), type=dict[str, Any])
    metadata = msgspec.convert(header.pop("__metadata__", {}), dict[str, str])
    content = content[8 + n_header :]
    tensors = {}
    for name, entry in msgspec.convert(header, dict[str, _Entry]).items():
        begin, end = entry.data_offsets
        if not 0 <= begin <= end <= len(content) or min(entry.shape, default=0) < 0:
            raise ValueError("a tensor is cut")
        number = np.dtype(_NUMBERS[entry.dtype])
        # reshape refuses bytes that do not fill the shape
        tensors[name] = content[begin:end].view(number).reshape(entry.shape)
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


def _checksum(tensors: dict[str, Array]) -> str:
    """Add up all tensors as 64-bit words: any flipped bit shows, at the speed of reading them."""
    total = 0
    for tensor in tensors.values():
        content = tensor.reshape(-1).view(np.uint8)
        n_whole = len(content) // 8 * 8
        total += int(content[:n_whole].view(np.uint64).sum(dtype=np.uint64))
        total += int.from_bytes(content[n_whole:].tobytes(), "little")
    return str(total % (1 << 64))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
