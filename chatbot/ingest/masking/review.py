"""The owner's decisions about possible secrets -> reviewed.age, encrypted with a project key."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from chatbot.ingest.masking.sealing import read_rows, seal_rows
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
    return read_rows(reviewed_path(config), Decision, config)


def keep_decisions(decisions: Iterable[Decision], config: Config) -> None:
    """Add decisions; the latest about a string counts."""
    merged = {(each.kind, each.value): each for each in [*read_decisions(config), *decisions]}
    write_bytes(reviewed_path(config), seal_rows([*merged.values()], config), mode=0o600)
