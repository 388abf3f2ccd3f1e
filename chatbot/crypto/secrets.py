"""Secrets of a project: from the environment, a file that it names, or .env; not of configs/."""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from chatbot.crypto.age_keys import X25519Identity, identity_of, new_identity
from chatbot.errors import AccessError, CryptoError
from chatbot.settings.schema import Config
from chatbot.storage.files import write_bytes


def read_secret(root: Path, name: str, environment: Mapping[str, str] | None = None) -> str | None:
    """Return a secret by the name of its variable; None if it is empty or missing.

    As containers have it, the variable NAME_FILE may hold the path of a file with the secret.
    """
    environment = os.environ if environment is None else environment
    return environment.get(name) or _filed(name, environment) or _stored(root).get(name) or None


def keep_secret(root: Path, name: str, value: str) -> None:
    """Add a secret to .env, and make the file readable by its owner only."""
    path = root / ".env"
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    if before and not before.endswith("\n"):
        before += "\n"
    write_bytes(path, f"{before}{name}={value}\n".encode(), mode=0o600)


def project_key(config: Config) -> X25519Identity:
    """Return the key of pseudonyms and speaker hashes; draw it and save it in .env the first time.

    Raises CryptoError if the saved value is not a key.
    """
    root, name = Path(config.root), config.security.mask_key_env
    key = read_secret(root, name)
    if key is None:
        key = new_identity().secret_text()
        keep_secret(root, name, key)
    identity = identity_of(key)
    if not isinstance(identity, X25519Identity):
        raise CryptoError(
            f"{name} in .env is not a key", hint="delete that line: a new one is drawn"
        )
    return identity


def speaker_key(identity: X25519Identity) -> bytes:
    """Derive the key of speaker hashes from the project's key of pseudonyms."""
    return identity.derived(b"chatbot speakers")


def read_speaker_key(root: Path, name: str) -> bytes | None:
    """Return the key of speaker hashes, if the variable `name` has a project key; else None."""
    text = read_secret(root, name)
    identity = identity_of(text) if text else None
    return speaker_key(identity) if isinstance(identity, X25519Identity) else None


def _filed(name: str, environment: Mapping[str, str]) -> str | None:
    path = environment.get(f"{name}_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise AccessError(
            f"the file that {name}_FILE names cannot be read",
            hint="check its path, and that the user of the program may read it",
        ) from error


def _stored(root: Path) -> dict[str, str | None]:
    path = root / ".env"
    try:
        return dotenv_values(path, interpolate=False) if path.is_file() else {}
    except UnicodeDecodeError as error:
        raise AccessError(".env is not UTF-8", hint="save it as UTF-8") from error
