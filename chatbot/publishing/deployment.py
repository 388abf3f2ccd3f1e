"""A model -> a folder for a host: a page in one file for a static host, or a server's container."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import yaml

from chatbot.errors import CheckpointError, ConfigError
from chatbot.inference.loading import encrypted_path, published_path
from chatbot.publishing.export import Export, Refusal, exports_of, require_new
from chatbot.publishing.wheel import required_versions, write_wheel
from chatbot.settings.schema import Config
from chatbot.storage.files import explained, whole_folder

_TEMPLATES = Path(__file__).parent / "templates"
_HIDDEN = (
    "dockerignore",
    "gitignore",
    "env.example",
    "nojekyll",
)  # packages leave out names with a dot
_EXTRA = "serve"
_PORT = 8000  # as in the Dockerfile


def page_export(family: str) -> Export:
    """Return how a family writes a page; raises ConfigError if it cannot."""
    export = exports_of(family)["page", False]
    if isinstance(export, Refusal):
        raise ConfigError(export.message, hint=export.hint)
    return export


def write_site(write_page: Callable[[Path], object], folder: Path) -> None:
    """Write what a static host serves; `write_page` writes the encrypted page to a path."""
    with _new_folder(folder, "site") as part:
        write_page(part / "index.html")


def model_for_container(config: Config, *, is_encrypted: bool) -> Path:
    """Return the published model; raises CheckpointError if it is missing or not encrypted."""
    path = encrypted_path(config) if is_encrypted else published_path(config)
    if path.is_file():
        return path
    if is_encrypted and published_path(config).is_file():
        raise CheckpointError(
            f"{published_path(config)} is not encrypted: whoever gets the image could use it",
            hint="`chatbot encrypt-model` encrypts it; --unencrypted takes it as it is",
        )
    hint = "`chatbot publish --encrypt` makes one" if is_encrypted else "`chatbot publish` makes it"
    raise CheckpointError(f"no published model at {path}", hint=hint)


def write_container(model: Path, speaker: int, folder: Path, config: Config) -> None:
    """Write what an image is built from: the program, a model, the settings of replies.

    `speaker`: the speaker id of the bot.
    """
    with _new_folder(folder, "docker") as part:
        package, project = part / "package", part / "project"
        for path in (package, project / "artifacts", project / "configs"):
            path.mkdir(parents=True)
        write_wheel(package, _EXTRA)
        _write(package / "constraints.txt", "\n".join(required_versions(_EXTRA)) + "\n")
        shutil.copyfile(model, project / "artifacts" / model.name)
        _write(project / "configs/gen.yaml", _settings(config, speaker))


def _settings(config: Config, speaker: int) -> str:
    """Return gen.yaml: what differs from the defaults, without a name of the room."""
    sections: dict[str, Any] = {
        name: _differences(section)
        for name, section in (
            ("sampling", config.sampling),
            ("output", config.output),
            ("serve", config.serve),
        )
    }
    # Inside the container every address; compose.yaml says who reaches it from outside.
    sections["serve"] |= {"host": "0.0.0.0", "port": _PORT}  # noqa: S104
    sections["dialogue"] = {
        "history_turns": config.dialogue.history_turns,
        "speak_as": str(speaker),
    }
    written = {name: values for name, values in sections.items() if values}
    return yaml.safe_dump(written, allow_unicode=True, sort_keys=False)


def _differences(section: msgspec.Struct) -> dict[str, Any]:
    values, defaults = msgspec.to_builtins(section), msgspec.to_builtins(type(section)())
    return {name: value for name, value in values.items() if value != defaults[name]}


@contextmanager
def _new_folder(folder: Path, kind: str) -> Iterator[Path]:
    """Yield a new folder with the files that every deployment of a kind has."""
    require_new(folder)
    with whole_folder(folder) as part, explained(folder):
        for path in sorted((_TEMPLATES / kind).iterdir()):
            name = f".{path.name}" if path.name in _HIDDEN else path.name
            shutil.copyfile(path, part / name)
        yield part


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
