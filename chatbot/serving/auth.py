"""The only place that decides whether somebody may talk to the bot."""

import hmac
import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from chatbot.crypto.secrets import read_secret
from chatbot.errors import AccessError
from chatbot.settings.schema import Config

# RFC 9106, second recommended choice (64 MiB), for machines that also hold a model.
_ITERATIONS, _LANES, _MEMORY_KIB = 3, 4, 64 * 1024
_PHC = re.compile(r"\$argon2id\$v=19\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$")
_BAD_HASH = "the password hash in .env is not valid"
_HINT = "`chatbot password` makes one; put the line it prints into .env"


class Gate:
    """Checks passwords against the project's secret. Its repr is empty."""

    def __init__(self, password: str | None, password_hash: str | None) -> None:
        self._password = password
        self._hash = password_hash

    def __repr__(self) -> str:
        """Never show a secret."""
        return "Gate()"

    def admits(self, password: str) -> bool:
        """Whether a password is correct, in a time that does not depend on it."""
        if self._hash is not None:
            if not _PHC.match(self._hash):
                raise AccessError(_BAD_HASH, hint=_HINT)
            try:
                Argon2id.verify_phc_encoded(_bytes(password), self._hash)
            except InvalidKey:
                return False
            except ValueError as error:
                raise AccessError(_BAD_HASH, hint=_HINT) from error
            return True
        return self._password is not None and hmac.compare_digest(
            _bytes(password), _bytes(self._password)
        )


def hash_password(password: str) -> str:
    """Return an Argon2id hash in the PHC format that CHATBOT_PASSWORD_HASH takes."""
    if not password.strip():
        raise AccessError("the password is empty", hint="type at least one word")
    kdf = Argon2id(
        salt=secrets.token_bytes(16),
        length=32,
        iterations=_ITERATIONS,
        lanes=_LANES,
        memory_cost=_MEMORY_KIB,
    )
    return kdf.derive_phc_encoded(_bytes(password))


def _bytes(password: str) -> bytes:
    """Encode a password as NFC, because some machines type decomposed Hangul."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def load_gate(config: Config, environment: Mapping[str, str] | None = None) -> Gate:
    """Read the secret from the environment and .env; raises AccessError if there is none."""
    password, password_hash = secrets_of(config, environment)
    if password_hash is None and not password:
        raise AccessError(
            f"no password is set: {config.security.password_env} is not in .env",
            hint=_HINT,
        )
    return Gate(password, password_hash)


def has_password(config: Config, environment: Mapping[str, str] | None = None) -> bool:
    """Whether a password, or the hash of one, is set."""
    return any(secrets_of(config, environment))


def require_access(
    config: Config, ask: Callable[[], str | None], environment: Mapping[str, str] | None = None
) -> None:
    """Check the password of the person at this terminal; raises AccessError.

    A plain password in .env needs no check, because this person can read it. If there is only a
    hash, the password comes from the environment or from `ask`, which returns None without a user.
    """
    if not config.security.require_password:
        return
    gate = load_gate(config, environment)
    password, _ = secrets_of(config, environment)
    typed = os.environ if environment is None else environment
    typed_password = password or typed.get(config.security.password_env) or ask()
    if typed_password is None:
        raise AccessError(
            "a password is needed and nobody is at the terminal",
            hint=f"set {config.security.password_env} for this command",
        )
    if not gate.admits(typed_password):
        raise AccessError("wrong password", hint="try again")


def secrets_of(
    config: Config, environment: Mapping[str, str] | None = None
) -> tuple[str | None, str | None]:
    """Return (password, hash) from the project's .env, else from the environment."""
    root, names = Path(config.root), config.security
    for source in ({}, environment):
        password = read_secret(root, names.password_env, source)
        password_hash = read_secret(root, names.password_hash_env, source)
        if password or password_hash:
            break
    return password, password_hash
