"""Settings that contradict each other: folders inside one another, a minimum above its maximum."""

from itertools import combinations
from pathlib import Path

from chatbot.errors import ConfigError
from chatbot.settings.run_files import is_run_file
from chatbot.settings.schema import Config


def refuse_contradictions(config: Config) -> None:
    """Raise ConfigError if two settings contradict each other."""
    _refuse_shared_folders(config)
    rules = config.processed.preprocess
    if rules.min_context_turns >= rules.context_turns:
        raise ConfigError(
            f"`processed.preprocess.min_context_turns` {rules.min_context_turns} is not below "
            f"`processed.preprocess.context_turns` {rules.context_turns}",
            hint="lower `processed.preprocess.min_context_turns`",
        )
    base = config.pretrained.base
    if base.tuning == "full" and base.load_in_4bit:
        raise ConfigError(
            "`pretrained.base.load_in_4bit` cannot be trained in full",
            hint="set `pretrained.base.tuning: lora`",
        )
    if is_run_file(config.stop_file_name):
        raise ConfigError(
            f"`stop_file_name` {config.stop_file_name} is a file of the run",
            hint="STOP is a good name",
        )
    rate = config.optimization.learning_rate
    if rate != "auto" and config.optimization.min_lr > rate:
        raise ConfigError(
            "`optimization.min_lr` is above `optimization.learning_rate`",
            hint="lower `optimization.min_lr`",
        )


def _refuse_shared_folders(config: Config) -> None:
    """Raise ConfigError where a folder that is replaced, emptied or filled holds something else.

    Processed data replaces its folder, `archive` empties three, `organize` moves files: none of
    them may be the project, or lie inside one another.
    """
    root = Path(config.root).resolve()
    folders = {name: (root / text).resolve() for name, text in _folders(config).items()}
    for name, folder in folders.items():
        if folder == root or folder in root.parents:
            raise ConfigError(
                f"{name} is the project's own folder, or one that contains it",
                hint="give it a folder of its own, as the default does",
            )
    for (name, folder), (other, path) in combinations(folders.items(), 2):
        if folder == path or folder in path.parents or path in folder.parents:
            raise ConfigError(
                f"{name} and {other} are the same folder, or one is inside the other",
                hint="give each a folder of its own, as the defaults do",
            )


def _folders(config: Config) -> dict[str, str]:
    """Return every folder that commands write to: the user's name of the setting -> its path."""
    folders = {
        "the folder configs": "configs",
        "`raw.inbox_dir`": config.raw.inbox_dir,
        "`raw.organized_dir`": config.raw.organized_dir,
        "`raw.manifest_path`": config.raw.manifest_path,
        "`storage.checkpoints_dir`": config.storage.checkpoints_dir,
        "`storage.artifacts_dir`": config.storage.artifacts_dir,
        "`storage.archive_dir`": config.storage.archive_dir,
    }
    if config.pretrained.cpt_dir is not None:
        folders["`pretrained.cpt_dir`"] = config.pretrained.cpt_dir
        if config.pretrained.stage == "cpt":
            return folders
    return {**folders, "`processed.dir`": config.processed.dir}
