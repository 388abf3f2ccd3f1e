"""The interface of Ollama: /api/chat, /api/generate and what its clients ask for before them."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import replace

from chatbot.serving.api_errors import ApiError
from chatbot.serving.conversations import End, Event, ReplyRequest, Text
from chatbot.serving.requests import (
    InputMessage,
    Penalty,
    Persona,
    Rules,
    Sampling,
    Share,
    Stop,
    conversation_of,
    refuse_unsupported,
    require_few,
    stops_of,
    tagged,
)
from chatbot.settings.schema import SamplingConfig

VERSION = "0.6.3"  # of Ollama, whose interface this is
Reason = Literal["stop", "length", "load"]


# ---------------------------------------------------------------- the requests
class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How tokens are drawn. Options that are not listed have no effect."""

    temperature: Annotated[float, Meta(ge=0, le=1000)] | None = None
    top_k: Annotated[int, Meta(ge=-1, le=10**9)] | None = None
    top_p: Share | None = None
    min_p: Share | None = None
    repeat_penalty: Penalty | None = None
    seed: int | None = None
    num_predict: int | None = None
    stop: Stop = None

    def applied(self, rules: Rules) -> SamplingConfig:
        """Return the settings with these options; -1 tokens are as many as allowed."""
        most = rules.limits.max_tokens if (self.num_predict or 0) < 0 else self.num_predict
        return Sampling(
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            min_p=self.min_p,
            repetition_penalty=self.repeat_penalty,
            seed=self.seed,
            max_tokens=most,
        ).applied(rules)


class OllamaMessage(msgspec.Struct, frozen=True):
    """A message of the conversation so far."""

    role: str
    content: str | None = None
    images: list[Any] | None = None


class OllamaRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What both kinds of requests have in common."""

    model: str | None = None
    stream: bool | None = None
    options: Options | None = None
    # Refused if set: they would change the answer, and have no effect here.
    format: Any = None
    think: bool | str | None = None
    logprobs: bool | None = None


def _common(request: OllamaRequest) -> dict[str, Any]:
    """Return the fields of both kinds that have no effect; set ones are refused."""
    return {"format": request.format, "think": request.think, "logprobs": request.logprobs}


class OllamaChatRequest(OllamaRequest, frozen=True, kw_only=True):
    """The body of POST /api/chat."""

    messages: list[OllamaMessage] | None = None
    tools: list[Any] | None = None

    @property
    def input_messages(self) -> list[InputMessage]:
        """The messages, each with its field name."""
        return [
            InputMessage(message.role, message.content, f"messages[{place}]")
            for place, message in enumerate(self.messages or ())
        ]

    @property
    def refused(self) -> dict[str, Any]:
        """Fields that have no effect; set ones are refused."""
        has_images = any(message.images for message in self.messages or ())
        return _common(self) | {"tools": self.tools, "messages.images": has_images}


class OllamaGenerateRequest(OllamaRequest, frozen=True, kw_only=True):
    """The body of POST /api/generate: one message instead of a conversation."""

    prompt: str | None = None
    system: str | None = None
    suffix: str | None = None
    template: str | None = None
    raw: bool | None = None
    context: list[int] | None = None
    images: list[Any] | None = None

    @property
    def input_messages(self) -> list[InputMessage]:
        """The message, and the system prompt before it."""
        system = [InputMessage("system", self.system, "system")] if self.system else []
        return [*system, InputMessage("user", self.prompt, "prompt")] if self.prompt else []

    @property
    def refused(self) -> dict[str, Any]:
        """Fields that have no effect; set ones are refused."""
        names = ("suffix", "template", "raw", "context", "images")
        return _common(self) | {name: getattr(self, name) for name in names}


def question_of(
    request: OllamaChatRequest | OllamaGenerateRequest, owner: str, rules: Rules
) -> tuple[Persona, ReplyRequest | None]:
    """Return who is asked, and what; None without a message: Ollama would load the model.

    Raises ApiError for what cannot be done.
    """
    persona, options = rules.personas.find(request.model), request.options or Options()
    require_few(getattr(request, "messages", None) or (), rules, "messages")
    refuse_unsupported(request.refused)
    if not request.input_messages:
        return persona, None
    return persona, ReplyRequest(
        owner=owner,
        turns=conversation_of(request.input_messages, persona, rules, "messages"),
        speaker=persona.number,
        sampling=options.applied(rules),
        stop=stops_of(options.stop),
    )


class ShowRequest(msgspec.Struct, frozen=True):
    """The body of POST /api/show."""

    model: str | None = None
    name: str | None = None


# ---------------------------------------------------------------- the answers
class AnswerMessage(msgspec.Struct, frozen=True):
    """A piece of a reply."""

    content: str
    role: Literal["assistant"] = "assistant"


class OllamaAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an answer; the last one is `done` and tells durations in nanoseconds."""

    model: str
    created_at: str
    message: AnswerMessage | UnsetType = UNSET
    response: str | UnsetType = UNSET
    done: bool = False
    done_reason: Reason | UnsetType = UNSET
    total_duration: int | UnsetType = UNSET
    load_duration: int | UnsetType = UNSET
    prompt_eval_count: int | UnsetType = UNSET
    prompt_eval_duration: int | UnsetType = UNSET
    eval_count: int | UnsetType = UNSET
    eval_duration: int | UnsetType = UNSET


