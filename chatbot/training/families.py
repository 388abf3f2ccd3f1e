"""The registry of model families, readable without torch."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from chatbot.errors import CheckpointError
from chatbot.settings.schema import Config
from chatbot.training.folder import FILES, FOLDERS, Layout, RunFolder

if TYPE_CHECKING:
    from chatbot.corpus.packing import CorpusSpec
    from chatbot.corpus.speakers import Speakers
    from chatbot.listener import Listener
    from chatbot.training.interface import TrainingFamily


@dataclass(frozen=True)
class Family:
    """The file names and modules of a family.

    Modules: `module` trains it (a `TrainingFamily`), `corpus` chooses its corpora, `opener` opens
    its saved models, `export` writes them for other programs, `plan` estimates training.
    `published`: prefix of the names of published files.
    """

    layout: Layout
    module: str
    corpus: str
    opener: str
    export: str
    plan: str
    published: str


FAMILIES: dict[str, Family] = {
    "gpt": Family(
        FILES,
        module="chatbot.training.gpt",
        corpus="chatbot.model.gpt.corpus",
        opener="chatbot.model.gpt.file",
        export="chatbot.publishing.gpt",
        plan="chatbot.cli.plans.gpt",
        published="model",
    ),
    "pretrained": Family(
        FOLDERS,
        module="chatbot.training.pretrained",
        corpus="chatbot.model.pretrained.corpus",
        opener="chatbot.model.pretrained.network",
        export="chatbot.publishing.pretrained",
        plan="chatbot.cli.plans.pretrained",
        published="adapter",
    ),
}


def family_of(name: str) -> Family:
    """Return a family by name; raises CheckpointError if it is unknown."""
    if name not in FAMILIES:
        raise CheckpointError(f"unknown kind of model {name!a}", hint="update this program")
    return FAMILIES[name]


def training_family(config: Config) -> "TrainingFamily":
    """Import the training module of a project's family."""
    return cast("TrainingFamily", importlib.import_module(family_of(config.family).module))


def corpora_of(config: Config, listener: "Listener") -> "Callable[[Speakers], list[CorpusSpec]]":
    """Import a family's function that maps the speakers of the rooms to its corpora."""
    module = importlib.import_module(family_of(config.family).corpus)
    return lambda speakers: module.corpus_specs(config, speakers, listener)


def run_folder(config: Config) -> RunFolder:
    """Return the run folder of a project."""
    return RunFolder(config.run_dir, config.stop_file_name, family_of(config.family).layout)
