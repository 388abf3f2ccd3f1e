"""The model families as training knows them: a registry, readable without torch."""

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from chatbot.settings.schema import Config
from chatbot.settings.schema import Family as FamilyName
from chatbot.training.folder import FILES, FOLDERS, Layout, RunFolder

if TYPE_CHECKING:
    from chatbot.training.interface import TrainingFamily


@dataclass(frozen=True)
class Family:
    """How a family names its checkpoints, and the module that trains it."""

    layout: Layout
    module: str


FAMILIES: dict[FamilyName, Family] = {
    "gpt": Family(FILES, "chatbot.training.gpt"),
    "pretrained": Family(FOLDERS, "chatbot.training.pretrained"),
}


def training_family(config: Config) -> "TrainingFamily":
    """Import what trains the family of a project."""
    return cast("TrainingFamily", importlib.import_module(FAMILIES[config.family].module))


def run_folder(config: Config) -> RunFolder:
    """Return the folder of a run, whichever network it trains."""
    return RunFolder(config.run_dir, config.stop_file_name, FAMILIES[config.family].layout)
