"""All runs of a project, archived ones too -> groups measured on the same data, and ranked.

Losses of two runs can be compared only if their tokens, loss masks and held-out part are the same:
the data fingerprint covers the files, `max_eval_tokens` the part of them that is measured.
"""

import contextlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeGuard

import msgspec

from chatbot.errors import ChatbotError
from chatbot.model.bundle import About, read_facts
from chatbot.model.leak_guard import read_index
from chatbot.model.pretrained.file import read_about
from chatbot.settings import run_files
from chatbot.settings.schema import Config
from chatbot.training.families import FAMILIES
from chatbot.training.folder import Layout, Metrics, RunFolder, Status, read_metrics

# Settings that no loss depends on.
_WITHOUT_EFFECT = (
    "run_name", "auto_resume", "stop_file_name", "sampling", "generation", "output", "dialogue",
    "smoke", "security", "serve", "publish", "storage", "project.run_name", "project.auto_resume",
    "project.stop_file_name",
    *(f"{section}.{name}" for section in ("logging", "training", "cpt_training")
      for name in ("sample_prompt", "tensorboard")),
)  # fmt: skip
_EVAL_TOKENS = "max_eval_tokens"
_N_COMMENT = 200  # characters


@dataclass(frozen=True)
class Evaluation:
    """The held-out loss at a step, in nats per token and in bits per byte of replies."""

    step: int
    val_loss: float
    bits_per_byte: float


@dataclass(frozen=True)
class RunSummary:
    """What the folder of a run says about it.

    `place`: its folder, relative to the project. `settings`: typed name -> value, without those
    that no loss depends on. `losses`: (step, training loss).
    """

    place: str
    status: Status
    about: About
    settings: dict[str, str]
    losses: list[tuple[int, float]]
    evaluations: list[Evaluation]
    comment: str = ""
    is_stale: bool = False

    @property
    def best(self) -> Evaluation | None:
        """The evaluation with the lowest loss, whose model is saved; step 0 is the base alone."""
        trained = [each for each in self.evaluations if each.step] or self.evaluations
        return min(trained, key=attrgetter("val_loss"), default=None)

    @property
    def measured_on(self) -> tuple[str, str]:
        """The data fingerprint, and how much of the held-out part is measured."""
        names = [name for name in self.settings if name.endswith(f".{_EVAL_TOKENS}")]
        return self.about.data_fingerprint, self.settings[names[0]] if names else ""


@dataclass(frozen=True)
class Group:
    """Runs measured on the same tokens, the best first.

    `is_ranked`: whether there are several, on data that is known.
    """

    fingerprint: str
    eval_tokens: str
    runs: list[RunSummary]

    @property
    def is_ranked(self) -> bool:
        """Whether an order of its runs has a meaning."""
        return bool(self.fingerprint) and sum(run.best is not None for run in self.runs) > 1

    def ranks(self) -> Iterator[tuple[str, RunSummary]]:
        """Yield (rank, run): equal runs have the same rank, what cannot be ranked has ""."""
        scores = [_score(run) for run in self.runs]
        for run, score in zip(self.runs, scores, strict=True):
            is_ranked = self.is_ranked and run.best is not None
            yield str(1 + sum(s < score for s in scores)) if is_ranked else "", run


@dataclass(frozen=True)
class Leaderboard:
    """All runs, those with the newest run first; `problems`: files that could not be read."""

    groups: list[Group]
    problems: list[str]

    @property
    def runs(self) -> list[RunSummary]:
        """The runs of all groups."""
        return [run for group in self.groups for run in group.runs]

    def differing(self) -> dict[str, str]:
        """Return the settings that differ between runs which have them: typed -> short name.

        Programs name settings differently, so a run without a setting is no difference.
        """
        values: dict[str, set[str]] = {}
        for run in self.runs:
            for name, value in run.settings.items():
                values.setdefault(name, set()).add(value)
        names = [name for name, several in values.items() if len(several) > 1]
        endings = Counter(name.rpartition(".")[2] for name in names)
        return {n: e if endings[e := n.rpartition(".")[2]] == 1 else n for n in names}


