"""The files of a new project, with comments, and of one that is invented."""

import os
import secrets
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from chatbot.settings.load import load_config
from chatbot.settings.schema import Config, SecurityConfig
from chatbot.storage.files import write_bytes


def write_configs(root: Path) -> Iterator[Path]:
    """Write the missing files of configs/; yield their paths."""
    configs = files("chatbot.settings") / "configs"
    for source in sorted(configs.iterdir(), key=lambda file: file.name):
        target = root / "configs" / source.name
        if not target.exists():
            write_bytes(target, source.read_bytes())
            yield target


def write_setting(path: Path, default: str, line: str) -> None:
    """Replace a line of a config file that holds a default; keep its indent and its comment."""
    text = path.read_text(encoding="utf-8")
    write_bytes(path, text.replace(f" {default}", f" {line}", 1).encode())


def make_invented_project(root: Path, *secret_lines: str) -> Config:
    """Write the default settings of an invented project, and a .env with a drawn password."""
    list(write_configs(root))
    security = SecurityConfig()
    if not (root / ".env").exists():
        lines = [f"{security.password_env}={secrets.token_urlsafe(9)}", *secret_lines]
        write_bytes(root / ".env", "".join(f"{line}\n" for line in lines).encode())
    for name in (security.password_env, security.password_hash_env):
        os.environ.pop(name, None)  # secrets of the user's own project
    return load_config(root)
