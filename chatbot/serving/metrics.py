"""What the server did, for Prometheus: counts and seconds, no text, no address, no model id."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatbot.serving.conversations import End

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})


class Metrics:
    """The counters of one server."""

    def __init__(self, n_slots: int) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "chatbot_requests",
            "Requests by path, method and status.",
            ("path", "method", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "chatbot_request_seconds",
            "Seconds from a request to the end of its answer.",
            ("path",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._first = Histogram(
            "chatbot_first_token_seconds",
            "Seconds from a request to the first piece of its reply.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._tokens = Counter(
            "chatbot_tokens", "Tokens read and written.", ("kind",), registry=self._registry
        )
        self._ends = Counter(
            "chatbot_replies", "Replies by why they ended.", ("reason",), registry=self._registry
        )
        self._callbacks = Counter(
            "chatbot_kakao_callbacks",
            "Late answers posted to Kakao by what became of them.",
            ("outcome",),
            registry=self._registry,
        )
        self._running = self._gauge("chatbot_conversations_running", "Conversations answered now.")
        self._waiting = self._gauge("chatbot_conversations_waiting", "Conversations that wait.")
        self._gauge("chatbot_slots", "Conversations that can be answered at once.").set(n_slots)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(name, meaning, registry=self._registry)

    def changed(self, n_running: int, n_waiting: int) -> None:
        """Receive how many conversations run and wait."""
        self._running.set(n_running)
        self._waiting.set(n_waiting)

    def answered(self, end: End, first_seconds: float) -> None:
        """Receive the end of a reply."""
        self._first.observe(first_seconds)
        self._tokens.labels("read").inc(end.n_prompt)
        self._tokens.labels("written").inc(end.n_reply)
        self._ends.labels(end.reason).inc()

    def called_back(self, outcome: str) -> None:
        """Receive what became of a late answer to Kakao."""
        self._callbacks.labels(outcome).inc()

    def requested(self, place: tuple[str, str], status: int, seconds: float) -> None:
        """Receive a request that was answered; `place`: path and method."""
        self._requests.labels(*place, str(status)).inc()
        self._seconds.labels(place[0]).observe(seconds)

    def text(self) -> bytes:
        """Return all counters in the text format of Prometheus."""
        return generate_latest(self._registry)


class MetricsMiddleware:
    """Counts requests by path; paths that nothing answers are counted together."""

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: frozenset[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = 499, time.monotonic()  # 499: the client left before an answer

        async def send_counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_counted)
        finally:
            path = scope["path"] if scope["path"] in self._paths else "other"
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requested((path, method), status, time.monotonic() - began)
