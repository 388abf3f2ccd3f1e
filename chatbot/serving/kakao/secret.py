"""The secret by which Kakao's requests are known: it comes from .env, never from a config."""

from pathlib import Path

from chatbot.crypto.secrets import read_secret
from chatbot.crypto.strength import LEAST_BITS, strength_bits
from chatbot.errors import AccessError
from chatbot.settings.schema import Config

_HINT = "`chatbot keygen --passphrase` draws words; put them behind {name}= in .env"


def load_kakao_secret(config: Config) -> bytes | None:
    """Return the secret; None if the skill server is off.

    Raises AccessError if it is missing, can be guessed, or does not fit into a header.
    """
    kakao = config.serve.kakao
    if not kakao.enabled:
        return None
    secret = read_secret(Path(config.root), kakao.secret_env)
    hint = _HINT.format(name=kakao.secret_env)
    if not secret:
        raise AccessError(f"`serve.kakao.enabled` needs {kakao.secret_env} in .env", hint=hint)
    if not all("!" <= char <= "~" for char in secret):
        raise AccessError(f"{kakao.secret_env} has signs that no header can hold", hint=hint)
    if strength_bits(secret) < LEAST_BITS:
        raise AccessError(f"{kakao.secret_env} can be guessed", hint=hint)
    return secret.encode()
