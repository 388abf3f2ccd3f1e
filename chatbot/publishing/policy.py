"""Checks before a model is given away: stale data, the persona, what it memorized."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from chatbot.errors import ChatbotError, CheckpointError, ConfigError
from chatbot.inference.speakers import require_persona
from chatbot.model.bundle import About, Bundle, read_bundle
from chatbot.model.leak_guard import read_index
from chatbot.privacy.report import judge, quick_report
from chatbot.privacy.results import PrivacyReport
from chatbot.privacy.run_model import open_run_model, with_recorded
from chatbot.settings.schema import Config
from chatbot.training.folder import is_stale
from chatbot.wording import offers


@dataclass(frozen=True)
class PrivacyReview:
    """A report (None if nothing could be measured), its warnings, and what was not measured."""

    report: PrivacyReport | None
    notes: list[str]


def require_shareable(path: Path, about: About, config: Config) -> None:
    """Raise CheckpointError for a model that must not be given away; `about`: its metadata.

    Such a model was trained on messages that are now forgotten, or has another persona than the
    settings.
    """
    require_not_stale(path)
    require_persona(about, config)


def require_shareable_file(path: Path, config: Config) -> None:
    """Raise CheckpointError if a file is a model that must not be given away."""
    require_not_stale(path)
    try:
        about, index = read_bundle(path).about, read_index(path)
    except CheckpointError:
        return  # any other file
    if index is not None:
        raise CheckpointError(
            f"{path} was published by an earlier version and contains hashes that reveal the chat",
            hint="`chatbot publish` writes it again without them",
        )
    require_persona(about, config)


def require_no_desk(config: Config) -> None:
    """Raise ConfigError where answers come from the rows of a desk, which stay on this computer.

    A page or a container would answer by the model alone, and hand nothing over to a person.
    """
    if config.qna.answering.enabled:
        raise ConfigError(
            "`qna.answering.enabled` is set, and a page or a container has no rows to answer from",
            hint="`chatbot serve` answers from them; set it to false to give the model alone away",
        )


def require_not_stale(path: Path) -> None:
    """Raise CheckpointError for a model that was trained on messages that are now forgotten."""
    if is_stale(path):
        raise CheckpointError(
            f"{path} was trained on messages that are now forgotten",
            hint="`chatbot archive`, then `chatbot preprocess` and `chatbot train` make a new one, "
            "if enough of the chat is left",
        )


def review_privacy(
    bundle: Bundle, config: Config, on_rows: Callable[[int], Any] = lambda _n_rows: None
) -> PrivacyReview:
    """Measure what a run's model remembers of its data; `on_rows` reports progress in messages.

    Results of `chatbot privacy` for the same model are included. Raises CheckpointError if nothing
    can be measured and `publish.privacy.check` is refuse.
    """
    limits = config.publish.privacy
    try:
        model = open_run_model(bundle, config)
    except ChatbotError as error:
        if limits.check == "refuse":
            raise
        return PrivacyReview(None, [f"privacy: not measured, {error}"])
    report = quick_report(model.network, model.corpus, config.sampling, limits.n_messages, on_rows)
    report = with_recorded(report, model, config)
    notes = []
    if report.verbatim is None and offers("privacy"):
        notes.append("privacy: `chatbot privacy` also measures copied replies and masked values")
    return PrivacyReview(replace(report, warnings=judge(report, limits)), notes)


def require_private(review: PrivacyReview, config: Config) -> None:
    """Raise CheckpointError if a limit is exceeded and `publish.privacy.check` is refuse."""
    is_over = review.report is not None and review.report.warnings
    if is_over and config.publish.privacy.check == "refuse":
        raise CheckpointError(
            "the model remembers more of its chat than publish.privacy allows",
            hint="train fewer steps, add more exports, or raise the limits of publish.privacy",
        )
