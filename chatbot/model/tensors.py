"""A safetensors file -> metadata and tensors. No torch here.

The whole header is checked before any tensor is read or memory is allocated for it.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

Array = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]
Shapes = Mapping[str, tuple[int, ...]]
SCALE = ".scale"
# Names of tensors with an index of n-grams, in files of earlier versions.
GUARD_NAMES = "leak_guard.hashes", "leak_guard.speakers"

_MAX_HEADER = 64 << 20  # the largest vocabularies of bases (262,144 entries) need half of it
_MAX_KEYS = 400_000  # four for each tensor
_MAX_ENTRY = 512  # characters of an entry
# An unescaped quote and a colon end a key: inside metadata values every quote is escaped.
_KEY = re.compile(rb'(?<!\\)(?:\\\\)*"[ \t\r\n]*:')
_DTYPES: dict[str, type[np.generic]] = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": np.uint16,  # which numpy does not have: the upper half of a float32
    "I64": np.int64,
    "I32": np.int32,
    "U32": np.uint32,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
}
_FLOATS = ("F32", "F16", "BF16")


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The place of a tensor, counted from the end of the header."""

    dtype: Literal["F64", "F32", "F16", "BF16", "I64", "I32", "U32", "I8", "U8", "BOOL"]
    shape: Annotated[tuple[Annotated[int, Meta(ge=0, lt=1 << 40)], ...], Meta(max_length=8)]
    data_offsets: tuple[int, int]

    @property
    def n_bytes(self) -> int:
        """Size in bytes by shape and dtype."""
        return math.prod(self.shape) * np.dtype(_DTYPES[self.dtype]).itemsize


@dataclass(frozen=True)
class Header:
    """Metadata and entries of a file, and the bytes (N,) of its tensors."""

    metadata: dict[str, str]
    entries: dict[str, Entry]
    content: Bytes


def map_file(path: Path) -> Bytes:
    """Map a file into memory, without a copy; an empty file gives no bytes."""
    if path.stat().st_size == 0:
        return np.zeros(0, dtype=np.uint8)
    return np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))


def read_header(content: Bytes) -> Header:
    """Read the header of a safetensors file.

    Raises ValueError unless its tensors fill the file in order, without overlaps or gaps, and the
    header has the form of every writer, without duplicate keys.
    """
    n_header = int.from_bytes(content[:8].tobytes(), "little")
    if n_header > min(len(content) - 8, _MAX_HEADER):
        raise ValueError("the header is truncated")
    text = content[8 : 8 + n_header].tobytes().rstrip(b" ")
    if next(islice(_KEY.finditer(text), _MAX_KEYS, None), None):
        raise ValueError("too many tensors")
    parts = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    metadata = msgspec.json.decode(parts.pop("__metadata__", b"{}"), type=dict[str, str])
    entries = {name: _entry(part) for name, part in parts.items()}
    values = {**({"__metadata__": metadata} if metadata else {}), **entries}
    if len(msgspec.json.encode(values)) != len(text):
        raise ValueError("duplicate key")
    content = content[8 + n_header :]
    _require_filled(entries, len(content))
    return Header(metadata, entries, content)


def _entry(part: msgspec.Raw) -> Entry:
    if len(memoryview(part)) > _MAX_ENTRY:
        raise ValueError("a tensor's entry is too long")
    return msgspec.json.decode(part, type=Entry)


def _require_filled(entries: Mapping[str, Entry], n_bytes: int) -> None:
    place = 0
    for entry in sorted(entries.values(), key=lambda entry: entry.data_offsets):
        if entry.data_offsets != (place, place + entry.n_bytes):
            raise ValueError("tensors overlap, or there is a gap between them")
        place += entry.n_bytes
    if place != n_bytes:
        raise ValueError("the file is truncated, or something follows its tensors")


def tensors_of(header: Header) -> dict[str, Array]:
    """Return the tensors of a file as they are stored, without a copy."""
    tensors: dict[str, Array] = {}
    for name, entry in header.entries.items():
        begin, end = entry.data_offsets
        dtype = np.dtype(_DTYPES[entry.dtype])
        tensors[name] = header.content[begin:end].view(dtype).reshape(entry.shape)
    return tensors


def stored_shapes(header: Header) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the weights of a file, from its header alone.

    Raises ValueError for other forms than floats, or int8 with a scale for each row.
    """
    entries = {name: e for name, e in header.entries.items() if name not in GUARD_NAMES}
    scales = {}
    for name, entry in entries.items():
        if entry.dtype == "I8":
            rows = entry.shape[:1] + entry.shape[2:]
            scales[name + SCALE] = Entry("F32", rows, entries[name + SCALE].data_offsets)
            if len(entry.shape) < 2 or entries[name + SCALE] != scales[name + SCALE]:
                raise ValueError("a scale does not fit its weight")
        elif entry.dtype not in _FLOATS:
            raise ValueError("a weight is not a float")
    return {name: entry.shape for name, entry in entries.items() if name not in scales}


def weights_of(header: Header, tensors: Mapping[str, Array]) -> dict[str, npt.NDArray[np.float32]]:
    """Return the weights of stored tensors in fp32, without a copy if they are fp32.

    An index of n-grams in files of earlier versions is left out, because it reveals the chat.
    """
    weights = {}
    for name in stored_shapes(header):
        tensor = tensors[name]
        if header.entries[name].dtype == "BF16":
            tensor = (tensor.astype(np.uint32) << 16).view(np.float32)
        weights[name] = tensor.astype(np.float32, copy=False)
        if tensor.dtype == np.int8:
            weights[name] *= tensors[name + SCALE][:, None]
    return weights
