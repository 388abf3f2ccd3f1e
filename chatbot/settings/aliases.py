"""configs/sft.yaml -> the settings that every stage speaks of, for a pretrained base."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, field
from msgspec.structs import asdict, replace

from chatbot.errors import ConfigError
from chatbot.settings.load import Layout, read_settings, refuse_contradictions
from chatbot.settings.schema import (
    Auto,
    BaseModelConfig,
    Config,
    Count,
    Device,
    DialogueConfig,
    FileName,
    Folder,
    Fraction,
    LogConfig,
    LoggingConfig,
    LoraConfig,
    ModelConfig,
    Name,
    ObjectiveConfig,
    OptimizationConfig,
    Optimizer,
    OutputConfig,
    Positive,
    PreprocessConfig,
    PretrainedConfig,
    ProcessedConfig,
    PublishConfig,
    Rate,
    RawConfig,
    RuntimeConfig,
    SamplingConfig,
    Schedule,
    Section,
    SecurityConfig,
    Seed,
    StorageConfig,
    TalkConfig,
    Weight,
)
from chatbot.wording import Wording

Stage = Literal["cpt", "sft"]
STAGES: tuple[Stage, ...] = ("cpt", "sft")


class ProjectConfig(Section, frozen=True):
    """The run and the machine."""

    run_name: Name = "main"
    auto_resume: bool = True
    stop_file_name: FileName = "STOP"
    seed: Seed = 1337
    device: Device = "auto"


class SftDataConfig(LogConfig, frozen=True):
    """Where the tokens of the base go, and which of them are learned."""

    dir: Folder = "data/sft"
    rooms: Auto | Literal["all"] | Annotated[list[str], Meta(min_length=1)] = "auto"
    label_mode: Literal["all", "response_only", "persona_only", "last_turn"] = "response_only"
    write_jsonl: bool = False


class SftTrainingConfig(Section, frozen=True):
    """How long and how fast an adapter is trained."""

    max_steps: Auto | Positive = "auto"
    num_train_epochs: Rate = 3.0
    max_minutes: Weight = 0.0
    learning_rate: Auto | Rate = "auto"
    min_lr: Weight = 0.0
    lr_schedule: Schedule = "cosine"
    warmup_ratio: Fraction = 0.03
    per_device_train_batch_size: Auto | Positive = "auto"
    grad_accum_steps: Positive = 1
    max_seq_len: Auto | Annotated[int, Meta(ge=16, le=32768)] = "auto"
    optimizer: Optimizer = "adamw"
    weight_decay: Weight = 0.0
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    max_grad_norm: Weight = 1.0
    ema_decay: Fraction = 0.9
    context_weight: Weight = 0.3
    patience: Count = 5
    logging_steps: Positive = 10
    eval_steps: Auto | Positive = "auto"
    save_steps: Auto | Positive = "auto"
    save_total_limit: Positive = 2
    max_eval_tokens: Positive = 100_000
    sample_prompt: str = "오늘 뭐함"


class CptDataConfig(Section, frozen=True):
    """Continued pretraining on the room's plain text, before the replies."""

    enabled: bool = False
    dir: Folder = "data/cpt"
    window_messages: Positive = 32


class SftStorageConfig(StorageConfig, frozen=True):
    """Where adapters live."""

    checkpoints_dir: Folder = "checkpoints_lora"


class SmokeConfig(Section, frozen=True):
    """What `smoke` asks."""

    prompts: Annotated[list[str], Meta(min_length=1)] = field(
        default_factory=lambda: DialogueConfig().smoke_prompts
    )


class SftConfig(Section, frozen=True):
    """configs/sft.yaml. What means the same as for our own network is of the same type."""

    project: ProjectConfig = field(default_factory=ProjectConfig)
    model: BaseModelConfig = field(default_factory=BaseModelConfig)
    data: SftDataConfig = field(default_factory=SftDataConfig)
    lora: LoraConfig = field(default_factory=LoraConfig)
    training: SftTrainingConfig = field(default_factory=SftTrainingConfig)
    cpt_data: CptDataConfig = field(default_factory=CptDataConfig)
    cpt_training: SftTrainingConfig = field(default_factory=SftTrainingConfig)
    generation: SamplingConfig = field(default_factory=SamplingConfig)
    output: OutputConfig = field(default_factory=OutputConfig)
    dialogue: TalkConfig = field(default_factory=TalkConfig)
    smoke: SmokeConfig = field(default_factory=SmokeConfig)
    security: SecurityConfig = field(default_factory=SecurityConfig)
    raw: RawConfig = field(default_factory=RawConfig)
    storage: SftStorageConfig = field(default_factory=SftStorageConfig)
    publish: PublishConfig = field(default_factory=PublishConfig)


SFT = Layout(SftConfig, {"sft.yaml": SftConfig.__struct_fields__})


