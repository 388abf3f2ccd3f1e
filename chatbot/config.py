"""Settings from configs/*.yaml: read, overlay, refuse."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml

from chatbot.errors import ConfigError
from chatbot.settings import Config, Section

FILES: dict[str, tuple[str, ...]] = {
    "paths.yaml": ("raw", "processed", "storage", "publish"),
    "train.yaml": (
        "run_name",
        "auto_resume",
        "training",
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
    ".", "..", "latest.pt", "best.pt", "model.safetensors", "snapshots", "status.json",
    "metrics.jsonl", "samples.txt", "config.yaml", "train.log", "train.lock",
)  # fmt: skip


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


@dataclass(frozen=True)
class Layout:
    """A set of settings, and which file of configs/ holds which of its sections."""

    schema: type[Section]
    files: Mapping[str, tuple[str, ...]]


OURS = Layout(Config, FILES)
_SET_BY_CODE = ("root", "pretrained")


def setting_names(section: type[Section] = Config, prefix: str = "") -> dict[str, Any]:
    """Return every dotted setting below a section with its default.

    >>> setting_names()["sampling.top_k"]
    40
    """
    names: dict[str, Any] = {}
    for item in msgspec.structs.fields(section):
        if item.name in _SET_BY_CODE:
            continue
        if isinstance(item.type, type) and issubclass(item.type, Section):
            names |= setting_names(item.type, f"{prefix}{item.name}.")
        else:
            made = item.default_factory
            names[prefix + item.name] = item.default if made is msgspec.NODEFAULT else made()
    return names


def load_config(root: Path, overrides: tuple[str, ...] = ()) -> Config:
    """Read configs/*.yaml below `root` and overlay `section.key=value` overrides."""
    config = msgspec.structs.replace(read_settings(OURS, root, overrides), root=str(root))
    refuse_contradictions(config)
    return config


def read_settings(layout: Layout, root: Path, overrides: tuple[str, ...]) -> Any:
    """Read the files of a layout into its schema; without a folder configs/, the defaults.

    Raises ConfigError for what does not fit.
    """
    if not root.is_dir():
        raise ConfigError(f"no folder {root}", hint="--root names the project's folder")
    folder = root / "configs"
    merged: dict[str, Any] = {}
    # Who only talks has a model and no configs: the defaults.
    for name, allowed in layout.files.items() if folder.is_dir() else ():
        values = _read_yaml(folder / name)
        for key in values:
            if key not in allowed:
                raise _unknown(str(key), f"configs/{name}", layout)
        merged |= values
    for override in overrides:
        _overlay(merged, override, layout)
    return _convert(merged, layout)


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


def _overlay(values: dict[str, Any], override: str, layout: Layout) -> None:
    dotted, equals, text = override.partition("=")
    if not equals:
        raise ConfigError(f"--set {override!r} has no value", hint="--set section.key=value")
    *sections, key = dotted.strip().split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise _unknown(dotted, "--set", layout)
    try:
        values[key] = yaml.load(text, _Loader)  # noqa: S506 a SafeLoader
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(
            f"--set {dotted} has a value that is not YAML", hint="put it into quotes"
        ) from error


def _convert(values: Mapping[str, Any], layout: Layout) -> Any:
    values = {key: value for key, value in values.items() if value is not None}
    _refuse_unknown(layout.schema, values, "", layout)
    try:
        return msgspec.convert(values, layout.schema)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `$.")
        name = where.rstrip("`") or "a setting"
        raise ConfigError(
            f"setting {name}: {problem[:1].lower()}{problem[1:]}",
            hint=f"its default is {setting_names(layout.schema).get(name, 'in configs/')!r}",
        ) from error


def _refuse_unknown(section: type[Section], values: Any, prefix: str, layout: Layout) -> None:
    if not isinstance(values, Mapping):
        return  # msgspec names the wrong type
    known = {item.name: item.type for item in msgspec.structs.fields(section)}
    for key, value in values.items():
        if key not in known or key in _SET_BY_CODE:
            raise _unknown(f"{prefix}{key}", "", layout)
        kind = known[key]
        if isinstance(kind, type) and issubclass(kind, Section):
            _refuse_unknown(kind, value if value is not None else {}, f"{prefix}{key}.", layout)


def _unknown(name: str, where: str, layout: Layout) -> ConfigError:
    place = f" in {where}" if where else ""
    home = next((file for file, keys in layout.files.items() if name.split(".")[0] in keys), None)
    if home and where and where != "--set":
        return ConfigError(f"setting {name} is not one{place}", hint=f"move it to configs/{home}")
    known = list(setting_names(layout.schema))
    sections = sorted({part.rpartition(".")[0] for part in known} - {""})
    near = difflib.get_close_matches(name, known + sections, n=1, cutoff=0.5)
    tail = [full for full in known if full.rpartition(".")[2] == name.rpartition(".")[2]]
    guess = tail[:1] or near
    hint = f"did you mean {guess[0]}?" if guess else "README.md lists every setting"
    return ConfigError(f"unknown setting {name}{place}", hint=hint)


def refuse_contradictions(config: Config) -> None:
    """Raise ConfigError where two settings cannot both hold."""
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
    rate = config.optimization.learning_rate
    if rate != "auto" and config.optimization.min_lr > rate:
        raise ConfigError(
            "optimization.min_lr is above learning_rate", hint="lower optimization.min_lr"
        )
