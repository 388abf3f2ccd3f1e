"""Training stages: successive runs, each from the weights of the previous one."""

from pathlib import Path

from msgspec.structs import replace

from chatbot.errors import CheckpointError, ConfigError
from chatbot.settings.schema import Config
from chatbot.training.families import run_folder


def stages(config: Config) -> list[Config]:
    """Return the settings of every stage, in order; the last are those of the project."""
    return [config] if config.before is None else [config.before, config]


def named_stage(config: Config, name: str) -> Config:
    """Return the settings of a stage by name; raises ConfigError if there is no such stage."""
    for stage in stages(config):
        if stage.pretrained.stage == name:
            return stage
    raise ConfigError(f"this project has no stage {name}", hint="train without --stage")


def without_first_stage(config: Config) -> Config:
    """Return settings that begin from the base; raises ConfigError if there is just one stage."""
    if config.before is None:
        raise ConfigError("this project has no stage before its last", hint="drop --fresh-sft")
    return replace(config, before=None)


def stages_to_train(config: Config) -> list[Config]:
    """Return the settings of unfinished stages, in order; at least the last stage."""
    return [*(stage for stage in stages(config)[:-1] if not _is_finished(stage)), config]


def current_stage(config: Config) -> Config:
    """Return the settings of the stage that is trained now, or was trained last."""
    if config.before is None:
        return config
    before = run_folder(config.before)
    is_first = run_folder(config).read_status() is None and before.read_status() is not None
    return config.before if is_first or before.trainer() is not None else config


def parent_of(config: Config) -> Path | None:
    """Return the saved model from which a new run begins; None for the first stage.

    Raises CheckpointError if it is missing. A run that has begun continues from its own checkpoint.
    """
    if config.before is None:
        return None
    folder = run_folder(config)
    folder.settle()
    if any(path.exists() for path in folder.checkpoints()):
        return None
    before = run_folder(config.before)
    before.settle()
    if not before.best.exists():
        raise CheckpointError(
            f"run {before.path.name} has no adapter to begin from",
            hint="`chatbot train` trains it first; --fresh-sft begins from the base itself",
        )
    return before.best.parent


def _is_finished(config: Config) -> bool:
    status = run_folder(config).read_status()
    return status is not None and status.state == "finished"
