"""Private rows <-> files encrypted with the project's key; masked values are in masked.age."""

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from chatbot.crypto.age import decrypt, encrypt
from chatbot.crypto.secrets import project_key
from chatbot.ingest.masking.masker import Replacement
from chatbot.settings.schema import Config

FILE = "masked.age"
Row = TypeVar("Row", bound=msgspec.Struct)


class MaskedValue(msgspec.Struct, frozen=True, array_like=True):
    """A masked value in the list, and how often it was masked."""

    kind: str
    value: str
    pseudonym: str
    n_times: int


def seal_masked(masked: Counter[Replacement], config: Config) -> bytes:
    """Return the encrypted list of masked values, the most frequent first."""
    rows = [MaskedValue(v.kind, v.value, v.pseudonym, n) for v, n in masked.most_common()]
    return seal_rows(rows, config)


def read_masked(config: Config) -> list[MaskedValue]:
    """Return the masked values of the processed data; empty if there is no list."""
    return read_rows(config.processed_dir / FILE, MaskedValue, config)


def seal_rows(rows: Sequence[msgspec.Struct], config: Config) -> bytes:
    """Return rows encrypted with the project's key."""
    target = io.BytesIO()
    encrypt(io.BytesIO(msgspec.json.encode(rows)), target, [project_key(config).recipient])
    return target.getvalue()


def read_rows(path: Path, kind: type[Row], config: Config) -> list[Row]:
    """Return the rows of a file; empty if it is missing.

    Raises CryptoError if the project's key has changed.
    """
    if not path.is_file():
        return []
    with path.open("rb") as file:
        content = b"".join(decrypt(file, [project_key(config)]))
    return msgspec.json.decode(content, type=list[kind])  # type: ignore[valid-type]


def count_kinds(masked: Mapping[Replacement, int]) -> dict[str, int]:
    """Count masked values by kind."""
    kinds: Counter[str] = Counter()
    for replacement, n in masked.items():
        kinds[replacement.kind] += n
    return dict(kinds)
