"""configs/*.yaml and `--set` -> one Config; unknown settings and invalid values are refused."""

import contextlib
import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
import yaml

from chatbot.errors import ConfigError
from chatbot.settings.contradictions import refuse_contradictions
from chatbot.settings.naming import Naming, Setting, Values, own_naming
from chatbot.settings.schema import Config


@dataclass(frozen=True)
class _Scalar:
    """An unquoted scalar that YAML does not read as text: its written form and its YAML value.

    The type of the setting decides between the two: 1004 may be a name, `off` a choice.
    """

    text: str
    value: Any


_TEXT, _VALUE = attrgetter("text"), attrgetter("value")


_WORDS = {
    bool: ("true", "false"), int: ("a whole number",), float: ("a number",), str: ("text",),
    NoneType: ("null",), list: ("a list like [a, b]",), dict: ("pairs of names like {a: b}",),
}  # fmt: skip


class _Loader(yaml.SafeLoader):
    """Reads 1e-3 as a number, as YAML 1.2 does, keeps both readings of a scalar, and refuses
    duplicate keys.
    """

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Build a value, or both readings of an unquoted scalar."""
        if not isinstance(node, yaml.ScalarNode) or node.style or node.tag in _TEXT_TAGS:
            return super().construct_object(node, deep)
        try:
            return _Scalar(node.value, super().construct_object(node, deep))
        except ValueError:  # it looks like a date, but is not a valid one
            del self.recursive_objects[node]
            return _Scalar(node.value, node.value)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping; raises ConfigError for duplicate keys."""
        keys = [_pick(self.construct_object(key, deep=True), _TEXT) for key, _ in node.value]
        duplicates = sorted({str(key) for key in keys if keys.count(key) > 1})
        if duplicates:
            raise ConfigError(
                f"setting {duplicates[0]} is set twice near line {node.start_mark.line + 1}",
                hint="keep one of them",
            )
        return super().construct_mapping(node, deep)


_TEXT_TAGS = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("str", "null", "merge"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\d[\d_]*)(?:\.\d*)?(?:[eE][-+]?\d+)$"),
    list("-+0123456789"),
)


def load_config(
    root: Path, overrides: tuple[str, ...] = (), naming: Naming | None = None
) -> Config:
    """Read configs/*.yaml below `root`, overlay `section.key=value`; without files, the defaults.

    Raises ConfigError, in the names of `naming`, for unknown settings, invalid values and
    contradictions.
    """
    naming = naming or own_naming()
    typed = read_typed(root, overrides, naming)
    config = msgspec.structs.replace(naming.build(typed), root=str(root))
    with naming.in_messages():
        refuse_contradictions(config)
    return config


def read_typed(root: Path, overrides: tuple[str, ...], naming: Naming) -> Values:
    """Return what the user has set: dotted name -> value of the setting's type."""
    if not root.is_dir():
        raise ConfigError(f"no folder {root}", hint="--root names the project's folder")
    folder = root / "configs"
    merged: Values = {}
    _refuse_misspelt(folder, naming)
    # Who only talks to a model has no configs: use the defaults.
    for name, allowed in naming.files.items():
        values = _read_yaml(folder / name) if (folder / name).exists() else {}
        for key in values:
            if key not in allowed:
                raise _unknown(str(key), f"configs/{name}", naming)
        merged |= values
    for override in overrides:
        _overlay(merged, override, naming)
    merged = {key: value for key, value in merged.items() if value is not None}
    return {
        name: _fitting(name, value, naming.settings[name])
        for name, value in _flatten(merged, naming)
    }


def _refuse_misspelt(folder: Path, naming: Naming) -> None:
    """Raise ConfigError if a config file is missing and another file has nearly its name."""
    missing = [Path(name).stem for name in naming.files if not (folder / name).exists()]
    others = [path for path in sorted(folder.glob("*.y*ml")) if path.name not in naming.files]
    for path in others if missing else ():
        if near := difflib.get_close_matches(path.stem, missing, n=1):
            raise ConfigError(
                f"configs/{path.name} is not the name of a config file",
                hint=f"rename it to {near[0]}.yaml, or move it out of configs/",
            )


def _read_yaml(path: Path) -> Values:
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
        raise ConfigError(f"{path.name} holds no settings", hint="write settings as `key: value`")
    return {_pick(key, _TEXT): value for key, value in values.items()}


