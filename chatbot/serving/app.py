"""The application: all routes of the server, what is in front of them, and its life."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from msgspec import UNSET
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatbot.serving import ollama, openai, page, responses
from chatbot.serving.api_errors import ApiError, error_of_exception
from chatbot.serving.authentication import AuthenticationMiddleware, Authenticator
from chatbot.serving.body import read_body
from chatbot.serving.conversations import Conversations
from chatbot.serving.feedback import FeedbackRequest, KeepFeedback
from chatbot.serving.http_responses import (
    ClientDisconnectedError,
    Stream,
    closing_after,
    error_response,
    json_response,
    while_connected,
)
from chatbot.serving.kakao import skill as kakao_skill
from chatbot.serving.kakao.skill import KakaoSkill
from chatbot.serving.metrics import CONTENT_TYPE, Metrics, MetricsMiddleware
from chatbot.serving.ollama_models import ModelFacts, running, shown, tags
from chatbot.serving.openapi import description
from chatbot.serving.page import PageAssets
from chatbot.serving.requests import Rules, choices, decoded, ignored_header
from chatbot.serving.security import OriginMiddleware
from chatbot.settings.schema import ServeConfig

Answer: TypeAlias = Callable[[Request], Awaitable[Response]]
_SSE, _NDJSON = "text/event-stream", "application/x-ndjson"
_GREETING = "Ollama is running"  # what clients of Ollama look for


@dataclass(frozen=True)
class Service:
    """What the routes work with; `keep_feedback` stores choices between replies, if asked for."""

    conversations: Conversations
    authenticator: Authenticator
    rules: Rules
    facts: ModelFacts
    metrics: Metrics
    kakao: KakaoSkill | None = None
    keep_feedback: KeepFeedback | None = None


class Routes:
    """The routes that need a password."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._guard = [Middleware(AuthenticationMiddleware, authenticator=service.authenticator)]
        self._rules = service.rules
        self._conversations = service.conversations
        self._keep_feedback = service.keep_feedback

    def all(self) -> list[Route]:
        """Return the routes."""
        return [
            self._get("/v1/models", self.models),
            self._get("/v1/models/{model:path}", self.model),
            self._post("/v1/chat/completions", self.chat_completions),
            self._post("/v1/responses", self.responses),
            self._get("/api/tags", self.ollama_tags),
            self._get("/api/ps", self.ollama_running),
            self._post("/api/show", self.ollama_show),
            self._post("/api/chat", self.ollama_chat),
            self._post("/api/generate", self.ollama_generate),
            self._get("/metrics", self.metrics),
            *([self._post("/preferences", self.preferences)] if self._keep_feedback else []),
        ]

    def _get(self, path: str, answer: Answer) -> Route:
        return Route(path, answer, methods=["GET"], middleware=self._guard)

    def _post(self, path: str, answer: Answer) -> Route:
        return Route(path, answer, methods=["POST"], middleware=self._guard)

    # ------------------------------------------------------------ OpenAI
    async def models(self, request: Request) -> Response:
        """List the personas."""
        del request
        personas = self._rules.personas
        models = [openai.model_of(persona, personas) for persona in personas.personas]
        return json_response(openai.ModelList(models, True if self._keep_feedback else UNSET))

    async def model(self, request: Request) -> Response:
        """Return a persona."""
        personas = self._rules.personas
        return json_response(openai.model_of(personas.find(request.path_params["model"]), personas))

    async def chat_completions(self, request: Request) -> Response:
        """Answer a conversation."""
        body = decoded(await self._body(request), openai.ChatRequest)
        persona, question = body.question(request.state.owner, self._rules)
        events = self._conversations.answer(choices(question, body.n or 1))
        headers = ignored_header(body.input_messages)
        if body.stream:
            pieces = closing_after(openai.chat_stream(events, body, persona.id), events)
            return Stream(pieces, openai.error_event, _SSE, headers)
        answer = await while_connected(request.receive, openai.complete(events, body, persona.id))
        return json_response(answer, headers=headers)

    async def responses(self, request: Request) -> Response:
        """Answer a conversation in the newer form of OpenAI."""
        body = decoded(await self._body(request), responses.ResponseRequest)
        persona, question = body.question(request.state.owner, self._rules)
        events = self._conversations.answer([question])
        headers = ignored_header(body.input_messages)
        writer = responses.ResponseWriter(body, persona.id)
        if body.stream:
            pieces = closing_after(responses.response_stream(events, writer), events)
            return Stream(pieces, writer.error, _SSE, headers)
        answer = await while_connected(request.receive, responses.respond(events, writer))
        return json_response(answer, headers=headers)

    # ------------------------------------------------------------ Ollama
    async def ollama_tags(self, request: Request) -> Response:
        """List the personas as Ollama lists models."""
        del request
        return json_response(tags(self._rules.personas, self._service.facts))

    async def ollama_running(self, request: Request) -> Response:
        """List the personas: all of them are loaded."""
        del request
        return json_response(running(self._rules.personas, self._service.facts))

    async def ollama_show(self, request: Request) -> Response:
        """Return facts about the model."""
        body = decoded(await self._body(request), ollama.ShowRequest)
        self._rules.personas.find(body.model or body.name)
        return json_response(shown(self._rules.personas, self._service.facts))

    async def ollama_chat(self, request: Request) -> Response:
        """Answer a conversation."""
        body = decoded(await self._body(request), ollama.OllamaChatRequest)
        return await self._ollama(request, body, ollama.AnswerWriter)

    async def ollama_generate(self, request: Request) -> Response:
        """Answer a message."""
        body = decoded(await self._body(request), ollama.OllamaGenerateRequest)
        return await self._ollama(request, body, ollama.GenerateWriter)

    async def _ollama(
        self,
        request: Request,
        body: ollama.OllamaChatRequest | ollama.OllamaGenerateRequest,
        kind: type[ollama.AnswerWriter],
    ) -> Response:
        persona, question = ollama.question_of(body, request.state.owner, self._rules)
        writer = kind(persona)
        if question is None:
            return json_response(writer.loaded())
        events = self._conversations.answer([question])
        headers = ignored_header(body.input_messages)
        if body.stream is not False:
            pieces = closing_after(ollama.answer_stream(events, writer), events)
            return Stream(pieces, ollama.error_line, _NDJSON, headers)
        answer = await while_connected(request.receive, ollama.answer(events, writer))
        return json_response(answer, headers=headers)

    # ------------------------------------------------------------ the rest
    async def preferences(self, request: Request) -> Response:
        """Store a choice between replies."""
        body = decoded(await self._body(request), FeedbackRequest)
        if self._keep_feedback is not None:
            await asyncio.to_thread(self._keep_feedback, body, self._rules)
        return Response(status_code=204)

    async def metrics(self, request: Request) -> Response:
        """Return the counters."""
        del request
        content = self._service.metrics.text()
        return Response(content, headers={"content-type": CONTENT_TYPE})

    async def _body(self, request: Request) -> bytes:
        limits = self._rules.limits
        return await read_body(request, limits, limits.max_body_bytes)


