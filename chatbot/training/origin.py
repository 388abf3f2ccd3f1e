"""A corpus and its project -> the facts that every checkpoint and saved model of a run contains."""

import subprocess
from pathlib import Path

from chatbot.corpus.store import Corpus
from chatbot.model.bundle import About
from chatbot.settings.schema import Config


def describe_data(config: Config, corpus: Corpus) -> About:
    """Return the facts about vocabulary, data and program; the model family adds its own."""
    stats = corpus.stats
    return About(
        run_name=config.run_name,
        data_fingerprint=stats.fingerprint,
        tokenizer_sha256=stats.tokenizer_sha256,
        git_commit=_git_commit(Path(config.root)),
        speakers=stats.speakers,
        text_rules=stats.text_rules,
    )


def _git_commit(root: Path) -> str:
    """Return the git commit of the program's folder, "" if there is none."""
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
