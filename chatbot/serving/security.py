"""What every request must satisfy before anything reads it: its Host, its Origin; and headers.

A page of another site can send requests to a server on this computer. It cannot choose their Host
(unless its own name is made to point here: DNS rebinding), nor hide its Origin.
"""

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatbot.serving.api_errors import ApiError
from chatbot.serving.http_responses import error_response

_LOCAL_NAMES = frozenset({"localhost"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES = frozenset({"same-origin", "none"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}


class OriginMiddleware:
    """Refuses requests of other sites' pages, and adds the headers that protect our own."""

    def __init__(self, app: ASGIApp, host_names: Iterable[str]) -> None:
        self._app = app
        self._names = _LOCAL_NAMES | {name.lower().rstrip(".") for name in host_names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with an error."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        api_error = self.error_of(scope["method"], scope["path"], Headers(scope=scope))
        app = self._app if api_error is None else error_response(scope["path"], api_error)
        await app(scope, receive, send_protected)

    def error_of(self, method: str, path: str, headers: Headers) -> ApiError | None:
        """Return why a request is refused; None if it may pass."""
        if len(headers.getlist("host")) != 1 or not self._is_own(headers["host"]):
            return ApiError(
                421,
                "this server does not answer to that name; "
                "a name of your own goes into the setting serve.allowed_hosts",
                code="unknown_host",
            )
        is_foreign = headers.get("sec-fetch-site", "none") not in _OWN_SITES
        if is_foreign and (method not in _SAFE_METHODS or not _is_navigation(path, headers)):
            return _cross_origin()
        origins = headers.getlist("origin")
        own = {f"{scheme}://{headers['host'].lower()}" for scheme in ("http", "https")}
        if method not in _SAFE_METHODS and any(origin.lower() not in own for origin in origins):
            return _cross_origin()
        return None

    def _is_own(self, host: str) -> bool:
        """Whether a Host header names this server: by a known name, or any IP address.

        DNS rebinding needs a name; an IP address in the header is harmless.
        """
        try:
            parts = urlsplit(f"//{host}")
            name, _ = parts.hostname or "", parts.port
        except ValueError:
            return False
        if parts.netloc != host or "@" in host or parts.path or parts.query or parts.fragment:
            return False
        if name.rstrip(".") in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _is_navigation(path: str, headers: Headers) -> bool:
    """Whether somebody follows a link to the page."""
    return path == "/" and headers.get("sec-fetch-mode", "navigate") == "navigate"


def _cross_origin() -> ApiError:
    return ApiError(403, "requests of other sites are refused", code="cross_origin")
