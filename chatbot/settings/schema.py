"""Every setting with its type and its only default."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, field

from chatbot.settings.bridge import BridgeConfig
from chatbot.settings.kinds import (
    Auto,
    Count,
    Device,
    Dtype,
    Family,
    FileName,
    Folder,
    Fraction,
    HeaderName,
    HostName,
    Minutes,
    Name,
    Optimizer,
    Positive,
    Rate,
    Schedule,
    Section,
    Seed,
    Weight,
    WeightFormat,
)
from chatbot.settings.qna import QnaConfig


# ---------------------------------------------------------------- paths.yaml
class ColumnsConfig(Section, frozen=True):
    """The columns of tables and the keys of JSON lines that no messenger wrote."""

    speaker: str = ""
    text: str = ""
    time: str = ""
    room: str = ""


class RawConfig(Section, frozen=True):
    """Where exports arrive and where `organize` files them."""

    inbox_dir: Folder = "data/raw/inbox"
    organized_dir: Folder = "data/raw/organized"
    manifest_path: Folder = "data/raw/manifest.json"
    utc_offset_hours: Annotated[float, Meta(ge=-14, le=14)] = 9.0
    aliases: dict[str, str] = field(default_factory=dict)
    date_order: Literal["auto", "dmy", "mdy", "ymd"] = "auto"
    columns: ColumnsConfig = field(default_factory=ColumnsConfig)


class PreprocessConfig(Section, frozen=True):
    """How messages become clean conversations, and conversations training samples."""

    corpus_mode: Literal["sessions", "context_windows"] = "sessions"
    targets: Literal["replies", "persona", "last_turn"] = "replies"
    persona: str = "auto"
    speaker_mode: Literal["auto", "pair", "group"] = "auto"
    max_speakers: Annotated[int, Meta(ge=2, le=64)] = 16
    context_turns: Positive = 16
    min_context_turns: Count = 1
    sample_stride: Positive = 2
    session_gap_minutes: Annotated[Minutes, Meta(ge=1)] = 180
    max_session_turns: Annotated[int, Meta(ge=2, le=10**9)] = 400
    merge_same_speaker: bool = True
    merge_gap_minutes: Annotated[Minutes, Meta(ge=0)] = 5
    max_merged_chars: Positive = 400
    min_message_chars: Positive = 1
    min_target_chars: Positive = 1
    max_message_chars: Positive = 1000
    max_run: Annotated[int, Meta(ge=2, le=1000)] = 4
    mask_urls: bool = True
    url_mask: str = "(링크)"
    drop_low_signal: bool = True
    notice_min_chars: Positive = 60
    repeat_min_chars: Positive = 30
    max_repeats: Positive = 5
    mask_personal: bool = True
    mask_names: list[Annotated[str, Meta(min_length=2)]] = field(default_factory=list)
    public: list[Annotated[str, Meta(min_length=4, max_length=200)]] = field(default_factory=list)
    val_fraction: Annotated[float, Meta(gt=0, lt=0.5)] = 0.1
    vocab_size: Auto | Annotated[int, Meta(ge=320, le=65536)] = "auto"


class ProcessedConfig(Section, frozen=True):
    """The tokens that training reads."""

    dir: Folder = "data/processed"
    rooms: Auto | Literal["all", "none"] | Annotated[list[str], Meta(min_length=1)] = "auto"
    tables: list[Folder] = field(default_factory=list)
    preprocess: PreprocessConfig = field(default_factory=PreprocessConfig)


class StorageConfig(Section, frozen=True):
    """Where models and old work live."""

    checkpoints_dir: Folder = "checkpoints"
    artifacts_dir: Folder = "artifacts"
    archive_dir: Folder = "data/archive"


# ---------------------------------------------------------------- train.yaml
class RuntimeConfig(Section, frozen=True):
    """The machine."""

    seed: Seed = 1337
    device: Device = "auto"
    dtype: Dtype = "auto"
    compile: bool = False


class ModelConfig(Section, frozen=True):
    """The network: a named size; single dimensions override it."""

    size: Literal["auto", "nano", "small", "base", "large"] = "auto"
    block_size: Auto | Annotated[int, Meta(ge=16, le=32768)] = "auto"
    n_layer: Positive | None = None
    n_head: Positive | None = None
    n_kv_head: Positive | None = None
    n_embd: Positive | None = None
    n_hidden: Positive | None = None
    dropout: Auto | Fraction = "auto"
    input_masking: Auto | Fraction = "auto"
    rope_theta: Rate = 10000.0


class OptimizationConfig(Section, frozen=True):
    """The optimizer and how long it runs."""

    optimizer: Optimizer = "muon"
    learning_rate: Auto | Rate = "auto"
    min_lr: Weight = 0.0
    warmup_steps: Count = 40
    warmup_ratio: Fraction = 0.0
    lr_schedule: Schedule = "wsd"
    lr_decay_steps: Auto | Positive = "auto"
    batch_size: Auto | Positive = "auto"
    grad_accum_steps: Positive = 1
    max_steps: Auto | Positive = "auto"
    max_epochs: Auto | Rate = "auto"
    max_minutes: Weight = 0.0
    patience: Count = 5
    weight_decay: Auto | Weight = "auto"
    beta1: Fraction = 0.9
    beta2: Fraction = 0.95
    muon_momentum: Fraction = 0.95
    grad_clip: Weight = 1.0
    ema_decay: Fraction = 0.99


class ObjectiveConfig(Section, frozen=True):
    """Which tokens are trained, and how much."""

    loss_mode: Literal["response_only", "all"] = "all"
    context_weight: Weight = 0.3
    speaker_weight: Weight = 0.3


class LoggingConfig(Section, frozen=True):
    """What is measured, shown and kept, in steps."""

    log_interval: Positive = 10
    eval_interval: Auto | Positive = "auto"
    save_interval: Auto | Positive = "auto"
    snapshot_interval: Auto | Count = 500
    keep_snapshots: Positive = 5
    max_eval_tokens: Positive = 100_000
    sample_prompt: str = "오늘 뭐함"
    tensorboard: bool = False


# ---------------------------------------------------------------- gen.yaml
class SamplingConfig(Section, frozen=True):
    """How the next token is drawn."""

    temperature: Weight = 1.0
    top_k: Count = 0
    top_p: Annotated[float, Meta(gt=0, le=1)] = 1.0
    repetition_penalty: Annotated[float, Meta(ge=1, le=2)] = 1.1
    min_p: Fraction = 0.05
    no_repeat_ngram: Count = 0
    min_new_tokens: Count = 1
    max_new_tokens: Positive = 64
    candidates: Annotated[int, Meta(ge=1, le=16)] = 1
    forbidden_words: list[Annotated[str, Meta(min_length=1)]] = field(default_factory=list)
    seed: Seed | None = None


class OutputConfig(Section, frozen=True):
    """How a reply is shown."""

    one_line: bool = False
    leak_guard: bool = True
    max_bubbles: Positive = 4


class DialogueConfig(Section, frozen=True):
    """Which model answers, as whom, what it remembers, and what `smoke` asks."""

    model: str = "auto"
    speak_as: str = "auto"
    reply_floor: Annotated[float, Meta(ge=0, le=1)] = 0.05
    reply_cap: Annotated[float, Meta(ge=0, le=1)] = 0.9
    history_turns: Positive = 32
    smoke_prompts: Annotated[list[str], Meta(min_length=1)] = field(
        default_factory=lambda: ["오늘 뭐함", "밥 먹었어?", "주말에 뭐해?"]
    )


class PreferencesConfig(Section, frozen=True):
    """Whether replies that were retried, taken back or edited are stored, and what they train."""

    store: bool = False
    min_pairs: Annotated[int, Meta(ge=4, le=10**9)] = 20
    beta: Rate = 0.1
    replay_weight: Rate = 1.0
    learning_rate: Auto | Rate = "auto"
    epochs: Rate = 3.0
    max_worse: Annotated[float, Meta(gt=0, le=1)] = 0.01


class SecurityConfig(Section, frozen=True):
    """Which environment variables hold the secrets."""

    require_password: bool = True
    password_env: str = "CHATBOT_PASSWORD"  # noqa: S105 name of a variable
    password_hash_env: str = "CHATBOT_PASSWORD_HASH"  # noqa: S105 name of a variable
    model_key_env: str = "CHATBOT_MODEL_KEY"
    mask_key_env: str = "CHATBOT_MASK_KEY"


class KakaoConfig(Section, frozen=True):
    """The skill server of a Kakao channel: its header, its time, and what it remembers of users."""

    enabled: bool = False
    header: HeaderName = "X-Chatbot-Secret"
    secret_env: str = "CHATBOT_KAKAO_SECRET"  # noqa: S105 a name
    answer_seconds: Annotated[float, Meta(ge=0.1, le=4.5)] = 4.0
    callback_seconds: Annotated[float, Meta(ge=5, le=55)] = 50.0
    max_users: Annotated[int, Meta(ge=1, le=1_000_000)] = 1000
    history_turns: Annotated[int, Meta(ge=2, le=1000)] = 40
    expiry_minutes: Annotated[Minutes, Meta(ge=1)] = 60


class ServeConfig(Section, frozen=True):
    """The server: its address, the names it answers to, and its limits."""

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    allowed_hosts: list[HostName] = field(default_factory=list)
    n_slots: Auto | Annotated[int, Meta(ge=1, le=1024)] = "auto"
    max_queue: Count = 32
    max_connections: Annotated[int, Meta(ge=4, le=100_000)] = 256
    max_body_bytes: Annotated[int, Meta(ge=1024, le=10**9)] = 1_000_000
    max_messages: Positive = 1000
    max_chars: Positive = 200_000
    max_tokens: Positive = 512
    max_seconds: Rate = 120.0
    send_seconds: Rate = 20.0
    session_hours: Rate = 168.0
    kakao: KakaoConfig = field(default_factory=KakaoConfig)


class SkillsConfig(Section, frozen=True):
    """What an assistant does beside talking, by the names of its skills."""

    enabled: list[Name] = field(default_factory=list)
    place: Annotated[str, Meta(max_length=60)] = ""


class PrivacyConfig(Section, frozen=True):
    """What a model may remember of its chat before `publish` warns or refuses."""

    check: Literal["warn", "refuse", "off"] = "warn"
    n_messages: Positive = 200
    max_extraction: Annotated[float, Meta(ge=0, le=1)] = 0.02
    max_membership_auc: Annotated[float, Meta(ge=0, le=1)] = 0.95
    max_copied: Annotated[float, Meta(ge=0, le=1)] = 0.05
    max_exposure: Weight = 5.0
    max_standing_out: Count = 1


class PublishConfig(Section, frozen=True):
    """The model file that is given to somebody else."""

    dtype: WeightFormat = "fp16"
    privacy: PrivacyConfig = field(default_factory=PrivacyConfig)


# ---------------------------------------------------------------- a pretrained base (sft.yaml)
class BaseModelConfig(Section, frozen=True):
    """The pretrained base, and how it is loaded."""

    base_model: str = ""
    revision: str | None = None
    form: Literal["auto", "chat", "plain"] = "auto"
    system_prompt: str = ""
    tuning: Literal["lora", "full"] = "lora"
    load_in_4bit: bool = False
    attn_implementation: Literal["auto", "eager", "sdpa", "flash_attention_2"] = "auto"
    gradient_checkpointing: Auto | bool = "auto"
    trust_remote_code: bool = False


class LoraConfig(Section, frozen=True):
    """The adapter."""

    r: Positive = 16
    alpha: Positive = 32
    dropout: Fraction = 0.05
    target_modules: Auto | Annotated[list[str], Meta(min_length=1)] = "auto"
    use_rslora: bool = False
    use_dora: bool = False


class PretrainedConfig(Section, frozen=True):
    """What training a pretrained base needs beyond the settings of our own network."""

    base: BaseModelConfig = field(default_factory=BaseModelConfig)
    lora: LoraConfig = field(default_factory=LoraConfig)
    stage: Literal["cpt", "sft"] = "sft"
    with_cpt: bool = False
    writes_jsonl: bool = False
    cpt_dir: Folder | None = None  # of a project without training stages


class Config(Section, frozen=True):
    """All settings of one project, whichever network it trains.

    These fields come from no config file: `root`, the folder that contains configs/; `family`, the
    kind of network; `before`, the settings of the previous training stage; `settings_file`, the
    config file with other names for settings (configs/sft.yaml, see aliases.py), which also sets
    `pretrained`.
    """

    raw: RawConfig = field(default_factory=RawConfig)
    processed: ProcessedConfig = field(default_factory=ProcessedConfig)
    storage: StorageConfig = field(default_factory=StorageConfig)
    publish: PublishConfig = field(default_factory=PublishConfig)
    run_name: Name = "main"
    auto_resume: bool = True
    training: Literal["quick", "auto", "thorough"] = "auto"
    stop_file_name: FileName = "STOP"
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    optimization: OptimizationConfig = field(default_factory=OptimizationConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    logging: LoggingConfig = field(default_factory=LoggingConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    output: OutputConfig = field(default_factory=OutputConfig)
    dialogue: DialogueConfig = field(default_factory=DialogueConfig)
    preferences: PreferencesConfig = field(default_factory=PreferencesConfig)
    security: SecurityConfig = field(default_factory=SecurityConfig)
    serve: ServeConfig = field(default_factory=ServeConfig)
    skills: SkillsConfig = field(default_factory=SkillsConfig)
    bridge: BridgeConfig = field(default_factory=BridgeConfig)
    qna: QnaConfig = field(default_factory=QnaConfig)
    root: str = "."
    family: Family = "gpt"
    settings_file: str = ""
    pretrained: PretrainedConfig = field(default_factory=PretrainedConfig)
    before: "Config | None" = None

    def path(self, relative: str) -> Path:
        """Resolve a path of the settings against the project's folder."""
        return Path(self.root) / relative

    @property
    def run_dir(self) -> Path:
        """The folder of the run named by `run_name`."""
        return self.path(self.storage.checkpoints_dir) / self.run_name

    @property
    def processed_dir(self) -> Path:
        """The folder of the tokens that training reads."""
        return self.path(self.processed.dir)
