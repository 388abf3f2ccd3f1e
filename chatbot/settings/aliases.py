"""configs/sft.yaml: the names that users of transformers and peft know, and other defaults."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Literal

from msgspec.structs import replace as replace_fields

from chatbot.settings.kinds import Folder, Rate, Weight
from chatbot.settings.load import load_config
from chatbot.settings.naming import (
    Conversion,
    Naming,
    Setting,
    Values,
    own_naming,
    renamed_settings,
    schema_settings,
)
from chatbot.settings.schema import Config

Stage = Literal["cpt", "sft"]
STAGES: tuple[Stage, ...] = ("cpt", "sft")
FILE = "sft.yaml"
_CPT_SUFFIX = "-cpt"
_GROUPS = (
    "project", "model", "data", "lora", "training", "cpt_data", "cpt_training", "generation",
    "output", "dialogue", "smoke", "preferences", "security", "serve", "skills", "bridge", "raw",
    "storage", "publish",
)  # fmt: skip

# Group in sft.yaml -> group of the schema whose settings have the same names.
_SAME = {
    "model": "pretrained.base", "data": "processed.preprocess", "lora": "pretrained.lora",
    "generation": "sampling", "output": "output", "dialogue": "dialogue",
    "preferences": "preferences", "security": "security", "serve": "serve", "skills": "skills",
    "bridge": "bridge", "raw": "raw", "storage": "storage", "publish": "publish",
}  # fmt: skip
_NAMES = {
    "project.run_name": "run_name",
    "project.auto_resume": "auto_resume",
    "project.stop_file_name": "stop_file_name",
    "project.seed": "runtime.seed",
    "project.device": "runtime.device",
    "model.torch_dtype": "runtime.dtype",
    "data.rooms": "processed.rooms",
    "data.tables": "processed.tables",
    "data.write_jsonl": "pretrained.writes_jsonl",
    "smoke.prompts": "dialogue.smoke_prompts",
}
_TRAINING = {
    "max_steps": "optimization.max_steps",
    "num_train_epochs": "optimization.max_epochs",
    "max_minutes": "optimization.max_minutes",
    "learning_rate": "optimization.learning_rate",
    "min_lr": "optimization.min_lr",
    "lr_schedule": "optimization.lr_schedule",
    "warmup_ratio": "optimization.warmup_ratio",
    "per_device_train_batch_size": "optimization.batch_size",
    "grad_accum_steps": "optimization.grad_accum_steps",
    "max_seq_len": "model.block_size",
    "optimizer": "optimization.optimizer",
    "weight_decay": "optimization.weight_decay",
    "beta1": "optimization.beta1",
    "beta2": "optimization.beta2",
    "max_grad_norm": "optimization.grad_clip",
    "ema_decay": "optimization.ema_decay",
    "context_weight": "objective.context_weight",
    "patience": "optimization.patience",
    "logging_steps": "logging.log_interval",
    "eval_steps": "logging.eval_interval",
    "save_steps": "logging.save_interval",
    "save_total_limit": "logging.keep_snapshots",
    "max_eval_tokens": "logging.max_eval_tokens",
    "sample_prompt": "logging.sample_prompt",
    "tensorboard": "logging.tensorboard",
}
_OF_STAGE: dict[Stage, dict[str, tuple[str, ...]]] = {
    "sft": {
        "data.dir": ("processed.dir",),
        "cpt_data.enabled": ("pretrained.with_cpt",),
        "cpt_data.dir": ("pretrained.cpt_dir",),
        **{f"training.{name}": (target,) for name, target in _TRAINING.items()},
    },
    "cpt": {
        "cpt_data.dir": ("processed.dir", "pretrained.cpt_dir"),
        "cpt_data.window_messages": ("processed.preprocess.context_turns",),
        **{f"cpt_training.{name}": (target,) for name, target in _TRAINING.items()},
    },
}
_UNUSED: dict[Stage, set[str]] = {
    "sft": {"processed.preprocess.vocab_size"},  # a base model has its own vocabulary
    "cpt": {"processed.preprocess.vocab_size", "processed.preprocess.min_context_turns"},
}
# One name that sets three settings.
_LABEL_MODE_TARGETS = (
    "objective.loss_mode",
    "processed.preprocess.targets",
    "processed.preprocess.corpus_mode",
)
_LABEL_MODES: dict[str, tuple[str, ...]] = {
    "all": ("all", "replies", "sessions"),
    "response_only": ("response_only", "replies", "sessions"),
    "persona_only": ("response_only", "persona", "sessions"),
    "last_turn": ("response_only", "replies", "context_windows"),
}

# Defaults of fine-tuning that differ from those of training from scratch.
_DEFAULTS: Values = {
    "family": "pretrained",
    "settings_file": FILE,
    "processed.dir": "data/sft",
    "pretrained.cpt_dir": "data/cpt",
    "storage.checkpoints_dir": "checkpoints_lora",
    "optimization.optimizer": "adamw",
    "optimization.lr_schedule": "cosine",
    "optimization.warmup_steps": 0,
    "optimization.warmup_ratio": 0.03,
    "optimization.max_epochs": 3.0,
    "optimization.weight_decay": 0.0,
    "optimization.beta2": 0.999,
    "optimization.ema_decay": 0.9,
    "objective.loss_mode": "response_only",
    "logging.snapshot_interval": "auto",
    "logging.keep_snapshots": 2,
}
_DEFAULTS_OF_CPT = {
    "pretrained.stage": "cpt",
    "run_name": f"main{_CPT_SUFFIX}",
    "processed.dir": "data/cpt",
    "processed.preprocess.context_turns": 32,
    "processed.preprocess.min_context_turns": 0,
}
# Types of settings for which fine-tuning accepts less than training from scratch.
_KINDS: Values = {
    "optimization.max_epochs": Rate,
    "optimization.weight_decay": Weight,
    "pretrained.cpt_dir": Folder,
    "publish.dtype": Literal["fp32", "fp16"],
    "objective.loss_mode": Literal["all", "response_only", "persona_only", "last_turn"],
}


def load_sft_config(root: Path, overrides: tuple[str, ...] = (), stage: Stage = "sft") -> Config:
    """Read configs/sft.yaml below `root` as the settings of one stage of its training.

    Those of `qna` are read from configs/qna.yaml.
    """
    config = load_config(root, overrides, sft_naming(stage))
    # A desk has one qna.yaml, whichever network answers.
    config = replace_fields(config, qna=load_config(root, (), _qna_naming()).qna)
    if config.pretrained.with_cpt:
        config = replace_fields(config, before=load_sft_config(root, overrides, "cpt"))
    return config


@cache
def _qna_naming() -> Naming:
    own = own_naming().settings.items()
    return Naming(
        {"qna.yaml": ("qna",)}, {name: each for name, each in own if name.startswith("qna.")}
    )


def naming_of(config: Config) -> Naming:
    """Return the names under which the user of a config types its settings."""
    is_sft = config.settings_file == FILE
    return sft_naming(config.pretrained.stage) if is_sft else own_naming()


@cache
def sft_naming(stage: Stage) -> Naming:
    """Return the names of configs/sft.yaml; those of the other training stage have no effect."""
    own, others = _settings(stage), _settings("cpt" if stage == "sft" else "sft")
    idle = {
        name: replace(setting, targets=()) for name, setting in others.items() if name not in own
    }
    return Naming({FILE: _GROUPS}, own | idle, _defaults(stage))


def _defaults(stage: Stage) -> Values:
    return _DEFAULTS if stage == "sft" else {**_DEFAULTS, **_DEFAULTS_OF_CPT}


def _settings(stage: Stage) -> dict[str, Setting]:
    """Return the settings of a training stage."""
    targets = {name: (target,) for name, target in _NAMES.items()} | _OF_STAGE[stage]
    targets["data.label_mode"] = _LABEL_MODE_TARGETS
    set_elsewhere = {target for several in targets.values() for target in several}
    for group, section in _SAME.items():
        for target in schema_settings():
            if target.startswith(f"{section}.") and target not in set_elsewhere | _UNUSED[stage]:
                targets[group + target.removeprefix(section)] = (target,)
    return renamed_settings(targets, _defaults(stage), _KINDS, _conversions(stage))


def _conversions(stage: Stage) -> dict[str, Conversion]:
    """Return the conversions of names whose values differ from those of their settings."""
    modes = {values: mode for mode, values in _LABEL_MODES.items()}
    label_mode = Conversion(_LABEL_MODES.__getitem__, lambda *values: modes[values])
    if stage == "sft":
        return {"data.label_mode": label_mode}
    run_name = Conversion(
        lambda name: (f"{name}{_CPT_SUFFIX}",), lambda name: name.removesuffix(_CPT_SUFFIX)
    )
    return {"data.label_mode": label_mode, "project.run_name": run_name}
