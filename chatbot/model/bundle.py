"""The one saved form of all models for inference: weights, and everything else that replying needs.

A safetensors file; everything but tensors is in its metadata. No torch here: `reply` starts without
it.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from chatbot.corpus.hf_tokenizer import FORM_FILE, TOKENIZER_FILE, read_tokenizer
from chatbot.corpus.speakers import SpeakerMarks
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.errors import CheckpointError
from chatbot.ingest.cleaning.normalization import TextRules
from chatbot.model.gpt import config as gpt
from chatbot.model.pretrained import fit as pretrained
from chatbot.model.tensors import (
    SCALE,
    Array,
    Bytes,
    Shapes,
    map_file,
    read_header,
    stored_shapes,
    tensors_of,
    weights_of,
)
from chatbot.settings.kinds import Family, WeightFormat
from chatbot.storage.files import write_bytes
from chatbot.storage.strict_json import read_json

FORMAT = "chatbot-3"
Weights = Mapping[str, npt.NDArray[np.float32]]
_MAX_VALUES = 100_000  # values in a config or another metadata entry; real ones have thousands
_REQUIRE_FIT: dict[Family, Callable[[dict[str, Any], Shapes], None]] = {
    "gpt": gpt.require_fit,
    "pretrained": pretrained.require_fit,
}
# Defaults for files of earlier versions, and fields that they named differently.
_BEFORE: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "chatbot-2": (
        {"family": "gpt", "kind": "full"},
        {"config": "shape", TOKENIZER_FILE: "tokenizer"},
    ),
    "chatbot-tuned-1": (
        {"family": "pretrained"},
        {TOKENIZER_FILE: "tokenizer", FORM_FILE: "form"},
    ),
}


# Facts from a model are shown: limited to a line, so that they cannot imitate our messages.
Line = Annotated[str, Meta(max_length=400, pattern=r"\A[^\x00-\x1f\x7f\ud800-\udfff]*\Z")]


class Parent(msgspec.Struct, frozen=True):
    """The saved model of the previous training stage, from which a run began."""

    stage: Line
    run_name: Line
    step: int
    data_fingerprint: Line
    weights_sha256: Line


class About(msgspec.Struct, frozen=True, kw_only=True):
    """Facts about a model, without names or text of a chat. Files of earlier versions have fewer.

    `val_loss` is in nats per token. The fields from `stage` on are set for a pretrained base only.
    """

    run_name: Line = ""
    step: int | None = None
    val_loss: float | None = None
    val_bits_per_byte: float | None = None
    data_fingerprint: Line = ""
    tokenizer_sha256: Line = ""
    git_commit: Line = ""
    size: Line | None = None
    speakers: SpeakerMarks | None = None
    text_rules: TextRules = TextRules()
    stage: Line | None = None
    base_model: Line | None = None
    base_fingerprint: Line | None = None
    form: Line | None = None
    tokens_at_once: int | None = None
    parent: Parent | None = None
    weights_sha256: Line | None = None


@dataclass(frozen=True)
class Bundle:
    """A model for inference, with weights in fp32 whatever the stored dtype.

    `kind`: a full network, or an adapter of a base. `config`: the shape of our own network, a
    base's config.json, or adapter_config.json. `tokenizer_files`: file name -> text.
    """

    family: Family
    kind: Literal["full", "adapter"]
    config: Mapping[str, Any]
    weights: Weights
    tokenizer_files: dict[str, str]
    about: About = field(default_factory=About)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer; raises CorpusError if it is damaged."""
        return read_tokenizer(self.tokenizer_files)

    @property
    def n_params(self) -> int:
        """Number of weights; a tied embedding counts once."""
        return sum(weight.size for weight in self.weights.values())


class _Metadata(
    msgspec.Struct, frozen=True, rename={"tokenizer": TOKENIZER_FILE, "form": FORM_FILE}
):
    """The metadata of the safetensors file; all values are text."""

    format: str
    family: Family
    kind: Literal["full", "adapter"]
    config: str
    tokenizer: str
    about: str
    checksum: str
    form: str | None = None

    @property
    def tokenizer_files(self) -> dict[str, str]:
        files = {TOKENIZER_FILE: self.tokenizer}
        return files if self.form is None else {**files, FORM_FILE: self.form}


class _Entry(msgspec.Struct):
    """The place of a tensor in the file."""

    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


# ---------------------------------------------------------------- writing
def write_bundle(path: Path, bundle: Bundle, dtype: WeightFormat = "fp32") -> None:
    """Write a model as one file, atomically."""
    write_bytes(path, bundle_bytes(bundle, dtype))


def bundle_bytes(bundle: Bundle, dtype: WeightFormat) -> bytes:
    """Return the content of a model's file: the same bytes for the same model."""
    from safetensors.numpy import save

    tensors: dict[str, Array] = {}
    for name, weight in bundle.weights.items():
        tensors |= stored_tensors(name, np.ascontiguousarray(weight), dtype)
    metadata = {
        "format": FORMAT,
        "family": bundle.family,
        "kind": bundle.kind,
        "config": json.dumps(bundle.config),
        **bundle.tokenizer_files,
        "about": msgspec.json.encode(bundle.about).decode(),
    }
    metadata["checksum"] = _checksum(tensors, metadata)
    return _with_sorted_header(save(tensors, metadata))


