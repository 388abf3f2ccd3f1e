"""The address of a late answer -> checked, and the answer posted to it: once, to Kakao alone.

The address holds a token, so it stands in no log and no error.
"""

import http.client
import ssl
import time
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

from chatbot.serving.kakao.payload import CallbackResult
from chatbot.serving.outgoing import read_within

_DOMAIN, _PORT = "kakao.com", 443
_LONGEST = 2048
TIMEOUT_SECONDS = 5.0
_MOST_ANSWER_BYTES = 64 * 1024
# success: shown to the user. expired: the token was used or is too old. refused: the bot may not
# answer late (its settings, or its quota). failed: no answer that could be read.
Outcome: TypeAlias = Literal["success", "expired", "refused", "failed"]


@dataclass(frozen=True)
class CallbackAddress:
    """Where a late answer goes; its repr holds no token."""

    host: str
    target: str = field(repr=False)


def callback_address(url: str | None) -> CallbackAddress | None:
    """Return a checked address; None if it is not exactly one of Kakao over HTTPS.

    >>> callback_address("https://bot-api.kakao.com/v1/bots/b/callback/token").host
    'bot-api.kakao.com'
    >>> callback_address("https://kakao.com.example.org/") is None
    True
    """
    if not url or len(url) > _LONGEST or not all("!" <= char <= "~" for char in url):
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    is_kakao = host == _DOMAIN or host.endswith(f".{_DOMAIN}")
    is_plain = parts.netloc.lower() in (host, f"{host}:{_PORT}") and not parts.fragment
    has_name = host.replace("-", "").replace(".", "").isalnum() and ".." not in host
    if parts.scheme != "https" or port not in (None, _PORT) or not (is_kakao and is_plain):
        return None
    if not has_name or host.startswith((".", "-")) or "\\" in url:
        return None
    path = parts.path or "/"
    return CallbackAddress(host, f"{path}?{parts.query}" if parts.query else path)


class CallbackPoster:
    """Posts answers over verified TLS; follows no redirect, uses no proxy and never tries again."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context or ssl.create_default_context()

    def post(self, address: CallbackAddress, answer: bytes) -> Outcome:
        """Post an answer, in the calling thread; return what became of it."""
        connection = http.client.HTTPSConnection(
            address.host, _PORT, timeout=TIMEOUT_SECONDS, context=self._context
        )
        try:
            headers = {"content-type": "application/json"}
            connection.request("POST", address.target, answer, headers)
            response = connection.getresponse()
            deadline = time.monotonic() + TIMEOUT_SECONDS
            content = read_within(response, _MOST_ANSWER_BYTES, deadline)
            return _outcome_of(response.status, content)
        except (OSError, http.client.HTTPException, ValueError):
            return "failed"
        finally:
            connection.close()


def _outcome_of(status: int, content: bytes) -> Outcome:
    if 300 <= status < 400:
        return "failed"
    try:
        result = msgspec.json.decode(content, type=CallbackResult)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return "failed"
    if result.status == "SUCCESS":
        return "success"
    return "expired" if "callback token" in result.message.lower() else "refused"