# What stages call a setting -> what configs/sft.yaml calls it.
ALIASES: dict[str, str] = {
    "run_name": "project.run_name",
    "auto_resume": "project.auto_resume",
    "stop_file_name": "project.stop_file_name",
    "runtime.seed": "project.seed",
    "runtime.device": "project.device",
    "runtime.dtype": "model.torch_dtype",
    "model.block_size": "training.max_seq_len",
    "processed.dir": "data.dir",
    "processed.rooms": "data.rooms",
    "processed.preprocess.targets": "data.label_mode",
    "processed.preprocess.corpus_mode": "data.label_mode",
    "objective.loss_mode": "data.label_mode",
    "objective.context_weight": "training.context_weight",
    "optimization.batch_size": "training.per_device_train_batch_size",
    "optimization.max_epochs": "training.num_train_epochs",
    "optimization.grad_clip": "training.max_grad_norm",
    "logging.log_interval": "training.logging_steps",
    "logging.eval_interval": "training.eval_steps",
    "logging.save_interval": "training.save_steps",
    "logging.keep_snapshots": "training.save_total_limit",
    "logging.max_eval_tokens": "training.max_eval_tokens",
    "logging.sample_prompt": "training.sample_prompt",
    "dialogue.smoke_prompts": "smoke.prompts",
    **{f"processed.preprocess.{name}": f"data.{name}" for name in LogConfig.__struct_fields__},
    **{f"sampling.{name}": f"generation.{name}" for name in SamplingConfig.__struct_fields__},
    **{
        f"optimization.{name}": f"training.{name}"
        for name in OptimizationConfig.__struct_fields__
        if name in SftTrainingConfig.__struct_fields__
    },
}


def _aliases(stage: Stage) -> dict[str, str]:
    """Return the names of a stage's own settings."""
    if stage == "sft":
        return ALIASES
    own = {"data.dir": "cpt_data.dir", "data.context_turns": "cpt_data.window_messages"}
    return {
        name: own.get(alias) or alias.replace("training.", "cpt_training.", 1)
        for name, alias in ALIASES.items()
    }


def load_sft_config(root: Path, overrides: tuple[str, ...] = (), stage: Stage = "sft") -> Config:
    """Read configs/sft.yaml below `root` as the settings of one stage of its training."""
    settings: SftConfig = read_settings(SFT, root, overrides)
    if settings.model.tuning == "full" and settings.model.load_in_4bit:
        raise ConfigError(
            "model.load_in_4bit cannot be trained in full", hint="set model.tuning: lora"
        )
    if settings.publish.dtype == "int8":
        raise ConfigError(
            "publish.dtype int8 is a format of our own network only", hint="set it to fp16 or fp32"
        )
    config = _as_config(settings, str(root), stage)
    if stage == "sft" and settings.cpt_data.enabled:
        config = replace(config, before=load_sft_config(root, overrides, "cpt"))
    try:
        refuse_contradictions(config)
    except ConfigError as error:
        words = Wording(aliases=_aliases(stage))
        raise ConfigError(words.render(str(error)), hint=words.render(error.hint)) from error
    return config


def _as_config(settings: SftConfig, root: str, stage: Stage) -> Config:
    project, training = settings.project, settings.training
    data_dir, run_name = settings.data.dir, project.run_name
    if stage == "cpt":
        training, data_dir = settings.cpt_training, settings.cpt_data.dir
        run_name = f"{run_name}-cpt"
    return Config(
        raw=settings.raw,
        processed=ProcessedConfig(
            dir=data_dir, rooms=settings.data.rooms, preprocess=_samples(settings, stage)
        ),
        storage=settings.storage,
        publish=settings.publish,
        run_name=run_name,
        auto_resume=project.auto_resume,
        stop_file_name=project.stop_file_name,
        runtime=RuntimeConfig(
            seed=project.seed, device=project.device, dtype=settings.model.torch_dtype
        ),
        model=ModelConfig(block_size=training.max_seq_len),
        optimization=_optimization(training, settings.model.tuning),
        objective=ObjectiveConfig(
            loss_mode="all" if settings.data.label_mode == "all" else "response_only",
            context_weight=training.context_weight,
        ),
        logging=LoggingConfig(
            log_interval=training.logging_steps,
            eval_interval=training.eval_steps,
            save_interval=training.save_steps,
            snapshot_interval="auto",
            keep_snapshots=training.save_total_limit,
            max_eval_tokens=training.max_eval_tokens,
            sample_prompt=training.sample_prompt,
        ),
        sampling=settings.generation,
        output=settings.output,
        dialogue=DialogueConfig(**asdict(settings.dialogue), smoke_prompts=settings.smoke.prompts),
        security=settings.security,
        family="pretrained",
        pretrained=PretrainedConfig(
            base=settings.model,
            lora=settings.lora,
            stage=stage,
            writes_jsonl=settings.data.write_jsonl,
            cpt_dir=settings.cpt_data.dir,
        ),
        root=root,
    )


def _samples(settings: SftConfig, stage: Stage) -> PreprocessConfig:
    """Return how conversations become samples: the label mode, in the words of train.yaml."""
    common = {name: getattr(settings.data, name) for name in LogConfig.__struct_fields__}
    if stage == "cpt":
        common |= {"context_turns": settings.cpt_data.window_messages, "min_context_turns": 0}
    mode = settings.data.label_mode
    return PreprocessConfig(
        **common,
        corpus_mode="context_windows" if mode == "last_turn" else "sessions",
        targets="persona" if mode == "persona_only" else "replies",
    )


def _optimization(training: SftTrainingConfig, tuning: str) -> OptimizationConfig:
    rate = training.learning_rate
    if rate == "auto":
        rate = 2e-4 if tuning == "lora" else 5e-5
    return OptimizationConfig(
        optimizer=training.optimizer,
        learning_rate=rate,
        min_lr=training.min_lr,
        warmup_steps=0,
        warmup_ratio=training.warmup_ratio,
        lr_schedule=training.lr_schedule,
        batch_size=training.per_device_train_batch_size,
        grad_accum_steps=training.grad_accum_steps,
        max_steps=training.max_steps,
        max_epochs=training.num_train_epochs,
        max_minutes=training.max_minutes,
        patience=training.patience,
        weight_decay=training.weight_decay,
        beta1=training.beta1,
        beta2=training.beta2,
        grad_clip=training.max_grad_norm,
        ema_decay=training.ema_decay,
    )
