"""The one place where skills use the network: an address of a service -> its JSON, or an error."""

import queue
import threading
import time
import urllib.error
import urllib.request
from collections import OrderedDict
from collections.abc import Callable, Mapping
from email.message import Message
from typing import IO, Any
from urllib.parse import urlencode

import msgspec

from chatbot.serving.outgoing import read_within

TIMEOUT_SECONDS = 3.0
_MOST_BYTES = 256 * 1024
_CACHE_SECONDS, _N_CACHED = 300.0, 256


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A service that sends elsewhere has failed: nothing is asked of another host."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> None:
        """Follow none."""
        del req, fp, code, msg, headers, newurl


class JsonFetcher:
    """Reads JSON within a time, and remembers it for some minutes; any thread may call it.

    Nothing is sent but the parameters. Errors never contain the address: it may hold a key.
    """

    def __init__(
        self,
        timeout_seconds: float = TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._opener = urllib.request.build_opener(_NoRedirects)
        self._cache: OrderedDict[str, tuple[float, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, url: str, parameters: Mapping[str, str]) -> Any:
        """Return the decoded answer; raises OSError or ValueError if there is none in time."""
        address = f"{url}?{urlencode(parameters)}"
        with self._lock:
            kept_at, value = self._cache.get(address, (-_CACHE_SECONDS, None))
        if self._clock() - kept_at < _CACHE_SECONDS:
            return value
        value = _decoded(self._read_in_time(address))
        with self._lock:
            self._cache[address] = (self._clock(), value)
            while len(self._cache) > _N_CACHED:
                self._cache.popitem(last=False)
        return value

    def _read_in_time(self, address: str) -> bytes:
        """Read in a thread of its own: a name that is not resolved has no time-out by itself."""
        results: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()

        def work() -> None:
            try:
                results.put(self._read(address))
            except (OSError, ValueError) as error:
                results.put(error)

        threading.Thread(target=work, name="skill", daemon=True).start()
        try:
            result = results.get(timeout=self._timeout_seconds)
        except queue.Empty:
            raise TimeoutError("the service did not answer in time") from None
        if isinstance(result, Exception):
            raise OSError(f"the service failed: {type(result).__name__}")
        return result

    def _read(self, address: str) -> bytes:
        deadline = time.monotonic() + self._timeout_seconds
        request = urllib.request.Request(address, headers={"accept": "application/json"})  # noqa: S310 constants of skills
        with self._opener.open(request, timeout=self._timeout_seconds) as response:
            return read_within(response, _MOST_BYTES, deadline)


def _decoded(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise ValueError("the service answered something that is not JSON") from None
