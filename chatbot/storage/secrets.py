"""Secrets of a project: what the environment says, else what stands in .env. Never in configs/."""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from chatbot.errors import AccessError
from chatbot.storage.files import write_bytes


def read_secret(root: Path, name: str, environment: Mapping[str, str] | None = None) -> str | None:
    """Return a secret by the name of its variable; none if it is empty or missing."""
    environment = os.environ if environment is None else environment
    return environment.get(name) or _stored(root).get(name) or None


def keep_secret(root: Path, name: str, value: str) -> None:
    """Add a secret to .env, which only its owner may read then."""
    path = root / ".env"
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    if before and not before.endswith("\n"):
        before += "\n"
    write_bytes(path, f"{before}{name}={value}\n".encode(), mode=0o600)


def _stored(root: Path) -> dict[str, str | None]:
    path = root / ".env"
    try:
        return dotenv_values(path, interpolate=False) if path.is_file() else {}
    except UnicodeDecodeError as error:
        raise AccessError(".env is not UTF-8", hint="save it as UTF-8") from error
