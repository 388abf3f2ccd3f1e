"""HTTP <-> access: who a request comes from, log in, log out, and routes behind the password."""

import contextlib
from urllib.parse import unquote

import msgspec
from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from chatbot.serving.access import DEVICE_SECONDS, Access, ClientInfo
from chatbot.serving.address import client_address, is_loopback
from chatbot.serving.api_errors import ApiError
from chatbot.serving.body import read_body
from chatbot.serving.requests import decoded
from chatbot.settings.schema import ServeConfig

_BEARER = "bearer"
_FORWARDED = ("x-forwarded-", "forwarded", "cf-connecting-ip", "via")
_LOGIN_BYTES = 8192


class LoginRequest(msgspec.Struct, frozen=True):
    """The body of POST /login."""

    password: str


class Authenticator:
    """Reads tokens and cookies of requests. Servers on other ports have cookies of other names."""

    def __init__(self, access: Access, limits: ServeConfig, port: int) -> None:
        self.access = access
        self._limits = limits
        self._session_cookie = f"chatbot_session_{port}"
        self._device_cookie = f"chatbot_device_{port}"

    def client(self, scope: Scope) -> ClientInfo:
        """Return where a request comes from, and what it shows."""
        headers = Headers(scope=scope)
        peer = (scope.get("client") or ("", 0))[0]
        cookies = cookie_parser(headers.get("cookie", ""))
        scheme, _, token = headers.get("authorization", "").partition(" ")
        is_forwarded = is_loopback(peer) and headers.get("x-forwarded-proto") == "https"
        return ClientInfo(
            address=client_address(peer, headers),
            is_secure=scope.get("scheme") == "https" or is_forwarded,
            token=spelled_token(token.strip()) if scheme.lower() == _BEARER else None,
            session=cookies.get(self._session_cookie),
            device=cookies.get(self._device_cookie),
            is_forwarded=any(name.startswith(_FORWARDED) for name in headers),
        )

    async def log_in(self, request: Request) -> Response:
        """Answer POST /login."""
        body = decoded(await read_body(request, self._limits, _LOGIN_BYTES), LoginRequest)
        client = self.client(request.scope)
        admission = await self.access.log_in(body.password, client)
        response = Response(status_code=204)
        if not self.access.is_open:
            seconds = int(self._limits.session_hours * 3600)
            self._set_cookie(response, self._session_cookie, admission.session, seconds, client)
            self._set_cookie(
                response, self._device_cookie, admission.device, DEVICE_SECONDS, client
            )
        return response

    async def log_out(self, request: Request) -> Response:
        """Answer POST /logout."""
        client = self.client(request.scope)
        self.access.log_out(client)
        response = Response(status_code=204)
        self._set_cookie(response, self._session_cookie, "", 0, client)
        return response

    def _set_cookie(
        self, response: Response, name: str, value: str, seconds: int, client: ClientInfo
    ) -> None:
        response.set_cookie(
            name,
            value,
            max_age=seconds,
            path="/",
            secure=client.is_secure,
            httponly=True,
            samesite="strict",
        )


def spelled_token(token: str) -> str:
    """Return a password from a header, which holds bytes: of UTF-8, or spelled as in an address.

    >>> spelled_token("열".encode().decode("latin-1")), spelled_token("%EC%97%B4")
    ('열', '열')
    >>> spelled_token("100%25")
    '100%25'
    """
    with contextlib.suppress(UnicodeError):
        token = token.encode("latin-1").decode()
    with contextlib.suppress(UnicodeError):
        plain = unquote(token, errors="strict")
        return token if plain.isascii() else plain
    return token


class AuthenticationMiddleware:
    """Lets requests pass whose token or session is valid; the state gets their `owner`."""

    def __init__(self, app: ASGIApp, authenticator: Authenticator) -> None:
        self._app = app
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; raises ApiError."""
        if scope["type"] != "http":
            raise ApiError(404, "there is nothing here", code="not_found")
        owner = await self._authenticator.access.identify(self._authenticator.client(scope))
        scope.setdefault("state", {})["owner"] = owner
        await self._app(scope, receive, send)