def _with_sorted_header(content: bytes) -> bytes:
    """Sort the metadata of a safetensors file.

    The library writes it in the order of a hash map, which differs each time.
    """
    n_header = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + n_header])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors are aligned
    return b"".join((len(text).to_bytes(8, "little"), text, memoryview(content)[8 + n_header :]))


def stored_tensors(name: str, weight: Array, dtype: WeightFormat) -> dict[str, Array]:
    """Return the stored tensors of a weight; vectors are few and stay in fp32."""
    if weight.ndim < 2 or dtype == "fp32":
        return {name: weight.astype(np.float32, copy=False)}
    if dtype == "fp16":
        return {name: weight.astype(np.float16)}
    scale = np.abs(weight).max(axis=1) / np.float32(127)
    rounded = np.rint(weight / np.maximum(scale, 1e-12)[:, None]).astype(np.int8)
    return {name: rounded, name + SCALE: scale.astype(np.float32)}


# ---------------------------------------------------------------- reading
def read_bundle(path: Path) -> Bundle:
    """Read a model; raises CheckpointError for any other file or a damaged one.

    Weights in fp32 are memory-mapped: pages are read on first use.
    """
    try:
        return _parse(map_file(path), str(path))
    except OSError as error:
        raise CheckpointError(f"model {path} cannot be read", hint="check the disk") from error


def read_facts(path: Path) -> About:
    """Return the facts about a saved model from its header, without reading its weights.

    Raises CheckpointError if the file is no model or its header is damaged.
    """
    try:
        metadata = read_header(map_file(path)).metadata
        return msgspec.convert(read_json(metadata["about"], _MAX_VALUES), About)
    except (OSError, ValueError, KeyError, RecursionError) as error:
        raise CheckpointError(
            f"model {path} is damaged", hint="copy or publish it again"
        ) from error


def read_bundle_bytes(content: bytes | bytearray, name: str) -> Bundle:
    """Read a model from memory; errors call it `name`."""
    return _parse(np.frombuffer(content, dtype=np.uint8), name)


def _parse(content: Bytes, name: str) -> Bundle:
    try:
        header = read_header(content)
        metadata, tensors = header.metadata, tensors_of(header)
        if metadata.get("format") not in (FORMAT, *_BEFORE):
            raise CheckpointError(f"{name} is not a model of this program", hint="publish it again")
        described = msgspec.convert(_renamed(metadata), _Metadata)
        config = msgspec.convert(read_json(described.config, _MAX_VALUES), dict[str, Any])
        about = msgspec.convert(read_json(described.about, _MAX_VALUES), About)
        _REQUIRE_FIT[described.family](config, stored_shapes(header))
        if described.checksum != _checksum_of(metadata, tensors):
            raise ValueError("the content changed")
        weights, files = weights_of(header, tensors), described.tokenizer_files
        return Bundle(described.family, described.kind, config, weights, files, about)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(
            f"model {name} is damaged", hint="copy or publish it again"
        ) from error


# ---------------------------------------------------------------- checksums, earlier versions
def _checksum(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> str:
    text = json.dumps(sorted(metadata.items())).encode()
    return _sum_of_words([*tensors.values(), np.frombuffer(text, dtype=np.uint8)])


def _sum_of_words(arrays: Iterable[Array]) -> str:
    """Add up arrays as 64-bit words: detects any flipped bit, at the speed of reading."""
    total = 0
    for array in arrays:
        content = array.reshape(-1).view(np.uint8)
        n_whole = len(content) // 8 * 8
        total += int(content[:n_whole].view(np.uint64).sum(dtype=np.uint64))
        total += int.from_bytes(content[n_whole:].tobytes(), "little")
    return str(total % (1 << 64))


def _renamed(metadata: dict[str, str]) -> dict[str, str]:
    """Return the metadata of a file of any version under the current names."""
    unsaid, names = _BEFORE.get(metadata["format"], ({}, {}))
    return {**metadata, **unsaid, **{new: metadata[old] for new, old in names.items()}}


def _checksum_of(metadata: dict[str, str], tensors: Mapping[str, Array]) -> str:
    """Compute the checksum of a file as the version that wrote it did."""
    if metadata["format"] == FORMAT:
        covered = {name: text for name, text in metadata.items() if name != "checksum"}
        return _checksum(tensors, covered)
    if metadata["format"] == "chatbot-2":
        digest = hashlib.sha256(metadata["tokenizer"].encode()).hexdigest()
        return _sum_of_words(tensors.values()) if digest == metadata["tokenizer_sha256"] else ""
    combined = hashlib.sha256()
    for name in sorted(tensors):
        combined.update(name.encode() + tensors[name].tobytes())
    return combined.hexdigest()