class ModelDetails(msgspec.Struct, frozen=True):
    """Facts about a model, as Ollama names them."""

    family: str
    parameter_size: str
    quantization_level: str = ""
    format: str = ""
    parent_model: str = ""
    families: list[str] = []


class ModelTag(msgspec.Struct, frozen=True):
    """A model in a list."""

    name: str
    model: str
    modified_at: str
    size: int
    digest: str
    details: ModelDetails


class RunningModel(msgspec.Struct, frozen=True):
    """A model that is loaded, as all of them are."""

    name: str
    model: str
    size: int
    digest: str
    details: ModelDetails
    expires_at: str
    size_vram: int = 0


class Tags(msgspec.Struct, frozen=True):
    """The answer to GET /api/tags."""

    models: list[ModelTag]


class Running(msgspec.Struct, frozen=True):
    """The answer to GET /api/ps."""

    models: list[RunningModel]


class Shown(msgspec.Struct, frozen=True):
    """The answer to POST /api/show."""

    details: ModelDetails
    model_info: dict[str, str | int]
    modified_at: str
    license: str = ""
    modelfile: str = ""
    parameters: str = ""
    template: str = ""
    capabilities: Sequence[str] = ("completion",)


class Version(msgspec.Struct, frozen=True):
    """The answer to GET /api/version."""

    version: str


def timestamp(seconds: float) -> str:
    """Return seconds since 1970 as Ollama writes them.

    >>> timestamp(0.5)
    '1970-01-01T00:00:00.500000Z'
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")[:-6] + "Z"


class AnswerWriter:
    """Events of a reply -> the lines of an answer of /api/chat."""

    def __init__(self, persona: Persona) -> None:
        self._model = tagged(persona)
        self._began = time.monotonic_ns()
        self._first: int | None = None

    def text(self, text: str) -> OllamaAnswer:
        """Return the line of a piece of text."""
        self._first = self._first or time.monotonic_ns()
        return self._line(text)

    def end(self, end: End, text: str = "") -> OllamaAnswer:
        """Return the last line; `text`: all of the reply, if it was not streamed."""
        now = time.monotonic_ns()
        first = self._first or now
        return replace(
            self._line(text),
            done=True,
            done_reason=end.reason,
            total_duration=now - self._began,
            load_duration=0,
            prompt_eval_count=end.n_prompt,
            prompt_eval_duration=first - self._began,
            eval_count=end.n_reply,
            eval_duration=now - first,
        )

    def loaded(self) -> OllamaAnswer:
        """Return the answer to a request without a message."""
        return replace(self._line(""), done=True, done_reason="load")

    def _line(self, text: str) -> OllamaAnswer:
        return replace(self._blank(), message=AnswerMessage(text))

    def _blank(self) -> OllamaAnswer:
        return OllamaAnswer(model=self._model, created_at=timestamp(time.time()))


class GenerateWriter(AnswerWriter):
    """Events of a reply -> the lines of an answer of /api/generate."""

    def _line(self, text: str) -> OllamaAnswer:
        return replace(self._blank(), response=text)


async def answer(events: AsyncIterator[tuple[int, Event]], writer: AnswerWriter) -> OllamaAnswer:
    """Return the whole answer."""
    pieces: list[str] = []
    async for _, happened in events:
        if isinstance(happened, Text):
            pieces.append(happened.text)
        elif isinstance(happened, End):
            return writer.end(happened, "".join(pieces))
    raise AssertionError("a reply ends with End")


async def answer_stream(
    events: AsyncIterator[tuple[int, Event]], writer: AnswerWriter
) -> AsyncGenerator[bytes, None]:
    """Yield the lines of an answer."""
    async for _, happened in events:
        if isinstance(happened, Text):
            yield line(writer.text(happened.text))
        elif isinstance(happened, End):
            yield line(writer.end(happened))


def line(body: Any) -> bytes:
    """Return a struct as a line of JSON."""
    return msgspec.json.encode(body) + b"\n"


def error_line(api_error: ApiError) -> bytes:
    """Return the last line of an answer that failed."""
    return line({"error": str(api_error)})
