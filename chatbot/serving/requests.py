"""The body of a request -> a checked struct, and from that a conversation that can be answered."""

import re
from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from chatbot.serving.api_errors import ApiError, invalid, unsupported
from chatbot.serving.bridge.lines import number_of
from chatbot.serving.conversations import ReplyRequest
from chatbot.settings.schema import SamplingConfig, ServeConfig

_Body = TypeVar("_Body")
# How msgspec names places, between backticks.
_PLACE = re.compile(r" - at \x60\$\.?(?P<path>[^\x60]*)\x60$")
_FIELD = re.compile(r"required field \x60(?P<name>\w+)\x60")
_TEXT_PARTS = frozenset({"text", "input_text", "output_text", "refusal"})
IGNORED_ROLES = frozenset({"system", "developer"})
MANY_STOPS = 4

Temperature = Annotated[float, Meta(ge=0, le=2)]
Share = Annotated[float, Meta(ge=0, le=1)]
TopK = Annotated[int, Meta(ge=-1, le=10**9)]
Penalty = Annotated[float, Meta(ge=1, le=2)]
TokenCount = Annotated[int, Meta(ge=1)]
StopText = Annotated[str, Meta(min_length=1, max_length=500)]
Stop = StopText | Annotated[list[StopText], Meta(max_length=MANY_STOPS)] | None


@dataclass(frozen=True)
class Persona:
    """Somebody the bot can speak as: the id of a model for clients, the speaker id, a name."""

    id: str
    number: int
    name: str | None = None


@dataclass(frozen=True)
class Personas:
    """Everybody the bot can speak as, the default first; and the speaker ids of known names."""

    personas: tuple[Persona, ...]
    n_speakers: int
    created: int  # seconds since 1970
    names: Mapping[str, int] = field(default_factory=dict)

    def find(self, model: str | None) -> Persona:
        """Return the persona of a model id, with or without Ollama's tag; raises ApiError (404)."""
        if not model:
            return self.personas[0]
        for persona in self.personas:
            if model in (persona.id, tagged(persona)):
                return persona
        raise ApiError(
            404,
            "there is no such model; GET /v1/models lists all",
            code="model_not_found",
            param="model",
        )


@dataclass(frozen=True)
class Rules:
    """What requests are checked against: the personas, the settings of replies, and the limits."""

    personas: Personas
    settings: SamplingConfig
    limits: ServeConfig


def tagged(persona: Persona) -> str:
    """Return the id of a persona as Ollama writes it."""
    return f"{persona.id}:latest"


class Part(msgspec.Struct, frozen=True):
    """A part of a message; only text can be read."""

    type: str
    text: str | None = None


Content = str | list[Part] | None


@dataclass(frozen=True)
class InputMessage:
    """A message of a request; `param`: where in the request it is."""

    role: str
    content: Content
    param: str
    name: str | None = None

    @property
    def text(self) -> str:
        """Its text; raises ApiError for pictures, sound and files."""
        if not isinstance(self.content, list):
            return self.content or ""
        for place, part in enumerate(self.content):
            if part.type not in _TEXT_PARTS:
                param = f"{self.param}.content[{place}]"
                raise invalid("only text can be read, no pictures, sound or files", param)
        return "\n".join(part.text or "" for part in self.content)


