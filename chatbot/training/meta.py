"""What a checkpoint, and the saved model beside it, say of themselves: typed, kept as plain values.

Neither names nor text of a chat.
"""

import subprocess
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from chatbot.corpus.store import Corpus, carried_by_model
from chatbot.model.bundle import Parent
from chatbot.settings.schema import Config


class RunMeta(msgspec.Struct, frozen=True, kw_only=True):
    """Vocabulary, data, program and origin of a run; a family adds what continuing asks of it.

    Of a saved model also its step, and of a best one how good it is.
    """

    tokenizer_sha256: str
    data_fingerprint: str
    run_name: str
    git_commit: str = ""
    speakers: dict[str, Any] | None = None
    text_rules: dict[str, Any] = {}
    parent: Parent | UnsetType | None = UNSET
    step: int | UnsetType = UNSET
    val_loss: float | UnsetType = UNSET
    val_bits_per_byte: float | UnsetType = UNSET


def describe_data(config: Config, corpus: Corpus) -> dict[str, Any]:
    """Return what the metadata of a run say of the data and the program."""
    return {
        "tokenizer_sha256": corpus.stats.tokenizer_sha256,
        "data_fingerprint": corpus.stats.fingerprint,
        "run_name": config.run_name,
        "git_commit": _git_commit(Path(config.root)),
        **carried_by_model(corpus.stats),
    }


def _git_commit(root: Path) -> str:
    """Return the commit of the program's folder, "" where there is none."""
    try:
        result = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return result.stdout.strip()
