"""The application on a socket: connections that are slow, idle or too many, and an orderly end."""

import asyncio
import errno
import itertools
import socket
from types import FrameType
from typing import Protocol, cast

import h11
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from chatbot.errors import ConfigError
from chatbot.settings.schema import ServeConfig

_GRACE_SECONDS = 5.0  # for replies that run when the server is stopped
_KEEP_ALIVE_SECONDS = 15
_HEADER_BYTES = 32 * 1024
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\n"
    b"connection: close\r\n\r\n"
)


class _Settings(uvicorn.Config):
    """uvicorn's settings, with the limits of connections."""

    limits: ServeConfig


class TimeoutProtocol(H11Protocol):
    """Closes connections that send or read too slowly; a full server closes the slowest first."""

    _numbers = itertools.count()
    _deadline: asyncio.TimerHandle | None = None
    _write_deadline: asyncio.TimerHandle | None = None

    @property
    def _limits(self) -> ServeConfig:
        return cast(_Settings, self.config).limits

    @property
    def is_receiving(self) -> bool:
        """Whether no complete request is being answered."""
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection if there is a place, or if one that waits can be closed."""
        super().connection_made(transport)
        self.number = next(self._numbers)  # in order of arrival
        if self._has_place():
            self._watch()
        else:
            transport.write(_FULL)
            transport.close()

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request; all of it must arrive in time."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request; the unread rest of this one must arrive in time."""
        super().on_response_complete()
        self._watch_rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        self._clear_deadline()
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for a client that does not read, but not for long."""
        super().pause_writing()
        seconds = self._limits.send_seconds
        self._write_deadline = self.loop.call_later(seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on writing."""
        if self._write_deadline is not None:
            self._write_deadline.cancel()
            self._write_deadline = None
        super().resume_writing()

    def _watch(self) -> None:
        if not self.is_receiving:
            self._clear_deadline()
        elif self._deadline is None:
            # A second more than the application, which answers that the body is late.
            seconds = self._limits.send_seconds + 1
            self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _watch_rest(self) -> None:
        rest, _ = self.conn.trailing_data
        if rest or self.conn.their_state is h11.SEND_BODY:
            self._watch()
        else:
            self._clear_deadline()

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _has_place(self) -> bool:
        """Whether this connection may stay; the oldest one without a request makes place."""
        everybody = [c for c in self.connections if isinstance(c, TimeoutProtocol)]
        host = self.client[0] if self.client else ""
        neighbours = [c for c in everybody if c.client and c.client[0] == host]
        most = self._limits.max_connections
        if len(neighbours) > most // 2:
            crowd = neighbours
        elif len(everybody) > most:
            crowd = everybody
        else:
            return True
        waiting = [c for c in crowd if c is not self and c.is_receiving]
        if not waiting:
            return False
        oldest = min(waiting, key=lambda connection: connection.number)
        self.connections.discard(oldest)
        oldest.transport.abort()
        return True


class Work(Protocol):
    """What a server does besides answering at once."""

    async def close(self, patience_seconds: float) -> None:
        """Begin nothing new, and end what runs when the patience is over."""


class Server(uvicorn.Server):
    """Ends in order: running replies get some seconds, then they end with an error event."""

    def __init__(self, config: uvicorn.Config, work: Work) -> None:
        super().__init__(config)
        self._work = work

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End in order at a first signal, at once at a second."""
        del sig, frame
        self.force_exit, self.should_exit = self.should_exit, True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, end what runs, close."""
        closing = asyncio.create_task(self._work.close(_GRACE_SECONDS))
        await super().shutdown(sockets)
        await closing


def create_server(app: Starlette, work: Work, limits: ServeConfig) -> Server:
    """Return a server that logs no request."""
    settings = _Settings(
        app,
        http=TimeoutProtocol,
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(_GRACE_SECONDS) + 3,
        h11_max_incomplete_event_size=_HEADER_BYTES,
    )
    settings.limits = limits
    return Server(settings, work)


def bind(limits: ServeConfig) -> socket.socket:
    """Return a socket that listens at the configured address; raises ConfigError."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            limits.host, limits.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(
            (address[0], address[1]), family=socket.AddressFamily(family), backlog=512
        )
    except socket.gaierror as error:
        raise _no_address(limits) from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(
                f"port {limits.port} is in use",
                hint=f"another `chatbot serve`? stop it, or add --set serve.port={limits.port + 1}",
            ) from error
        if error.errno == errno.EACCES:
            raise ConfigError(
                f"port {limits.port} needs an administrator", hint="add --set serve.port=8000"
            ) from error
        raise _no_address(limits) from error


def _no_address(limits: ServeConfig) -> ConfigError:
    return ConfigError(
        f"this computer has no address `serve.host` {limits.host}",
        hint="--set serve.host=127.0.0.1 is this computer only, serve.host=0.0.0.0 the network",
    )