def decoded(body: bytes, kind: type[_Body]) -> _Body:
    """Return a body as a struct; raises ApiError (400), which names the wrong field."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        text = str(error)
        place, missing = _PLACE.search(text), _FIELD.search(text)
        parts = [place["path"] if place else "", missing["name"] if missing else ""]
        message = _PLACE.sub("", text)
        param = ".".join(filter(None, parts)) or None
        raise invalid(message[:1].lower() + message[1:], param) from None
    except (msgspec.DecodeError, UnicodeError):
        raise invalid("the body is not JSON") from None
    except RecursionError:
        raise invalid("the body is nested too deeply") from None


def refuse_unsupported(fields: Mapping[str, Any]) -> None:
    """Raise ApiError for the first field that is set: it would change the answer."""
    for param, value in fields.items():
        if value:
            raise unsupported(param)


def has_tools(tools: Any, choice: Any) -> bool:
    """Whether a request wants tools to be called."""
    return bool(tools) and choice != "none"


def require_few(messages: Sized, rules: Rules, param: str) -> None:
    """Raise ApiError if a request has more messages than allowed."""
    most = rules.limits.max_messages
    if len(messages) > most:
        raise invalid(f"more than {most} messages", param, "too_many_messages")


def conversation_of(
    input_messages: Sequence[InputMessage], persona: Persona, rules: Rules, param: str
) -> tuple[tuple[int | None, str], ...]:
    """Return the turns (speaker id, text) of a request; raises ApiError if they are invalid.

    Messages of the assistant are the bot's own; those of users are of the other person (None), or
    in a group of whoever has their name. System prompts are left out: no network was trained with
    one of a user.
    """
    personas, limits = rules.personas, rules.limits
    numbers = dict(personas.names)
    turns: list[tuple[int | None, str]] = []
    n_chars = 0
    for message in input_messages:
        text = message.text
        n_chars += len(text)
        if n_chars > limits.max_chars:
            raise invalid(f"more than {limits.max_chars} characters", param, "too_long")
        speaker = _speaker_of(message, persona, personas, numbers)
        if message.role not in IGNORED_ROLES and text.strip():
            turns.append((speaker, text))
    if not turns:
        raise invalid("there is no message with text to answer", param, "nothing_to_answer")
    return tuple(turns)


def _speaker_of(
    message: InputMessage, persona: Persona, personas: Personas, numbers: dict[str, int]
) -> int | None:
    """Return the speaker id of a message; None: the bot's partner."""
    if message.role == "assistant":
        return persona.number
    if message.role not in {"user", *IGNORED_ROLES}:
        roles = "system, developer, user or assistant"
        raise invalid(f"the role is none of {roles}", f"{message.param}.role")
    if personas.n_speakers <= 2 or not message.name or message.role != "user":
        return None
    number = number_of(message.name, numbers, personas.n_speakers)
    return None if number == persona.number else number


def ignored_header(input_messages: Iterable[InputMessage]) -> dict[str, str]:
    """Return the header that says that system prompts had no effect, if there are any."""
    has_prompt = any(message.role in IGNORED_ROLES for message in input_messages)
    return {"x-ignored": "system"} if has_prompt else {}


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says about drawing tokens; None: as the settings say."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    seed: int | None = None
    max_tokens: int | None = None

    def applied(self, rules: Rules) -> SamplingConfig:
        """Return the settings with what the request asks for, within the limits."""
        settings, limits = rules.settings, rules.limits
        asked: dict[str, Any] = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "top_k": None if self.top_k is None else max(0, self.top_k),
            "min_p": None if self.min_p is None else min(self.min_p, 0.999),
            "repetition_penalty": self.repetition_penalty,
            "seed": None if self.seed is None else self.seed % 2**31,
        }
        n_tokens = min(self.max_tokens or settings.max_new_tokens, limits.max_tokens)
        changes = {name: value for name, value in asked.items() if value is not None}
        return replace(settings, max_new_tokens=n_tokens, **changes)


def choices(question: ReplyRequest, n: int) -> list[ReplyRequest]:
    """Return a question n times; with a seed, each has a seed of its own and the first that."""
    seed = question.sampling.seed
    if seed is None:
        return [question] * n
    seeds = [(seed + index * 1_000_003) % 2**31 for index in range(n)]
    return [
        ReplyRequest(
            question.owner,
            question.turns,
            question.speaker,
            replace(question.sampling, seed=own),
            question.stop,
            question.n_top,
        )
        for own in seeds
    ]


def stops_of(stop: str | list[str] | None) -> tuple[str, ...]:
    """Return the texts that end a reply."""
    return (stop,) if isinstance(stop, str) else tuple(stop or ())
