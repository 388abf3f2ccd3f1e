"""The answer of another server -> its bytes, within a size and a time."""

import time
from http.client import HTTPResponse

_PIECE_BYTES = 16 * 1024


def read_within(response: HTTPResponse, most_bytes: int, deadline: float) -> bytes:
    """Read to the end; `deadline` is one of `time.monotonic`. Raises ValueError beyond either."""
    content = b""
    while piece := response.read1(_PIECE_BYTES):
        content += piece
        if len(content) > most_bytes or time.monotonic() > deadline:
            raise ValueError("too much, or too slow")
    return content
