"""The stateless form of OpenAI's /v1/responses: nothing is stored, each request brings it all."""

import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import asdict, replace

from chatbot.serving.api_errors import ApiError, invalid
from chatbot.serving.conversations import End, Event, PromptProgress, ReplyRequest, Text
from chatbot.serving.http_responses import comment, error_body, event
from chatbot.serving.openai import Logprob, logprobs_of
from chatbot.serving.requests import (
    Content,
    InputMessage,
    Persona,
    Rules,
    Sampling,
    Share,
    Temperature,
    TokenCount,
    conversation_of,
    has_tools,
    refuse_unsupported,
    require_few,
)

_LOGPROBS = "message.output_text.logprobs"
Status = Literal["in_progress", "completed", "incomplete"]


# ---------------------------------------------------------------- the request
class InputItem(msgspec.Struct, frozen=True):
    """A message of the conversation so far."""

    role: str = ""
    content: Content = None
    type: str = "message"


class TextForm(msgspec.Struct, frozen=True):
    """The form of the text: only plain."""

    type: str = "text"


class TextOptions(msgspec.Struct, frozen=True):
    """How the text is formed."""

    format: TextForm | None = None


class ResponseRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body of POST /v1/responses. Fields that are not listed have no effect."""

    input: str | list[InputItem]
    model: str | None = None
    instructions: str | None = None
    stream: bool | None = None
    max_output_tokens: TokenCount | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    include: list[str] | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    # Refused if set: they would change the answer, and have no effect here.
    tools: list[Any] | None = None
    tool_choice: Any = None
    text: TextOptions | None = None
    previous_response_id: str | None = None
    conversation: Any = None
    prompt: Any = None
    background: bool | None = None

    @property
    def input_messages(self) -> list[InputMessage]:
        """The instructions and the messages, each with its field name."""
        input_messages = (
            [InputMessage("system", self.instructions, "instructions")] if self.instructions else []
        )
        if isinstance(self.input, str):
            return [*input_messages, InputMessage("user", self.input, "input")]
        for place, item in enumerate(self.input):
            if item.type == "reasoning":
                continue
            if item.type != "message":
                raise invalid("only messages can be read", f"input[{place}].type")
            input_messages.append(InputMessage(item.role, item.content, f"input[{place}]"))
        return input_messages

    def question(self, owner: str, rules: Rules) -> tuple[Persona, ReplyRequest]:
        """Return who is asked, and what; raises ApiError for what cannot be done."""
        persona = rules.personas.find(self.model)
        if not isinstance(self.input, str):
            require_few(self.input, rules, "input")
        refuse_unsupported(self.refused)
        sampling = Sampling(
            temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_output_tokens
        )
        return persona, ReplyRequest(
            owner=f"{owner} {self.user}" if self.user else owner,
            turns=conversation_of(self.input_messages, persona, rules, "input"),
            speaker=persona.number,
            sampling=sampling.applied(rules),
            n_top=(self.top_logprobs or 0) if self.wants_logprobs else None,
        )

    @property
    def refused(self) -> dict[str, Any]:
        """Fields that have no effect; set ones are refused."""
        form = self.text.format if self.text else None
        return {
            "tools": has_tools(self.tools, self.tool_choice),
            "text.format": form is not None and form.type != "text",
            "previous_response_id": self.previous_response_id,
            "conversation": self.conversation,
            "prompt": self.prompt,
            "background": self.background,
        }

    @property
    def wants_logprobs(self) -> bool:
        """Whether the probabilities of tokens are asked for."""
        return bool(self.top_logprobs) or _LOGPROBS in (self.include or ())


# ---------------------------------------------------------------- the answer
class OutputText(msgspec.Struct, frozen=True):
    """The text of a reply; "\\n" separates bubbles."""

    text: str = ""
    logprobs: list[Logprob] = []
    annotations: list[Any] = []
    type: Literal["output_text"] = "output_text"


class OutputMessage(msgspec.Struct, frozen=True):
    """The reply as a message."""

    id: str
    status: Status
    content: list[OutputText]
    role: Literal["assistant"] = "assistant"
    type: Literal["message"] = "message"


class TokenDetails(msgspec.Struct, frozen=True):
    """Kinds of tokens, which are not told apart here."""

    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0


class ResponseUsage(msgspec.Struct, frozen=True):
    """Tokens read and written."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_tokens_details: TokenDetails = TokenDetails()
    output_tokens_details: TokenDetails = TokenDetails()


class Incomplete(msgspec.Struct, frozen=True):
    """Why a reply is not complete."""

    reason: Literal["max_output_tokens"] = "max_output_tokens"