async def _health(request: Request) -> Response:
    del request
    return json_response({"status": "ok"})


async def _version(request: Request) -> Response:
    del request
    return json_response(ollama.Version(ollama.VERSION))


async def _description(request: Request) -> Response:
    del request
    return json_response(description())


def open_routes(service: Service) -> list[Route]:
    """Return the routes that need no password: the page itself holds no secret."""
    assets = PageAssets()

    async def front(request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return await assets.respond(request)
        return PlainTextResponse(_GREETING)

    return [
        Route("/", front, methods=["GET"]),
        *(route for route in page.routes(assets) if route.path != "/"),
        Route("/health", _health, methods=["GET"]),
        Route("/openapi.json", _description, methods=["GET"]),
        Route("/api/version", _version, methods=["GET"]),
        Route("/login", service.authenticator.log_in, methods=["POST"]),
        Route("/logout", service.authenticator.log_out, methods=["POST"]),
    ]


def create_app(service: Service) -> Starlette:
    """Return the application."""
    routes = [*open_routes(service), *Routes(service).all()]
    if service.kakao is not None:
        routes.append(Route(kakao_skill.PATH, service.kakao.respond, methods=["POST"]))
    paths = frozenset(route.path for route in routes)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        yield
        if service.kakao is not None:
            await service.kakao.close()
        await service.conversations.close(0)

    counting = Middleware(MetricsMiddleware, metrics=service.metrics, paths=paths)
    return protected(routes, service.rules.limits, [counting], lifespan)


def protected(
    routes: Sequence[Route],
    limits: ServeConfig,
    outermost: Sequence[Middleware] = (),
    lifespan: Callable[[Starlette], contextlib.AbstractAsyncContextManager[None]] | None = None,
) -> Starlette:
    """Return an application that refuses foreign requests, and tells its errors without a text."""
    app = Starlette(
        routes=routes,
        middleware=[
            *outermost,
            Middleware(OriginMiddleware, host_names=limits.allowed_hosts),
            Middleware(ErrorMiddleware),
        ],
        exception_handlers={ApiError: _refused, HTTPException: _not_routed},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


class ErrorMiddleware:
    """The one place where a fault of a route is caught: it is logged without its text."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        is_started = False

        async def send_noted(message: Message) -> None:
            nonlocal is_started
            is_started = True
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        except ClientDisconnectedError:
            return
        except Exception as error:
            api_error = error_of_exception(error)
            if not is_started and scope["type"] == "http":
                await error_response(scope["path"], api_error)(scope, receive, send)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 registered for this class
    return error_response(request.url.path, error)


async def _not_routed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 registered for this class
    is_method = error.status_code == 405
    api_error = ApiError(
        error.status_code,
        "this path has no such method" if is_method else "there is nothing here",
        code="method_not_allowed" if is_method else "not_found",
    )
    response = error_response(request.url.path, api_error)
    response.headers.update(error.headers or {})
    return response
