"""The structs of requests and answers -> a description of the interface: OpenAPI 3.1."""

import contextlib
from functools import cache
from typing import Any

import msgspec

from chatbot import __version__
from chatbot.serving import ollama, openai, responses
from chatbot.serving.authentication import LoginRequest
from chatbot.serving.feedback import FeedbackRequest
from chatbot.serving.http_responses import ErrorBody, OllamaError

_REF = "#/components/schemas/{name}"
# Path, method -> what it does, the body, the answer, its stream.
_OPERATIONS: dict[tuple[str, str], tuple[str, type | None, type | None, str]] = {
    ("/v1/models", "get"): ("List the personas.", None, openai.ModelList, ""),
    ("/v1/models/{model}", "get"): ("Return a persona.", None, openai.Model, ""),
    ("/v1/chat/completions", "post"): (
        "Answer a conversation.", openai.ChatRequest, openai.ChatCompletion, "text/event-stream",
    ),
    ("/v1/responses", "post"): (
        "Answer a conversation; nothing is stored.",
        responses.ResponseRequest, responses.ResponseObject, "text/event-stream",
    ),
    ("/api/version", "get"): ("Return a version of Ollama.", None, ollama.Version, ""),
    ("/api/tags", "get"): ("List the personas.", None, ollama.Tags, ""),
    ("/api/ps", "get"): ("List what is loaded.", None, ollama.Running, ""),
    ("/api/show", "post"): ("Return facts.", ollama.ShowRequest, ollama.Shown, ""),
    ("/api/chat", "post"): (
        "Answer a conversation.",
        ollama.OllamaChatRequest, ollama.OllamaAnswer, "application/x-ndjson",
    ),
    ("/api/generate", "post"): (
        "Answer a message.",
        ollama.OllamaGenerateRequest, ollama.OllamaAnswer, "application/x-ndjson",
    ),
    ("/preferences", "post"): (
        "Store a choice between replies; only where the owner asks for it.",
        FeedbackRequest, None, "",
    ),
    ("/login", "post"): ("Log in: sets cookies.", LoginRequest, None, ""),
    ("/logout", "post"): ("Log out.", None, None, ""),
}  # fmt: skip
_OPEN = frozenset({"/api/version", "/login", "/logout"})


@cache
def description() -> dict[str, Any]:
    """Return the description of all routes that speak JSON."""
    bodies = {kind for _, *kinds, _ in _OPERATIONS.values() for kind in kinds if kind}
    _, schemas = msgspec.json.schema_components(
        [*sorted(bodies, key=lambda kind: kind.__name__), ErrorBody, OllamaError],
        ref_template=_REF,
    )
    for request in (
        openai.ChatRequest(messages=[]),
        responses.ResponseRequest(input=""),
        ollama.OllamaChatRequest(),
        ollama.OllamaGenerateRequest(),
    ):
        properties = schemas[type(request).__name__]["properties"]
        for field in msgspec.structs.fields(request):
            if field.name in request.refused:
                properties[field.name] = _without_effect(field.type)
    paths: dict[str, dict[str, Any]] = {}
    for (path, method), operation in _OPERATIONS.items():
        paths.setdefault(path, {})[method] = _operation(path, *operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "chatbot", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"password": {"type": "http", "scheme": "bearer"}},
        },
    }


def _without_effect(kind: Any) -> dict[str, Any]:
    """Return the schema of a field that is refused if it is set: its empty values."""
    candidates: list[Any] = [None, False, 0, "", [], {}]
    empty = []
    for value in candidates:
        with contextlib.suppress(msgspec.ValidationError):
            if msgspec.convert(value, kind) == value:
                empty.append(value)
    return {"enum": empty, "description": "Refused if it is set: it would have no effect."}


def _operation(
    path: str, summary: str, body: type | None, answer: type | None, stream: str
) -> dict[str, Any]:
    error = OllamaError if path.startswith("/api/") else ErrorBody
    responses_of: dict[str, Any] = {
        "4XX": {"description": "What is wrong.", "content": _json(error)},
        "5XX": {"description": "Try again later.", "content": _json(error)},
    }
    if answer is None:
        responses_of["204"] = {"description": "Done."}
    else:
        content = _json(answer) | ({stream: {"schema": {"type": "string"}}} if stream else {})
        responses_of["200"] = {"description": summary, "content": content}
    operation: dict[str, Any] = {"summary": summary, "responses": responses_of}
    if path not in _OPEN:
        operation["security"] = [{"password": []}]
    if body is not None:
        operation["requestBody"] = {"required": True, "content": _json(body)}
    if "{model}" in path:
        model = {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}
        operation["parameters"] = [model]
    return operation


def _json(kind: type) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(name=kind.__name__)}}}
