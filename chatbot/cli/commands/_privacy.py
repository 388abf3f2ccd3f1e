"""What `privacy` and `publish` share: the run's model beside its log, quickly measured."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatbot.cli.screen import print_rows, progress, say
from chatbot.errors import ChatbotError, CheckpointError
from chatbot.settings import run_files
from chatbot.settings.schema import Config

if TYPE_CHECKING:
    from chatbot.corpus.store import Corpus
    from chatbot.model.gpt.file import ModelFile
    from chatbot.model.interface import LanguageModel


# What only the full report holds, or holds better.
_LASTING = ("membership", "verbatim", "secrets", "canaries")


@dataclass(frozen=True)
class Measured:
    """A run's model as a network, and the log it was trained on."""

    model: "LanguageModel"
    corpus: "Corpus"


@dataclass(frozen=True)
class OwnRun(Measured):
    """The same of a network of our own, with its file."""

    file: "ModelFile"


def find_run(config: Config) -> OwnRun:
    """Open the run's model and its log; raises CheckpointError if they do not belong together."""
    from chatbot.corpus.store import open_corpus
    from chatbot.model.device import choose_device
    from chatbot.model.gpt.file import read_model
    from chatbot.model.gpt.network import TorchLanguageModel, load_gpt
    from chatbot.training.folder import RunFolder

    path = RunFolder(config.run_dir).model
    if not path.is_file():
        raise CheckpointError(f"no model at {path}", hint="`chatbot train` makes one")
    file, corpus = read_model(path), open_corpus(config.processed_dir)
    _require_own_data(file.about, corpus, config)
    model = load_gpt(file.shape, file.weights).to(choose_device(config.runtime.device))
    return OwnRun(TorchLanguageModel(model), corpus, file)


def find_tuned_run(config: Config) -> Measured:
    """Open the run's adapter on its base, and its log."""
    from chatbot.corpus.store import open_corpus
    from chatbot.inference.tuned_loading import open_for_replies
    from chatbot.model.pretrained.file import read_tuned
    from chatbot.training.families import run_folder

    tuned = read_tuned(run_folder(config).best.parent)
    corpus = open_corpus(config.processed_dir)
    _require_own_data(tuned.about, corpus, config)
    return Measured(open_for_replies(tuned, config).language_model(), corpus)


def _require_own_data(about: dict[str, Any], corpus: "Corpus", config: Config) -> None:
    from chatbot.inference.speakers import require_persona

    require_persona(about, config)
    if about["data_fingerprint"] != corpus.stats.fingerprint:
        raise CheckpointError(
            f"run {config.run_name} was not trained on the data in {config.processed.dir}",
            hint="train again, or bring that data back",
        )


def measure_quickly(found: Measured, config: Config) -> dict[str, Any]:
    """Return the part of the report that takes seconds."""
    from chatbot.privacy.report import quick_report

    limits = config.publish.privacy
    say(f"measuring {limits.n_messages} trained and held-out messages")
    n = limits.n_messages
    with progress(4 * n, "measuring privacy") as bar:  # two measures of both splits
        return quick_report(found.model, found.corpus, config.sampling, n, bar.update)


def show(report: dict[str, Any]) -> None:
    """Print the numbers of a report, and what passes a limit."""
    from chatbot.privacy.report import ENOUGH

    shares = report["extraction"]
    said = "{:.1%} of trained messages word for word, {:.1%} of held-out ones"
    rows = [
        (f"within {n}", said.format(shares["train"][n], shares["held_out"][n]))
        for n in shares["train"]
    ]
    for name, found in report["membership"].items():
        low, high = found["auc_interval"]
        rows.append((name, f"AUC {found['auc']:.3f} ({low:.3f} to {high:.3f})"))
    print_rows(rows)
    n_fewest = min(report["n_messages"].values())
    if n_fewest < ENOUGH:
        say(f"privacy: only {n_fewest} long messages to measure by, so this says little")
    for warning in report.get("warnings", []):
        say(f"privacy: {warning}")


def require_not_stale(path: Path) -> None:
    """Raise CheckpointError if a model learned from messages that were forgotten since."""
    from chatbot.training.folder import RunFolder, published_mark

    if RunFolder(path.parent).stale.exists() or published_mark(path).exists():
        raise CheckpointError(
            f"{path} learned from messages that were forgotten since",
            hint="`chatbot archive`, then `chatbot preprocess` and `chatbot train` make a new one",
        )


def _full_report(found: Measured, config: Config) -> dict[str, Any] | None:
    """Return the report of `chatbot privacy`, if it is of this model; None if there is none."""
    path = config.run_dir / run_files.PRIVACY
    if not isinstance(found, OwnRun) or not path.is_file():
        return None
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        of = report["settings"]["step"], report["settings"]["data"]
    except (ValueError, KeyError, TypeError):
        return None  # of a version before, or cut: measured anew by who asks for it
    is_own = of == (found.file.about["step"], found.corpus.stats.fingerprint[:12])
    return {name: report[name] for name in _LASTING if name in report} if is_own else None


def _require_own_persona(config: Config) -> None:
    """Raise CheckpointError if the run's model is not who the project calls its persona now."""
    from chatbot.inference.speakers import require_persona

    if config.family == "gpt":
        from chatbot.model.gpt.file import read_model
        from chatbot.training.folder import RunFolder

        about = read_model(RunFolder(config.run_dir).model).about
    else:
        from chatbot.model.pretrained.file import read_tuned
        from chatbot.training.families import run_folder

        about = read_tuned(run_folder(config).best.parent).about
    require_persona(about, config)


def require_private(config: Config) -> None:
    """Warn before a model is given away that remembers too much, or refuse it.

    Raises CheckpointError where publish.privacy.check is refuse.
    """
    from chatbot.privacy.report import judge
    from chatbot.training.families import run_folder

    folder = run_folder(config)
    model = folder.model
    require_not_stale(folder.path / model.name)
    if not model.is_file():
        raise CheckpointError(f"no model at {model}", hint="`chatbot train` makes one")
    _require_own_persona(config)
    limits = config.publish.privacy
    if limits.check == "off":
        return
    try:
        found = find_run(config) if config.family == "gpt" else find_tuned_run(config)
    except ChatbotError as error:
        if limits.check == "refuse":
            raise
        say(f"privacy: not measured, {error}")
        return
    # What `chatbot privacy` measured of this very model counts too: both say the same of it.
    report = {**measure_quickly(found, config), **(_full_report(found, config) or {})}
    if isinstance(found, OwnRun) and "verbatim" not in report:
        say("privacy: `chatbot privacy` also measures copied replies and masked values")
    warnings = judge(report, limits)
    show({**report, "warnings": warnings})
    if warnings and limits.check == "refuse":
        raise CheckpointError(
            "the model remembers more of its log than publish.privacy allows",
            hint="train it less, give it more chat, or raise the limits of publish.privacy",
        )
