"""A run's model with its training data, for the privacy report."""

from dataclasses import dataclass

from msgspec.structs import replace

from chatbot.corpus.store import Corpus
from chatbot.inference.loading import open_network, trained_corpus
from chatbot.inference.speakers import require_persona
from chatbot.model.bundle import Bundle
from chatbot.model.interface import LanguageModel
from chatbot.privacy.results import PrivacyReport, read_report
from chatbot.settings import run_files
from chatbot.settings.schema import Config


@dataclass(frozen=True)
class RunModel:
    """A saved model, its network, and the data it was trained on."""

    bundle: Bundle
    network: LanguageModel
    corpus: Corpus


def open_run_model(bundle: Bundle, config: Config) -> RunModel:
    """Open a model with its data; raises CheckpointError if they do not belong together."""
    require_persona(bundle.about, config)
    corpus = trained_corpus(bundle, config)
    return RunModel(bundle, open_network(bundle, config).language_model(), corpus)


def with_recorded(report: PrivacyReport, model: RunModel, config: Config) -> PrivacyReport:
    """Add the results of `chatbot privacy`, if it measured the same model."""
    recorded = read_report(config.run_dir / run_files.PRIVACY)
    if recorded is None or recorded.settings is None:
        return report
    measured = recorded.settings.step, recorded.settings.data
    if measured != (model.bundle.about.step, model.corpus.stats.fingerprint[:12]):
        return report
    return replace(
        report,
        membership=recorded.membership,  # of a random split, if there was an audit
        verbatim=recorded.verbatim,
        secrets=recorded.secrets,
        candidates=recorded.candidates,
        canaries=recorded.canaries,
    )
