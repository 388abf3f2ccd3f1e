"""Structs, refusals and streams -> HTTP answers; a client that leaves ends what it asked for."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from typing import Any, TypeVar

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from chatbot.serving.api_errors import ApiError, stopping

_Result = TypeVar("_Result")
OLLAMA = "/api/"


class ErrorDetail(msgspec.Struct, frozen=True):
    """What is wrong, for people and for programs."""

    message: str
    type: str
    param: str | None
    code: str


class ErrorBody(msgspec.Struct, frozen=True):
    """An error as clients of OpenAI know it."""

    error: ErrorDetail


class OllamaError(msgspec.Struct, frozen=True):
    """An error as clients of Ollama know it."""

    error: str


class ClientDisconnectedError(Exception):
    """Whoever asked has closed the connection."""


def error_body(api_error: ApiError) -> ErrorBody:
    """Return an error in the form of OpenAI."""
    detail = ErrorDetail(str(api_error), api_error.kind, api_error.param, api_error.code)
    return ErrorBody(detail)


def error_response(path: str, api_error: ApiError) -> Response:
    """Return the answer to a refused request, in the form of the interface a path belongs to."""
    is_ollama = path.startswith(OLLAMA)
    body = OllamaError(str(api_error)) if is_ollama else error_body(api_error)
    return json_response(body, api_error.status, api_error.headers)


def json_response(
    body: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a struct as JSON."""
    content = msgspec.json.encode(body)
    return Response(content, status, dict(headers or {}), media_type="application/json")


def event(body: Any, name: str = "") -> bytes:
    """Return a struct as a server-sent event."""
    head = f"event: {name}\n" if name else ""
    return head.encode() + b"data: " + msgspec.json.encode(body) + b"\n\n"


def comment(text: str) -> bytes:
    """Return a server-sent comment, which clients skip."""
    return f": {text}\n\n".encode()


async def while_connected(receive: Receive, work: Coroutine[Any, Any, _Result]) -> _Result:
    """Return the result of some work; raises ClientDisconnectedError if the client leaves."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_until_gone(receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnectedError
        return task.result()
    finally:
        for pending in (task, gone):
            pending.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Stream(Response):
    """Sends pieces as they come. What is refused before the first one is an ordinary answer.

    Later an error is one last piece, made by `error_piece`; the client sees no regular end.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        error_piece: Callable[[ApiError], bytes],
        media_type: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._pieces = pieces
        self._error_piece = error_piece
        self.media_type = media_type
        self.status_code = 200
        self.background = None
        self.init_headers({**(headers or {}), "x-accel-buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all pieces; stop as soon as the client is gone."""
        try:
            async with contextlib.aclosing(self._pieces):
                await while_connected(receive, self._send_all(scope, receive, send))
        except ClientDisconnectedError:
            return

    async def _send_all(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        try:
            piece = await anext(self._pieces, b"")
        except ApiError as api_error:
            await error_response(scope["path"], api_error)(scope, _never, send)
            return
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        try:
            await _send_piece(send, piece)
            async for piece in self._pieces:
                await _send_piece(send, piece)
        except ApiError as api_error:
            await _send_piece(send, self._error_piece(api_error))
        except asyncio.CancelledError:
            await _send_piece(send, self._error_piece(stopping()))
            raise
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_piece(send: Send, piece: bytes) -> None:
    await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _never() -> Any:
    await asyncio.Event().wait()


async def closing_after(
    pieces: AsyncGenerator[bytes, None], events: AsyncGenerator[Any, None]
) -> AsyncGenerator[bytes, None]:
    """Pass pieces on; however they end, close the events that they are made of."""
    async with contextlib.aclosing(events), contextlib.aclosing(pieces):
        async for piece in pieces:
            yield piece
