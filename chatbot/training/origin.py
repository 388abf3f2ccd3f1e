"""A corpus and its project -> what every checkpoint and saved model of a run say of themselves."""

import subprocess
from pathlib import Path

import msgspec

from chatbot.corpus.store import Corpus, carried_by_model
from chatbot.model.bundle import About
from chatbot.settings.schema import Config


def describe_data(config: Config, corpus: Corpus) -> About:
    """Return what a run says of vocabulary, data and program; its family adds what is its own."""
    facts = {
        "tokenizer_sha256": corpus.stats.tokenizer_sha256,
        "data_fingerprint": corpus.stats.fingerprint,
        "run_name": config.run_name,
        "git_commit": _git_commit(Path(config.root)),
        **carried_by_model(corpus.stats),
    }
    return msgspec.convert(facts, About)


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
