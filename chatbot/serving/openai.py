"""The chat interface of OpenAI: /v1/models and /v1/chat/completions, as structs and as a stream."""

import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chatbot.serving.api_errors import ApiError, invalid
from chatbot.serving.conversations import End, Event, PromptProgress, ReplyRequest, Text
from chatbot.serving.http_responses import comment, error_body, event
from chatbot.serving.requests import (
    Content,
    InputMessage,
    Penalty,
    Persona,
    Personas,
    Rules,
    Sampling,
    Share,
    Stop,
    Temperature,
    TokenCount,
    TopK,
    conversation_of,
    has_tools,
    refuse_unsupported,
    require_few,
    stops_of,
)

_MOST_CHOICES = 8
_MOST_TOP = 20
DONE = b"data: [DONE]\n\n"
Reason = Literal["stop", "length"]


# ---------------------------------------------------------------- the request
class ChatMessage(msgspec.Struct, frozen=True):
    """A message; `name` tells the members of a group apart."""

    role: str
    content: Content = None
    name: str | None = None


class StreamOptions(msgspec.Struct, frozen=True):
    """What a stream tells besides the reply."""

    include_usage: bool | None = None


class ResponseFormat(msgspec.Struct, frozen=True):
    """The form of a reply: only text."""

    type: str = "text"


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body of POST /v1/chat/completions. Fields that are not listed have no effect."""

    messages: list[ChatMessage]
    model: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Meta(ge=1, le=_MOST_CHOICES)] | None = None
    seed: int | None = None
    stop: Stop = None
    max_tokens: TokenCount | None = None
    max_completion_tokens: TokenCount | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    top_k: TopK | None = None
    min_p: Share | None = None
    repetition_penalty: Penalty | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=_MOST_TOP)] | None = None
    user: str | None = None
    # Refused if set: they would change the answer, and have no effect here.
    tools: list[Any] | None = None
    tool_choice: Any = None
    functions: list[Any] | None = None
    function_call: Any = None
    response_format: ResponseFormat | None = None
    logit_bias: dict[str, float] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    modalities: list[str] | None = None
    audio: Any = None
    web_search_options: Any = None

    @property
    def input_messages(self) -> list[InputMessage]:
        """The messages, each with its field name."""
        return [
            InputMessage(message.role, message.content, f"messages[{place}]", message.name)
            for place, message in enumerate(self.messages)
        ]

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with the number of tokens."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    def question(self, owner: str, rules: Rules) -> tuple[Persona, ReplyRequest]:
        """Return who is asked, and what; raises ApiError for what cannot be done."""
        persona = rules.personas.find(self.model)
        require_few(self.messages, rules, "messages")
        refuse_unsupported(self.refused)
        if self.top_logprobs and not self.logprobs:
            raise invalid("top_logprobs needs logprobs: true", "top_logprobs")
        sampling = Sampling(
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            min_p=self.min_p,
            repetition_penalty=self.repetition_penalty,
            seed=self.seed,
            max_tokens=self.max_completion_tokens or self.max_tokens,
        )
        return persona, ReplyRequest(
            owner=f"{owner} {self.user}" if self.user else owner,
            turns=conversation_of(self.input_messages, persona, rules, "messages"),
            speaker=persona.number,
            sampling=sampling.applied(rules),
            stop=stops_of(self.stop),
            n_top=(self.top_logprobs or 0) if self.logprobs else None,
        )

    @property
    def refused(self) -> dict[str, Any]:
        """Fields that have no effect; set ones are refused."""
        formatted = self.response_format is not None and self.response_format.type != "text"
        return {
            "tools": has_tools(self.tools, self.tool_choice),
            "functions": has_tools(self.functions, self.function_call),
            "response_format": formatted,
            "logit_bias": self.logit_bias,
            "presence_penalty": self.presence_penalty,
            "frequency_penalty": self.frequency_penalty,
            "modalities": set(self.modalities or ()) - {"text"},
            "audio": self.audio,
            "web_search_options": self.web_search_options is not None,
        }


# ---------------------------------------------------------------- the answer
class TopLogprob(msgspec.Struct, frozen=True):
    """A token that could have been drawn."""

    token: str
    logprob: float
    bytes: list[int]


class Logprob(msgspec.Struct, frozen=True):
    """A drawn token; the texts of all tokens together are the reply."""

    token: str
    logprob: float
    bytes: list[int]
    top_logprobs: list[TopLogprob]


class Logprobs(msgspec.Struct, frozen=True):
    """The probabilities of a reply's tokens."""

    content: list[Logprob]
    refusal: None = None


