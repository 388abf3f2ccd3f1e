"""The list of masked values <-> masked.age, encrypted with the project's key."""

import io
from collections import Counter
from collections.abc import Mapping

import msgspec

from chatbot.crypto.age import decrypt, encrypt
from chatbot.crypto.secrets import project_key
from chatbot.ingest.masking.masker import Replacement
from chatbot.settings.schema import Config

FILE = "masked.age"


class MaskedValue(msgspec.Struct, frozen=True, array_like=True):
    """A masked value in the list, and how often it was masked."""

    kind: str
    value: str
    pseudonym: str
    n_times: int


def seal_masked(masked: Counter[Replacement], config: Config) -> bytes:
    """Return the encrypted list of masked values, the most frequent first."""
    rows = [MaskedValue(v.kind, v.value, v.pseudonym, n) for v, n in masked.most_common()]
    target = io.BytesIO()
    encrypt(io.BytesIO(msgspec.json.encode(rows)), target, [project_key(config).recipient])
    return target.getvalue()


def read_masked(config: Config) -> list[MaskedValue]:
    """Return the masked values of the processed data; empty if there is no list."""
    path = config.processed_dir / FILE
    if not path.is_file():
        return []
    with path.open("rb") as file:
        content = b"".join(decrypt(file, [project_key(config)]))
    return msgspec.json.decode(content, type=list[MaskedValue])


def count_kinds(masked: Mapping[Replacement, int]) -> dict[str, int]:
    """Count masked values by kind."""
    kinds: Counter[str] = Counter()
    for replacement, n in masked.items():
        kinds[replacement.kind] += n
    return dict(kinds)
