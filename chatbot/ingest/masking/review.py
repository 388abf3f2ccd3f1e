"""The owner's decisions about possible secrets -> reviewed.age, encrypted with a project key."""

import io
from collections.abc import Iterable
from pathlib import Path

import msgspec

from chatbot.crypto.age import decrypt, encrypt
from chatbot.crypto.secrets import project_key
from chatbot.ingest.masking.candidates import Candidate
from chatbot.settings.schema import Config
from chatbot.storage.files import write_bytes

FILE = "reviewed.age"


class Decision(msgspec.Struct, frozen=True, array_like=True):
    """A decision whether to mask a string; `kind` as in `Candidate`."""

    kind: str
    value: str
    is_masked: bool


def reviewed_path(config: Config) -> Path:
    """Return the path of the decisions, in the manifest's folder: `preprocess` keeps it."""
    return config.path(config.raw.manifest_path).with_name(FILE)


def read_decisions(config: Config) -> list[Decision]:
    """Return the decisions of a project; raises CryptoError if its key has changed."""
    path = reviewed_path(config)
    if not path.is_file():
        return []
    with path.open("rb") as file:
        content = b"".join(decrypt(file, [project_key(config)]))
    return msgspec.json.decode(content, type=list[Decision])


def keep_decisions(decisions: Iterable[Decision], config: Config) -> None:
    """Add decisions; the latest about a string counts."""
    merged = {(each.kind, each.value): each for each in [*read_decisions(config), *decisions]}
    target = io.BytesIO()
    content = msgspec.json.encode([*merged.values()])
    encrypt(io.BytesIO(content), target, [project_key(config).recipient])
    write_bytes(reviewed_path(config), target.getvalue(), mode=0o600)


def decide(candidate: Candidate, is_masked: bool) -> Decision:
    """Return the decision about a candidate."""
    return Decision(candidate.kind, candidate.value, is_masked)
