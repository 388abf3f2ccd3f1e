"""Which stage of a fine-tuning is under way."""

import argparse
from pathlib import Path

from chatbot.settings.aliases import Stage, load_sft_config
from chatbot.settings.schema import Config
from chatbot.training.families import run_folder


def stage_config(args: argparse.Namespace, config: Config, stage: Stage) -> Config:
    """Return the settings of another stage of the same project."""
    return load_sft_config(Path(config.root), tuple(args.set), stage)


def current_stage(args: argparse.Namespace, config: Config) -> Config:
    """Return the settings of the stage that trains now, or that trained last."""
    if not config.pretrained.follows_cpt:
        return config
    cpt = stage_config(args, config, "cpt")
    sft_status = run_folder(config).read_status()
    cpt_folder = run_folder(cpt)
    is_first = sft_status is None and cpt_folder.read_status() is not None
    return cpt if is_first or cpt_folder.trainer() is not None else config
