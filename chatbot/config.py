"""Every setting with its type and its only default; the files in configs/ overlay them."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml
from msgspec import Meta, field

from chatbot.errors import ConfigError

Count = Annotated[int, Meta(ge=0)]
Seed = Annotated[int, Meta(ge=0, lt=2**31)]
Positive = Annotated[int, Meta(ge=1)]
Fraction = Annotated[float, Meta(ge=0, lt=1)]
Rate = Annotated[float, Meta(gt=0, le=1e9)]
Weight = Annotated[float, Meta(ge=0, le=1e9)]
Auto = Literal["auto"]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A group of settings. Unknown keys are errors."""


# ---------------------------------------------------------------- paths.yaml
class RawConfig(Section, frozen=True):
    """Where exports arrive and where `organize` files them."""

    inbox_dir: str = "data/raw/inbox"
    organized_dir: str = "data/raw/organized"
    manifest_path: str = "data/raw/manifest.json"
    utc_offset_hours: Annotated[float, Meta(ge=-14, le=14)] = 9.0
    aliases: dict[str, str] = {}


class PreprocessConfig(Section, frozen=True):
    """How messages become training samples."""

    corpus_mode: Literal["sessions", "context_windows"] = "sessions"
    targets: Literal["replies", "persona", "last_turn"] = "replies"
    persona: str = "auto"
    speaker_mode: Literal["auto", "pair", "group"] = "auto"
    max_speakers: Annotated[int, Meta(ge=2, le=64)] = 16
    context_turns: Positive = 16
    min_context_turns: Count = 1
    sample_stride: Positive = 2
    session_gap_minutes: Positive = 180
    max_session_turns: Annotated[int, Meta(ge=2)] = 400
    merge_same_speaker: bool = True
    merge_gap_minutes: Count = 5
    max_merged_chars: Positive = 400
    min_message_chars: Positive = 1
    min_target_chars: Positive = 1
    max_message_chars: Positive = 1000
    max_run: Annotated[int, Meta(ge=2)] = 4
    mask_urls: bool = True
    url_mask: str = "(링크)"
    drop_low_signal: bool = True
    notice_min_chars: Positive = 60
    val_fraction: Annotated[float, Meta(gt=0, lt=0.5)] = 0.1
    vocab_size: Auto | Annotated[int, Meta(ge=320, le=65536)] = "auto"


class ProcessedConfig(Section, frozen=True):
    """The tokens that training reads."""

    dir: str = "data/processed"
    rooms: Auto | Literal["all"] | Annotated[list[str], Meta(min_length=1)] = "auto"
    preprocess: PreprocessConfig = field(default_factory=PreprocessConfig)


class StorageConfig(Section, frozen=True):
    """Where models and old work live."""

    checkpoints_dir: str = "checkpoints"
    artifacts_dir: str = "artifacts"
    archive_dir: str = "data/archive"


