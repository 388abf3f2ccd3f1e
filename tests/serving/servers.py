"""Servers for tests: real sockets and a real uvicorn, with the bot or with one that says pieces."""

import contextlib
import threading
import time
from dataclasses import dataclass, field

import httpx
from msgspec.structs import replace

from chatbot.inference.engine import Engine
from chatbot.inference.loading import find_model, load_model
from chatbot.serving.app import Service, create_app
from chatbot.serving.auth import Gate
from chatbot.serving.conversations import Conversations, End, Text
from chatbot.serving.metrics import Metrics
from chatbot.serving.ollama_models import ModelFacts
from chatbot.serving.requests import Persona, Personas, Rules
from chatbot.serving.server import bind, create_server
from chatbot.serving.service import authenticator_of, create_service
from chatbot.settings.schema import SamplingConfig, ServeConfig

PASSWORD = "열려라 참깨"  # noqa: S105 of the tests
BEARER = {"Authorization": f"Bearer {PASSWORD}".encode()}
LIMITS = ServeConfig(port=0, max_seconds=20.0, send_seconds=5.0)
CAST = Personas(
    (Persona("main", 0, "도윤"), Persona("main-1", 1, "하늘"), Persona("main-2", 2)),
    n_speakers=3,
    created=1_700_000_000,
    names={"도윤": 0, "하늘": 1},
)
FACTS = ModelFacts("gpt", 4_300_000, 8_600_000, 256, "0" * 64)


@dataclass
class Sayer:
    """An replier that says pieces, slowly if wanted, and remembers what it was asked."""

    pieces: tuple[str, ...] = ("안녕", "!\n", "뭐해?")
    reason: str = "stop"
    pause_seconds: float = 0.0
    fault: Exception | None = None
    questions: list = field(default_factory=list)
    cancelled: list = field(default_factory=list)

    def answer(self, question, cancelled, on_read):
        self.questions.append(question)
        on_read(0, 512)
        for piece in self.pieces:
            if cancelled.wait(self.pause_seconds):
                self.cancelled.append(question)
                return
            yield Text(piece)
        if self.fault is not None:
            raise self.fault
        yield End(self.reason, 7, len(self.pieces))


def service_of(replier, gate=None, n_slots=4, **limits) -> Service:
    """A service around an replier, with all of its limits."""
    rules = Rules(CAST, SamplingConfig(), replace(LIMITS, **limits))
    metrics = Metrics(n_slots)
    return Service(
        Conversations(replier, n_slots, rules.limits, metrics),
        authenticator_of(gate, rules.limits, 8000),
        rules,
        FACTS,
        metrics,
    )


@contextlib.contextmanager
def started(service: Service):
    """Yield the address of a server in a thread, and the server."""
    with bind(service.rules.limits) as listening:
        server = create_server(create_app(service), service.conversations, service.rules.limits)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.005)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", server
        finally:
            server.should_exit = True
            thread.join()


@contextlib.contextmanager
def running(service: Service):
    """Yield the address of a server in a thread."""
    with started(service) as (address, _):
        yield address


@contextlib.contextmanager
def serving(replier, *, password=PASSWORD, **limits):
    """Yield a client of a running server, logged in by its token if there is a password."""
    gate = Gate(password, None) if password else None
    headers = BEARER if password else {}
    with (
        running(service_of(replier, gate, **limits)) as address,
        httpx.Client(base_url=address, headers=headers, timeout=30) as client,
    ):
        yield client


@contextlib.contextmanager
def trained_service(project, *overrides):
    """Yield a service with the trained model of a project."""
    config = project.config(*overrides)
    path = find_model(config)
    loaded = load_model(path, config)
    engine = Engine(loaded.model, 4)
    authenticator = authenticator_of(Gate(PASSWORD, None), LIMITS, 8000)
    try:
        yield create_service(loaded, engine, path, replace(config, serve=LIMITS), authenticator)
    finally:
        engine.close()


def asked(**fields):
    """The body of a request for a reply."""
    return {"model": "main", "messages": [{"role": "user", "content": "오늘 뭐함"}], **fields}
