"""Settings as a user types them: name, type, default, and the settings of the schema behind it."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from itertools import repeat
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec

from chatbot.settings.kinds import Section
from chatbot.settings.schema import Config
from chatbot.wording import renamed

# What a user typed, or a default, by its key or dotted name: of any type until it is checked.
Values: TypeAlias = dict[str, Any]
FILES: dict[str, tuple[str, ...]] = {
    "paths.yaml": ("raw", "processed", "storage", "publish"),
    "train.yaml": (
        "run_name", "auto_resume", "training", "stop_file_name", "runtime", "model", "optimization",
        "objective", "logging",
    ),
    "gen.yaml": (
        "sampling", "output", "dialogue", "preferences", "security", "serve", "skills",
        "bridge",
    ),
    "qna.yaml": ("qna",),
}  # fmt: skip


@dataclass(frozen=True)
class Conversion:
    """`expand`: a typed value -> the values of the settings it sets; `collapse`: the reverse."""

    expand: Callable[[Any], Iterable[Any]]
    collapse: Callable[..., Any]


UNCHANGED = Conversion(repeat, lambda value, *_: value)


@dataclass(frozen=True)
class Setting:
    """A name that a user types, for one setting of the schema or for several.

    `kind`: the type of its value. `targets`: the settings of the schema, as dotted names; empty if
    only another training stage uses it.
    """

    kind: Any
    default: Any
    targets: tuple[str, ...]
    conversion: Conversion = UNCHANGED


@dataclass(frozen=True)
class Naming:
    """The settings of a program under the names that its user types.

    `files`: a file of configs/ -> the first parts of the names in it. `fixed`: settings of the
    schema whose default differs here.
    """

    files: Mapping[str, tuple[str, ...]]
    settings: Mapping[str, Setting]
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def aliases(self) -> dict[str, str]:
        """Setting of the schema -> typed name, where the two differ."""
        names = self.settings.items()
        pairs = ((target, name) for name, setting in names for target in setting.targets)
        return {target: name for target, name in pairs if target != name}

    @property
    def file(self) -> str | None:
        """The file that holds all these settings, if there is just one."""
        return next(iter(self.files)) if len(self.files) == 1 else None

    def in_messages(self) -> AbstractContextManager[None]:
        """Use these names of settings in all messages inside the block."""
        return renamed(self.aliases, self.file)

    def is_group(self, name: str) -> bool:
        """Whether a name is a group that contains settings."""
        return any(other.startswith(f"{name}.") for other in self.settings)

    def build(self, typed: Mapping[str, Any]) -> Config:
        """Return all settings, with the typed values (name -> value) applied."""
        values = dict(self.fixed)
        for name, value in typed.items():
            setting = self.settings[name]
            values |= zip(setting.targets, setting.conversion.expand(value), strict=False)
        return msgspec.convert(nested(values), Config)

    def typed(self, config: Config) -> Values:
        """Return the settings of a config under their typed names: name -> value."""
        return {
            name: setting.conversion.collapse(*(attrgetter(target)(config) for target in targets))
            for name, setting in self.settings.items()
            if (targets := setting.targets)
        }


def nested(values: Mapping[str, Any]) -> Values:
    """Turn dotted names into nested dictionaries.

    >>> nested({"model.size": "nano", "run_name": "main"})
    {'model': {'size': 'nano'}, 'run_name': 'main'}
    """
    groups: Values = {}
    for name, value in values.items():
        *sections, key = name.split(".")
        group = groups
        for section in sections:
            group = group.setdefault(section, {})
        group[key] = value
    return groups


def schema_settings(section: type[Section] = Config, prefix: str = "") -> dict[str, Setting]:
    """Return every setting of a section of the schema by its dotted name.

    >>> schema_settings()["sampling.top_k"].default
    0
    """
    settings: dict[str, Setting] = {}
    for item in msgspec.structs.fields(section):
        name = prefix + item.name
        if isinstance(item.type, type) and issubclass(item.type, Section):
            settings |= schema_settings(item.type, f"{name}.")
        else:
            make = item.default_factory
            default = item.default if make is msgspec.NODEFAULT else make()
            settings[name] = Setting(item.type, default, (name,))
    return settings


def renamed_settings(
    targets: Mapping[str, tuple[str, ...]],
    defaults: Mapping[str, Any],
    kinds: Mapping[str, Any],
    conversions: Mapping[str, Conversion],
) -> dict[str, Setting]:
    """Return settings under other names than those of the schema.

    `targets`: typed name -> settings of the schema. `defaults` and `kinds`: where they differ from
    the schema's. `conversions`: for names whose values differ from those of their settings.
    """
    schema, settings = schema_settings(), {}
    for name, several in targets.items():
        conversion, first = conversions.get(name, UNCHANGED), several[0]
        own = [defaults.get(target, schema[target].default) for target in several]
        kind = kinds.get(first, schema[first].kind)
        settings[name] = Setting(kind, conversion.collapse(*own), several, conversion)
    return settings


@cache
def own_naming() -> Naming:
    """Return the names of the program `chatbot`: those of the schema."""
    groups = {group for keys in FILES.values() for group in keys}
    settings = schema_settings().items()
    return Naming(
        FILES, {name: setting for name, setting in settings if name.split(".")[0] in groups}
    )