class Usage(msgspec.Struct, frozen=True):
    """Tokens read and written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class AnswerMessage(msgspec.Struct, frozen=True):
    """A whole reply; "\\n" separates bubbles."""

    content: str
    role: Literal["assistant"] = "assistant"
    refusal: None = None


class Choice(msgspec.Struct, frozen=True):
    """One of `n` replies."""

    index: int
    message: AnswerMessage
    logprobs: Logprobs | None
    finish_reason: Reason


class ChatCompletion(msgspec.Struct, frozen=True):
    """The answer to POST /v1/chat/completions."""

    id: str
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    object: Literal["chat.completion"] = "chat.completion"


class Delta(msgspec.Struct, frozen=True):
    """What a chunk adds to a message."""

    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType | None = UNSET


class ChunkChoice(msgspec.Struct, frozen=True):
    """What a chunk adds to one of `n` replies."""

    index: int
    delta: Delta
    logprobs: Logprobs | None = None
    finish_reason: Reason | None = None


class ChatChunk(msgspec.Struct, frozen=True):
    """An event of a streamed answer; `usage` is in one chunk of its own, without choices."""

    id: str
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: Usage | UnsetType | None = UNSET
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"


class Model(msgspec.Struct, frozen=True):
    """A persona, as a model; `name`: the speaker's, where it is known on this computer."""

    id: str
    created: int
    name: str | UnsetType = UNSET
    object: Literal["model"] = "model"
    owned_by: Literal["chatbot"] = "chatbot"


class ModelList(msgspec.Struct, frozen=True):
    """The answer to GET /v1/models; the first is the default.

    `stores_choices`: whether the owner stores which of two replies somebody keeps.
    """

    data: list[Model]
    stores_choices: bool | UnsetType = UNSET
    object: Literal["list"] = "list"


def model_of(persona: Persona, personas: Personas) -> Model:
    """Return a persona as a model."""
    return Model(persona.id, personas.created, persona.name or UNSET)


def usage_of(ends: Sequence[End]) -> Usage:
    """Return the tokens of all replies to one prompt."""
    n_prompt, n_reply = max(end.n_prompt for end in ends), sum(end.n_reply for end in ends)
    return Usage(n_prompt, n_reply, n_prompt + n_reply)


def logprobs_of(text: Text) -> list[Logprob]:
    """Return the tokens of a piece of text in the form of OpenAI."""
    return [
        Logprob(
            token.text,
            token.log_probability,
            list(token.content),
            [TopLogprob(top.text, top.log_probability, list(top.content)) for top in token.likely],
        )
        for token in text.tokens
    ]


@dataclass
class _Reply:
    """One of the replies of a request, as far as it is known."""

    text: str = ""
    logprobs: list[Logprob] = field(default_factory=list)
    end: End | None = None


def _new_id() -> str:
    return f"chatcmpl-{secrets.token_hex(12)}"


async def complete(
    events: AsyncIterator[tuple[int, Event]], request: ChatRequest, model: str
) -> ChatCompletion:
    """Return the whole answer."""
    replies = [_Reply() for _ in range(request.n or 1)]
    async for index, happened in events:
        reply = replies[index]
        if isinstance(happened, Text):
            reply.text += happened.text
            reply.logprobs += logprobs_of(happened)
        elif isinstance(happened, End):
            reply.end = happened
    answers = [
        Choice(
            index,
            AnswerMessage(reply.text),
            Logprobs(reply.logprobs) if request.logprobs else None,
            reply.end.reason,
        )
        for index, reply in enumerate(replies)
        if reply.end
    ]
    usage = usage_of([reply.end for reply in replies if reply.end])
    return ChatCompletion(_new_id(), int(time.time()), model, answers, usage)


class ChunkWriter:
    """Events of replies -> chunks: a role, texts, an end for each choice, then the usage."""

    def __init__(self, request: ChatRequest, model: str) -> None:
        self._request = request
        self._model = model
        self._id, self._created = _new_id(), int(time.time())
        self._open: set[int] = set()
        self._ends: list[End] = []

    def chunks(self, index: int, happened: Text | End) -> list[ChatChunk]:
        """Return the chunks of an event; the first of a choice begins with its role."""
        opened: list[ChatChunk] = []
        if index not in self._open:
            self._open.add(index)
            opened = [self._chunk(index, Delta("assistant", None))]
        if isinstance(happened, End):
            self._ends.append(happened)
            return [*opened, self._chunk(index, Delta(), reason=happened.reason)]
        logprobs = None
        if self._request.logprobs:
            logprobs = Logprobs(logprobs_of(happened))
        return [*opened, self._chunk(index, Delta(content=happened.text), logprobs)]

    def usage(self) -> ChatChunk:
        """Return the chunk after the last one, which has no choices."""
        usage = usage_of(self._ends)
        return ChatChunk(self._id, self._created, self._model, [], usage)

    def _chunk(
        self,
        index: int,
        delta: Delta,
        logprobs: Logprobs | None = None,
        reason: Reason | None = None,
    ) -> ChatChunk:
        choices = [ChunkChoice(index, delta, logprobs, reason)]
        usage = None if self._request.wants_usage else UNSET
        return ChatChunk(self._id, self._created, self._model, choices, usage)


async def chat_stream(
    events: AsyncIterator[tuple[int, Event]], request: ChatRequest, model: str
) -> AsyncGenerator[bytes, None]:
    """Yield the server-sent events of an answer."""
    writer = ChunkWriter(request, model)
    async for index, happened in events:
        if isinstance(happened, PromptProgress):
            yield comment(f"reading {happened.done}/{happened.total}")
            continue
        for chunk in writer.chunks(index, happened):
            yield event(chunk)
    if request.wants_usage:
        yield event(writer.usage())
    yield DONE


def error_event(api_error: ApiError) -> bytes:
    """Return the last event of an answer that failed; no [DONE] follows."""
    return event(error_body(api_error))