class ResponseObject(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to POST /v1/responses."""

    id: str
    created_at: int
    model: str
    status: Status
    output: list[OutputMessage]
    usage: ResponseUsage | None = None
    incomplete_details: Incomplete | None = None
    instructions: str | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    metadata: dict[str, str] = {}
    tools: list[Any] = []
    tool_choice: Literal["none"] = "none"
    parallel_tool_calls: bool = False
    previous_response_id: None = None
    store: Literal[False] = False
    error: None = None
    object: Literal["response"] = "response"


class ResponseWriter:
    """Events of a reply -> the events of /v1/responses, numbered from 0."""

    def __init__(self, request: ResponseRequest, model: str) -> None:
        self._message_id = f"msg_{secrets.token_hex(12)}"
        self._response = ResponseObject(
            id=f"resp_{secrets.token_hex(12)}",
            created_at=int(time.time()),
            model=model,
            status="in_progress",
            output=[],
            instructions=request.instructions,
            max_output_tokens=request.max_output_tokens,
            temperature=request.temperature,
            top_p=request.top_p,
            metadata=request.metadata or {},
        )
        self._n_events = 0
        self._part = OutputText()
        self._end: End | None = None

    def add(self, happened: Text | End) -> None:
        """Take an event of the reply."""
        if isinstance(happened, End):
            self._end = happened
            return
        logprobs = logprobs_of(happened)
        self._part = OutputText(self._part.text + happened.text, self._part.logprobs + logprobs)

    def response(self) -> ResponseObject:
        """Return the answer as far as it is known."""
        end = self._end
        if end is None:
            return self._response
        is_cut = end.reason == "length"
        status: Status = "incomplete" if is_cut else "completed"
        total = end.n_prompt + end.n_reply
        return replace(
            self._response,
            status=status,
            output=[self._message(status, [self._part])],
            usage=ResponseUsage(end.n_prompt, end.n_reply, total),
            incomplete_details=Incomplete() if is_cut else None,
        )

    def opening(self) -> list[bytes]:
        """Return the events before the first text."""
        message = self._message("in_progress", [])
        return [
            self.event("response.created", response=self._response),
            self.event("response.in_progress", response=self._response),
            self.event("response.output_item.added", output_index=0, item=message),
            self._part_event("response.content_part.added", part=OutputText()),
        ]

    def delta(self, text: Text) -> bytes:
        """Return the event of a piece of text."""
        n_before = len(self._part.logprobs)
        self.add(text)
        logprobs = self._part.logprobs[n_before:]
        return self._part_event("response.output_text.delta", delta=text.text, logprobs=logprobs)

    def closing(self) -> list[bytes]:
        """Return the events after the last text."""
        part, response = self._part, self.response()
        fields = {"text": part.text, "logprobs": part.logprobs}
        return [
            self._part_event("response.output_text.done", **fields),
            self._part_event("response.content_part.done", part=part),
            self.event("response.output_item.done", output_index=0, item=response.output[0]),
            self.event(f"response.{response.status}", response=response),
        ]

    def event(self, kind: str, **fields: Any) -> bytes:
        """Return a numbered event."""
        number = self._n_events
        self._n_events += 1
        return event({"type": kind, "sequence_number": number, **fields}, kind)

    def error(self, api_error: ApiError) -> bytes:
        """Return the last event of an answer that failed."""
        return self.event("error", **asdict(error_body(api_error).error))

    def _part_event(self, kind: str, **fields: Any) -> bytes:
        place = {"item_id": self._message_id, "output_index": 0, "content_index": 0}
        return self.event(kind, **place, **fields)

    def _message(self, status: Status, parts: list[OutputText]) -> OutputMessage:
        return OutputMessage(self._message_id, status, parts)


async def respond(
    events: AsyncIterator[tuple[int, Event]], writer: ResponseWriter
) -> ResponseObject:
    """Return the whole answer."""
    async for _, happened in events:
        if not isinstance(happened, PromptProgress):
            writer.add(happened)
    return writer.response()


async def response_stream(
    events: AsyncIterator[tuple[int, Event]], writer: ResponseWriter
) -> AsyncGenerator[bytes, None]:
    """Yield the server-sent events of an answer."""
    is_open = False
    async for _, happened in events:
        if isinstance(happened, PromptProgress):
            yield comment(f"reading {happened.done}/{happened.total}")
            continue
        for piece in () if is_open else writer.opening():
            yield piece
        is_open = True
        if isinstance(happened, Text):
            yield writer.delta(happened)
        else:
            writer.add(happened)
    for piece in writer.closing():
        yield piece