# ---------------------------------------------------------------- train.yaml
class RuntimeConfig(Section, frozen=True):
    """The machine."""

    seed: Seed = 1337
    device: Annotated[str, Meta(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    compile: bool = False


class ModelConfig(Section, frozen=True):
    """The network: a named size, or numbers of your own, which win over the size."""

    size: Literal["auto", "nano", "small", "base", "large"] = "auto"
    block_size: Auto | Annotated[int, Meta(ge=16, le=32768)] = "auto"
    n_layer: Positive | None = None
    n_head: Positive | None = None
    n_kv_head: Positive | None = None
    n_embd: Positive | None = None
    n_hidden: Positive | None = None
    dropout: Fraction = 0.2
    rope_theta: Rate = 10000.0


class OptimizationConfig(Section, frozen=True):
    """The optimizer and how long it runs."""

    optimizer: Literal["muon", "adamw"] = "muon"
    learning_rate: Rate = 3e-3
    min_lr: Weight = 0.0
    warmup_steps: Count = 40
    lr_schedule: Literal["constant", "cosine", "wsd"] = "wsd"
    lr_decay_steps: Auto | Positive = "auto"
    batch_size: Auto | Positive = "auto"
    grad_accum_steps: Positive = 1
    max_steps: Auto | Positive = "auto"
    max_epochs: Rate = 8.0
    max_minutes: Weight = 0.0
    patience: Count = 5
    weight_decay: Weight = 1.0
    beta1: Fraction = 0.9
    beta2: Fraction = 0.95
    muon_momentum: Fraction = 0.95
    grad_clip: Weight = 1.0
    ema_decay: Fraction = 0.99


class ObjectiveConfig(Section, frozen=True):
    """Which tokens are trained, and how much."""

    loss_mode: Literal["response_only", "all"] = "all"
    context_weight: Weight = 0.3


class LoggingConfig(Section, frozen=True):
    """What is measured, shown and kept, in steps."""

    log_interval: Positive = 10
    eval_interval: Auto | Positive = "auto"
    save_interval: Auto | Positive = "auto"
    snapshot_interval: Count = 500
    keep_snapshots: Positive = 5
    max_eval_tokens: Positive = 100_000
    sample_prompt: str = "오늘 뭐함"


# ---------------------------------------------------------------- gen.yaml
class SamplingConfig(Section, frozen=True):
    """How the next token is drawn."""

    temperature: Weight = 0.7
    top_k: Count = 40
    top_p: Annotated[float, Meta(gt=0, le=1)] = 0.9
    repetition_penalty: Annotated[float, Meta(ge=1, le=2)] = 1.1
    max_new_tokens: Positive = 64
    seed: Seed | None = None


class OutputConfig(Section, frozen=True):
    """How a reply is shown."""

    one_line: bool = False
    max_bubbles: Positive = 4


class DialogueConfig(Section, frozen=True):
    """Which model answers whom, and what it remembers."""

    model: str = "auto"
    history_turns: Positive = 32
    smoke_prompts: Annotated[list[str], Meta(min_length=1)] = field(
        default_factory=lambda: ["오늘 뭐함", "밥 먹었어?", "주말에 뭐해?"]
    )


class SecurityConfig(Section, frozen=True):
    """Which environment variables hold the secret."""

    require_password: bool = True
    password_env: str = "CHATBOT_PASSWORD"  # noqa: S105 a variable's name
    password_hash_env: str = "CHATBOT_PASSWORD_HASH"  # noqa: S105 a variable's name


class Config(Section, frozen=True):
    """All settings of one project. `root` is the folder that holds configs/; no file sets it."""

    raw: RawConfig = field(default_factory=RawConfig)
    processed: ProcessedConfig = field(default_factory=ProcessedConfig)
    storage: StorageConfig = field(default_factory=StorageConfig)
    run_name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$")] = "main"
    auto_resume: bool = True
    stop_file_name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.\-]+$")] = "STOP"
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    optimization: OptimizationConfig = field(default_factory=OptimizationConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    logging: LoggingConfig = field(default_factory=LoggingConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    output: OutputConfig = field(default_factory=OutputConfig)
    dialogue: DialogueConfig = field(default_factory=DialogueConfig)
    security: SecurityConfig = field(default_factory=SecurityConfig)
    root: str = "."

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


FILES: dict[str, tuple[str, ...]] = {
    "paths.yaml": ("raw", "processed", "storage"),
    "train.yaml": (
        "run_name",
        "auto_resume",
        "stop_file_name",
        "runtime",
        "model",
        "optimization",
        "objective",
        "logging",
    ),
    "gen.yaml": ("sampling", "output", "dialogue", "security"),
}


# What a run's folder holds: the STOP file must be none of these.
_RUN_FILES = (
    *(".", "..", "latest.pt", "best.pt", "snapshots", "status.json", "metrics.jsonl"),
    *("samples.txt", "config.yaml", "train.log", "train.lock"),
)


class _Loader(yaml.SafeLoader):
    """YAML 1.2 numbers (1e-3 is a number, not text), and no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping, refusing a key that stands twice."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        if twice:
            raise ConfigError(
                f"setting {twice[0]} stands twice near line {node.start_mark.line + 1}",
                hint="keep one of them",
            )
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\d[\d_]*)(?:\.\d*)?(?:[eE][-+]?\d+)$"),
    list("-+0123456789"),
)


def setting_names(section: type[Section] = Config, prefix: str = "") -> dict[str, Any]:
    """Return every dotted setting below a section with its default.

    >>> setting_names()["sampling.top_k"]
    40
    """
    names: dict[str, Any] = {}
    for item in msgspec.structs.fields(section):
        if item.name == "root":
            continue
        if isinstance(item.type, type) and issubclass(item.type, Section):
            names |= setting_names(item.type, f"{prefix}{item.name}.")
        else:
            made = item.default_factory
            names[prefix + item.name] = item.default if made is msgspec.NODEFAULT else made()
    return names


def load_config(root: Path, overrides: tuple[str, ...] = ()) -> Config:
    """Read configs/*.yaml below `root` and overlay `section.key=value` overrides."""
    folder = root / "configs"
    if not folder.is_dir():
        raise ConfigError(
            f"no folder configs in {root}",
            hint="run this in the project's folder, or name it with --root",
        )
    merged: dict[str, Any] = {}
    for name, allowed in FILES.items():
        values = _read_yaml(folder / name)
        for key in values:
            if key not in allowed:
                raise _unknown(str(key), f"configs/{name}")
        merged |= values
    for override in overrides:
        _overlay(merged, override)
    return _convert(merged, root)


def _read_yaml(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise ConfigError(f"no file {path}", hint="copy it from the project's repository")
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 a SafeLoader
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise ConfigError(
            f"{path.name} is not YAML{where}", hint="check indents and quotes"
        ) from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path.name} holds no settings", hint="write them as `key: value`")
    return values


def _overlay(values: dict[str, Any], override: str) -> None:
    dotted, equals, text = override.partition("=")
    if not equals:
        raise ConfigError(f"--set {override!r} has no value", hint="--set section.key=value")
    *sections, key = dotted.strip().split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise _unknown(dotted, "--set")
    try:
        values[key] = yaml.load(text, _Loader)  # noqa: S506 a SafeLoader
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(
            f"--set {dotted} has a value that is not YAML", hint="put it into quotes"
        ) from error


def _convert(values: Mapping[str, Any], root: Path) -> Config:
    values = {key: value for key, value in values.items() if value is not None}
    _refuse_unknown(Config, values, "")
    try:
        config = msgspec.convert({**values, "root": str(root)}, Config)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `$.")
        name = where.rstrip("`") or "a setting"
        raise ConfigError(
            f"setting {name}: {problem[:1].lower()}{problem[1:]}",
            hint=f"its default is {setting_names().get(name, 'in configs/')!r}",
        ) from error
    _refuse_contradictions(config)
    return config


def _refuse_unknown(section: type[Section], values: Any, prefix: str) -> None:
    if not isinstance(values, Mapping):
        return  # msgspec names the wrong type
    known = {item.name: item.type for item in msgspec.structs.fields(section)}
    for key, value in values.items():
        if key not in known or key == "root":
            raise _unknown(f"{prefix}{key}", "")
        kind = known[key]
        if isinstance(kind, type) and issubclass(kind, Section):
            _refuse_unknown(kind, value if value is not None else {}, f"{prefix}{key}.")


def _unknown(name: str, where: str) -> ConfigError:
    place = f" in {where}" if where else ""
    home = next((file for file, keys in FILES.items() if name.split(".")[0] in keys), None)
    if home and where and where != "--set":
        return ConfigError(f"setting {name} is not one{place}", hint=f"move it to configs/{home}")
    known = list(setting_names())
    sections = sorted({part.rpartition(".")[0] for part in known} - {""})
    near = difflib.get_close_matches(name, known + sections, n=1, cutoff=0.5)
    tail = [full for full in known if full.rpartition(".")[2] == name.rpartition(".")[2]]
    guess = tail[:1] or near
    hint = f"did you mean {guess[0]}?" if guess else "README.md lists every setting"
    return ConfigError(f"unknown setting {name}{place}", hint=hint)


def _refuse_contradictions(config: Config) -> None:
    rules = config.processed.preprocess
    if rules.min_context_turns >= rules.context_turns:
        raise ConfigError(
            f"processed.preprocess.min_context_turns {rules.min_context_turns} is not below "
            f"context_turns {rules.context_turns}",
            hint="lower min_context_turns",
        )
    if config.stop_file_name in _RUN_FILES:
        raise ConfigError(
            f"stop_file_name {config.stop_file_name} is a file of the run",
            hint="STOP is a good name",
        )
    if config.optimization.min_lr > config.optimization.learning_rate:
        raise ConfigError(
            "optimization.min_lr is above learning_rate", hint="lower optimization.min_lr"
        )
