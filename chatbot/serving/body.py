"""The body of a request, as it arrives: not too much of it, and not too slowly."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from chatbot.serving.api_errors import ApiError
from chatbot.serving.http_responses import ClientDisconnectedError
from chatbot.settings.schema import ServeConfig


async def read_body(request: Request, limits: ServeConfig, max_bytes: int) -> bytes:
    """Return a body; raises ApiError if it is larger (413) or takes longer (408) than allowed."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(limits.send_seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_bytes:
                    raise _too_large(max_bytes)
    except TimeoutError:
        message = f"the request did not arrive within {limits.send_seconds:g} seconds"
        raise ApiError(408, message, code="too_slow") from None
    except ClientDisconnect:
        raise ClientDisconnectedError from None
    return bytes(body)


def _too_large(max_bytes: int) -> ApiError:
    return ApiError(413, f"the request has more than {max_bytes} bytes", code="too_large")
