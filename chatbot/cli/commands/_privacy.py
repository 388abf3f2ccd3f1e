"""A privacy report at the terminal, for `privacy`, `publish`, `export` and `deploy`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from chatbot.cli.keys import ask_model_key
from chatbot.cli.screen import Progress, print_rows, progress, say
from chatbot.settings.schema import Config

if TYPE_CHECKING:
    from chatbot.model.bundle import Bundle
    from chatbot.privacy.results import PrivacyReport


@contextmanager
def measuring(config: Config) -> Iterator[Progress]:
    """Show a progress bar while the privacy report is measured."""
    n = config.publish.privacy.n_messages
    say(f"measuring {n} trained and held-out messages")
    with progress(4 * n, "measuring privacy") as bar:  # two measures of both splits
        yield bar


def open_shareable(path: Path, config: Config) -> "Bundle":
    """Open a model that is given away; raises CheckpointError if it must not be.

    What a published file remembers was measured when it was published.
    """
    from chatbot.inference.loading import is_published, open_model
    from chatbot.publishing.policy import require_shareable

    bundle = open_model(path, config, ask_model_key)
    require_shareable(path, bundle.about, config)
    if config.publish.privacy.check == "refuse" and not is_published(path, config):
        check_privacy(bundle, config)
    return bundle


def check_privacy(bundle: "Bundle", config: Config) -> None:
    """Show what a run's model remembers; raises CheckpointError if it exceeds the settings."""
    from chatbot.publishing.policy import require_private, review_privacy

    if config.publish.privacy.check == "off":
        return
    with measuring(config) as bar:
        review = review_privacy(bundle, config, bar.update)
    for note in review.notes:
        say(note)
    if review.report is not None:
        show(review.report)
    require_private(review, config)


def show(report: "PrivacyReport") -> None:
    """Print the results of a report, and the exceeded limits."""
    from chatbot.privacy.report import ENOUGH

    shares = report.extraction
    line = "{:.1%} of trained messages word for word, {:.1%} of held-out ones"
    rows = [
        (f"within {n} replies", line.format(shares["train"][n], shares["held_out"][n]))
        for n in shares["train"]
    ]
    for name, measured in report.membership.items():
        low, high = measured.auc_interval
        right = f"right in {measured.auc:.0%} of pairs ({low:.0%} to {high:.0%}), chance is 50%"
        rows.append((f"guess which of two was trained, by {name}", right))
    print_rows(rows)
    n_fewest = min(report.n_messages.values())
    if n_fewest < ENOUGH:
        say(f"privacy: only {n_fewest} long messages, too few for a reliable result")
    for warning in report.warnings:
        say(f"privacy: {warning}")