def read_leaderboard(config: Config) -> Leaderboard:
    """Read all runs of a project, without reading any weights."""
    problems: list[str] = []
    groups: dict[tuple[str, str], list[RunSummary]] = {}
    for folder in run_folders(config):
        run = summarize_run(folder, Path(config.root), problems)
        groups.setdefault(run.measured_on, []).append(run)
    ranked = [Group(*key, sorted(runs, key=_score)) for key, runs in groups.items()]
    ranked.sort(key=lambda group: max(run.status.updated_at for run in group.runs), reverse=True)
    return Leaderboard(ranked, problems)


def _score(run: RunSummary) -> float:
    return math.inf if run.best is None else run.best.bits_per_byte


def run_folders(config: Config) -> list[Path]:
    """Return the folders of all runs: of every family, and in the archive."""
    root, archive = Path(config.root), config.path(config.storage.archive_dir)
    parents = [
        config.path(config.storage.checkpoints_dir),
        *sorted(root.glob("checkpoints*/")),
        *sorted(archive.glob("*/*/")),
    ]
    folders = {path.resolve(): path for parent in parents for path in sorted(parent.glob("*/"))}
    return [path for path in folders.values() if _is_run(path)]


def _is_run(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (run_files.STATUS, run_files.METRICS))


def summarize_run(folder: Path, root: Path, problems: list[str]) -> RunSummary:
    """Read the files of a run; appends a sentence to `problems` for each that is damaged."""
    run = RunFolder(folder, layout=layout_of(folder))
    place = folder.relative_to(root) if folder.is_relative_to(root) else folder
    status, about = Status(state=""), About()
    with _noted(problems):
        status = run.read_status() or status
    with _noted(problems):
        about = _read_facts(run)
    metrics = read_metrics(run)
    return RunSummary(
        place=place.as_posix(),
        status=status,
        about=about,
        settings=_settings(folder / run_files.SETTINGS, problems),
        losses=[(m["step"], m["loss"]) for m in metrics if _is_number(m.get("loss"))],
        evaluations=list(_evaluations(metrics)),
        comment=_comment(folder / run_files.COMMENT),
        is_stale=run.stale.exists(),
    )


@contextlib.contextmanager
def _noted(problems: list[str]) -> Iterator[None]:
    """Note a damaged file: it must not hide the other runs."""
    try:
        yield
    except ChatbotError as error:
        problems.append(str(error))


def layout_of(folder: Path) -> Layout:
    """Return the layout of a run by the files it has; that of our own network if it has none."""
    layouts = [family.layout for family in FAMILIES.values()]
    held = (each for each in layouts if (folder / each.latest).parent.is_dir())
    return next((each for each in held if each.holds_models), layouts[0])


def _read_facts(run: RunFolder) -> About:
    """Return the facts about the saved model; without one only the data fingerprint."""
    if run.layout.holds_models:
        for folder in (run.best.parent, run.latest.parent):
            with contextlib.suppress(OSError, ValueError):
                return read_about(folder)
    elif run.model.is_file():
        return read_facts(run.model)
    index = read_index(run.leak_guard)
    return About(data_fingerprint="" if index is None else index.data_fingerprint)


def _evaluations(metrics: Iterable[Metrics]) -> Iterator[Evaluation]:
    for line in metrics:
        val_loss, bits = line.get("val_loss"), line.get("val_bits_per_byte")
        if _is_number(val_loss) and _is_number(bits):
            yield Evaluation(line["step"], val_loss, bits)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)


def _settings(path: Path, problems: list[str]) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        values = msgspec.yaml.decode(path.read_bytes(), type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError):
        problems.append(f"{path} is damaged")
        return {}
    return {
        name: value
        for name, value in _flat(values)
        if not any(name == n or name.startswith(f"{n}.") for n in _WITHOUT_EFFECT)
    }


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value if isinstance(value, str) else _encoded(value)


def _encoded(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _comment(path: Path) -> str:
    if not path.is_file():
        return ""
    return " ".join(path.read_text(encoding="utf-8", errors="replace").split())[:_N_COMMENT]
