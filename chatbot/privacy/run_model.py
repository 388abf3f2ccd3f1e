"""A run's model beside the data that it learned from: what the privacy report measures."""

import json
from dataclasses import dataclass
from typing import Any

from chatbot.corpus.store import Corpus, open_corpus
from chatbot.errors import CheckpointError
from chatbot.inference.loading import open_network
from chatbot.inference.speakers import require_persona
from chatbot.model.bundle import Bundle
from chatbot.model.interface import LanguageModel
from chatbot.settings import run_files
from chatbot.settings.schema import Config

# What only the full report holds, or holds better.
_LASTING = ("membership", "verbatim", "secrets", "candidates", "canaries")


@dataclass(frozen=True)
class RunModel:
    """A saved model, its network, and the data it was trained on."""

    bundle: Bundle
    network: LanguageModel
    corpus: Corpus


def open_run_model(bundle: Bundle, config: Config) -> RunModel:
    """Open a model with its data; raises CheckpointError if they do not belong together."""
    require_persona(bundle.about, config)
    corpus = open_corpus(config.processed_dir)
    if bundle.about.data_fingerprint != corpus.stats.fingerprint:
        raise CheckpointError(
            f"run {config.run_name} was not trained on the data in {config.processed.dir}",
            hint="train again, or bring that data back",
        )
    return RunModel(bundle, open_network(bundle, config).language_model(), corpus)


def recorded_report(model: RunModel, config: Config) -> dict[str, Any]:
    """Return what `chatbot privacy` measured of this very model; nothing if it did not."""
    try:
        content = (config.run_dir / run_files.PRIVACY).read_text(encoding="utf-8")
        report = json.loads(content)
        measured = report["settings"]["step"], report["settings"]["data"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # none, of an earlier version, or cut: measured anew by who asks for it
    is_own = measured == (model.bundle.about.step, model.corpus.stats.fingerprint[:12])
    return {name: report[name] for name in _LASTING if name in report} if is_own else {}
