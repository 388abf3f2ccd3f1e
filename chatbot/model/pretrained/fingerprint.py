"""The files of a base -> a fingerprint of its weights and of the config that affects results."""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from chatbot.model.interface import HfConfig

_CHUNK_BYTES = 8 << 20  # hashed on all cores: seconds for 7 B parameters
_N_SAMPLES, _SAMPLE_BYTES = 64, 4096
_MARK = "2"
# Keys of config.json that do not affect logits.
_WITHOUT_EFFECT = ("_name_or_path", "transformers_version", "dtype", "torch_dtype", "use_cache")


@dataclass(frozen=True)
class Fingerprint:
    """Digests of a base; `samples` is their form in files of earlier versions."""

    weights: str
    config: str
    samples: str

    def __str__(self) -> str:
        """Return the text that is saved with an adapter."""
        return f"{_MARK}:{self.weights}:{self.config}"

    def difference(self, saved: str) -> str | None:
        """Describe what changed since a fingerprint was saved; None if nothing did."""
        if ":" not in saved:
            return None if saved == self.samples else "the weights differ"
        _, weights, config = saved.split(":")
        if weights != self.weights:
            return "the weights differ"
        return None if config == self.config else "config.json, or the code it names, differs"


def fingerprint_of(weights: Sequence[Path], config: HfConfig, code: Sequence[Path]) -> Fingerprint:
    """Hash the weights' files, and the keys of config.json that affect results."""
    computed = hashlib.sha256(json.dumps(_effective(config), sort_keys=True).encode())
    for path in code:
        computed.update(path.read_bytes())
    return Fingerprint(_whole(weights), computed.hexdigest(), _sampled(weights))


def _effective(value: Any) -> Any:
    """Remove from a config.json, and from nested configs, the keys without effect."""
    if not isinstance(value, dict):
        return value
    return {key: _effective(v) for key, v in value.items() if key not in _WITHOUT_EFFECT}


def _whole(paths: Sequence[Path]) -> str:
    """Return a digest of the digests of all chunks of files."""
    digest = hashlib.sha256()
    with ThreadPoolExecutor() as pool:
        for path in paths:
            size = path.stat().st_size
            digest.update(f"{path.name} {size}".encode())
            for part in pool.map(partial(_chunk, path), range(0, size, _CHUNK_BYTES)):
                digest.update(part)
    return digest.hexdigest()


def _chunk(path: Path, begin: int) -> bytes:
    with path.open("rb") as file:
        file.seek(begin)
        return hashlib.sha256(file.read(_CHUNK_BYTES)).digest()


def _sampled(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        size = path.stat().st_size
        digest.update(f"{path.name} {size}".encode())
        with path.open("rb") as file:
            for index in range(_N_SAMPLES):
                file.seek(size * index // _N_SAMPLES)
                digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()
