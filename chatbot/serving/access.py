"""Passwords, tokens and cookies -> who asks: the gate of the server.

A password is checked by `Gate` once and then known by its HMAC, whose key lives as long as this
process. Passwords that were refused are known as well: asking again costs and counts nothing.
"""

import asyncio
import hmac
import secrets
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chatbot.serving.api_errors import ApiError
from chatbot.serving.auth import Gate
from chatbot.serving.rate_limit import LoginRateLimiter

_N_SESSIONS, _N_REFUSED, _N_TRUSTED = 10_000, 4096, 1000
_LONGEST_PASSWORD = 1024
DEVICE_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True)
class ClientInfo:
    """Where a request comes from, and what it shows: a token, a session, a known device.

    `address`: who is slowed for wrong passwords. `is_secure`: whether it came through TLS.
    `is_forwarded`: whether a tunnel or proxy passed it on.
    """

    address: str
    is_secure: bool
    token: str | None = None
    session: str | None = None
    device: str | None = None
    is_forwarded: bool = False


@dataclass(frozen=True)
class Login:
    """What a login gives: a new session id, and a token by which this device is known again."""

    session: str
    device: str


@dataclass(frozen=True)
class _Session:
    owner: str
    ends_at: float


class Access:
    """Decides who may talk; without a gate everybody may."""

    def __init__(
        self,
        gate: Gate | None,
        session_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gate = gate
        self._session_seconds = session_seconds
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._rate_limiter = LoginRateLimiter(clock)
        self._checks = asyncio.Semaphore(1)  # an Argon2 check takes 64 MiB
        self._admitted: bytes | None = None
        self._refused: OrderedDict[bytes, None] = OrderedDict()
        self._trusted: OrderedDict[str, None] = OrderedDict()  # addresses that knew the password
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    @property
    def is_open(self) -> bool:
        """Whether no password is needed."""
        return self._gate is None

    async def identify(self, client: ClientInfo) -> str:
        """Return who asks: a name that two people never share, unless by one address and token.

        Raises ApiError: 403 for a tunnel to a server without a password, 401 without a
        valid password or session, 429 after too many wrong ones.
        """
        if self._gate is None:
            if client.is_forwarded:
                message = "without a password this server is for its own computer, not for a tunnel"
                raise ApiError(403, message, code="password_not_set")
            return client.address
        if client.token is not None:
            await self._check(client.token, client)
            return client.address
        session = self._sessions.get(client.session or "")
        if session is None or session.ends_at <= self._clock():
            raise ApiError(401, "log in first", code="login_needed")
        return session.owner

    async def log_in(self, password: str, client: ClientInfo) -> Login:
        """Check a password; return a new session, which replaces the client's old one."""
        await self._check(password, client)
        self.log_out(client)
        session = secrets.token_urlsafe(32)
        owner = f"session {secrets.token_hex(8)}"
        self._sessions[session] = _Session(owner, self._clock() + self._session_seconds)
        _shorten(self._sessions, _N_SESSIONS)
        return Login(session, client.device or self._new_device())

    def log_out(self, client: ClientInfo) -> None:
        """End the session of a client."""
        self._sessions.pop(client.session or "", None)

    async def _check(self, password: str, client: ClientInfo) -> None:
        """Raise ApiError unless a password is correct."""
        if self._gate is None:
            return
        mark = self._mark(password)
        if mark in self._refused:
            raise _wrong_password()
        # Guesses of a device that was here before, or of others at its address, are told apart.
        address = self._device_of(client) or client.address
        if (
            mark == self._admitted
            and address in self._trusted
            and not self._rate_limiter.is_guessing(address)
        ):
            return
        await self._rate_limiter.turn(address)
        if not await self._is_correct(password, mark):
            self._refused[mark] = None
            _shorten(self._refused, _N_REFUSED)
            raise _wrong_password()
        self._admitted = mark
        self._rate_limiter.succeed(address)
        self._trusted[address] = None
        _shorten(self._trusted, _N_TRUSTED)

    async def _is_correct(self, password: str, mark: bytes) -> bool:
        if self._admitted is not None:
            return hmac.compare_digest(mark, self._admitted)
        if self._gate is None or len(password) > _LONGEST_PASSWORD:
            return False
        async with self._checks:
            return await asyncio.to_thread(self._gate.admits, password)

    def _mark(self, text: str) -> bytes:
        """Return the HMAC of a text; decomposed Hangul is the same password."""
        content = unicodedata.normalize("NFC", text[: _LONGEST_PASSWORD + 1])
        return hmac.digest(self._key, content.encode("utf-8", "surrogatepass"), "sha256")

    def _new_device(self) -> str:
        name = secrets.token_hex(8)
        return f"{name}.{self._mark(f'device {name}').hex()}"

    def _device_of(self, client: ClientInfo) -> str | None:
        """Return the name of a device that logged in before."""
        name, _, mark = (client.device or "").partition(".")
        is_known = hmac.compare_digest(self._mark(f"device {name}").hex().encode(), mark.encode())
        return f"device {name}" if is_known else None


def _wrong_password() -> ApiError:
    return ApiError(401, "wrong password", code="wrong_password")


def _shorten(kept: OrderedDict[Any, Any], n: int) -> None:
    """Drop the oldest entries beyond `n`."""
    while len(kept) > n:
        kept.popitem(last=False)