def _overlay(values: Values, override: str, naming: Naming) -> None:
    dotted, equals, text = override.partition("=")
    if not equals:
        raise ConfigError(f"--set {override!r} has no value", hint="--set section.key=value")
    *sections, key = dotted.strip().split(".")
    for section in sections:
        if values.get(section) is None:
            values[section] = {}
        values = values[section]
        if not isinstance(values, dict):
            raise _unknown(dotted, "--set", naming)
    try:
        values[key] = yaml.load(text, _Loader)  # noqa: S506 a SafeLoader
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(
            f"--set {dotted} has a value that is not YAML", hint="put it into quotes"
        ) from error


def _flatten(
    values: Mapping[Any, Any], naming: Naming, prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    """Yield every setting in groups by its dotted name."""
    for key, value in values.items():
        name = f"{prefix}{_pick(key, _TEXT)}"
        if name in naming.settings:
            yield name, value
        elif isinstance(value, Mapping) and (value or naming.is_group(name)):
            yield from _flatten(
                value, naming, f"{name}."
            )  # report the full name of an unknown setting
        elif not naming.is_group(name):
            raise _unknown(name, "", naming)
        else:
            raise ConfigError(
                f"setting {name} is a group", hint="write its settings as `key: value`"
            )


def _fitting(name: str, value: Any, setting: Setting) -> Any:
    """Return a value from YAML in the reading that fits the type of its setting.

    Raises ConfigError, which states the accepted values and never the written one.
    """
    for reading in (_VALUE, _TEXT):
        with contextlib.suppress(msgspec.ValidationError):
            return msgspec.convert(_pick(value, reading), setting.kind)
    default = msgspec.json.encode(setting.default).decode().strip('"')
    raise ConfigError(
        f"setting {name} must be {describe_kind(setting.kind)}",
        hint=f"its default is {default or 'empty'}",
    )


def describe_kind(kind: Any) -> str:
    """Describe the values that a setting accepts.

    >>> describe_kind(Literal["warn", "off"] | None)
    'warn, off or null'
    """
    *first, last = _choices(kind)
    return f"{', '.join(first)} or {last}" if first else last


def _choices(kind: Any) -> list[str]:
    if get_origin(kind) is Annotated:
        inner, *notes = get_args(kind)
        return [
            note.description or f"{choice}{_bounds(note)}"
            for choice in _choices(inner)
            for note in notes
        ]
    if get_origin(kind) is Literal:
        return [str(choice) for choice in get_args(kind)]
    if get_origin(kind) in (Union, UnionType):
        return [choice for inner in get_args(kind) for choice in _choices(inner)]
    return list(_WORDS.get(get_origin(kind) or kind, ("another value",)))


def _bounds(note: msgspec.Meta) -> str:
    """Describe the bounds of a number or a length."""
    texts = {"ge": "at least {}", "gt": "above {}", "le": "at most {}", "lt": "below {}"}
    texts |= {"min_length": "{} or more"}
    bounds = [
        text.format(bound)
        for name, text in texts.items()
        if (bound := getattr(note, name)) is not None
    ]
    return f" ({', '.join(bounds)})" if bounds else ""


def _pick(value: Any, reading: Callable[[_Scalar], Any]) -> Any:
    """Replace each scalar of a value, at any depth, by one of its two readings."""
    if isinstance(value, _Scalar):
        return reading(value)
    if isinstance(value, list):
        return [_pick(inner, reading) for inner in value]
    if isinstance(value, dict):
        return {_pick(key, reading): _pick(inner, reading) for key, inner in value.items()}
    return value


def _unknown(name: str, where: str, naming: Naming) -> ConfigError:
    place = f" in {where}" if where else ""
    home = next((file for file, keys in naming.files.items() if name.split(".")[0] in keys), None)
    if home and where and where != "--set":
        *sections, key = name.split(".")
        if sections:
            levels = " ".join(f"`{section}:`" for section in sections)
            hint = f"in configs/{home}, write `{key}: ...` on an indented line below {levels}"
            return ConfigError(f"setting {name} has a dot{place}", hint=hint)
        return ConfigError(
            f"setting {name} does not belong{place}", hint=f"move it to configs/{home}"
        )
    names = list(naming.settings)
    groups = sorted({other.rpartition(".")[0] for other in names} - {""})
    same_key = [other for other in names if other.split(".")[-1] == name.split(".")[-1]]
    guesses = [
        *filter(None, [naming.aliases.get(name)]),  # its name in another program
        *same_key,
        *difflib.get_close_matches(name, names + groups, n=1, cutoff=0.5),
    ]
    hint = f"did you mean {guesses[0]}?" if guesses else "docs/settings.md lists every setting"
    return ConfigError(f"unknown setting {name}{place}", hint=hint)
