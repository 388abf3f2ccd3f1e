"""Prompt tokens -> reply tokens, one at a time; and tokens -> text that can be streamed."""

import codecs
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, Protocol

import numpy as np

from chatbot.corpus.ngrams import N, NgramIndex
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.inference.sampling import Drawn, Sampler
from chatbot.model.interface import Cache, Logits, Tokens


class CachedModel(Protocol):
    """The part of `LanguageModel` that reading a conversation needs."""

    @property
    def context_length(self) -> int:
        """The maximum number of tokens in a cache."""

    def new_cache(self) -> Cache:
        """Return an empty cache for one conversation."""

    def next_logits(self, tokens: Tokens, cache: Any) -> Logits:
        """Map tokens (T,) that continue a cache to the logits (V,) of the next token."""


class Reader(Protocol):
    """Reads a conversation: a `Prefix`, or a `Lease` of an engine."""

    @property
    def context_length(self) -> int:
        """The maximum number of tokens of a conversation."""

    def next_logits(self, tokens: Sequence[int]) -> Logits:
        """Return the logits (V,) of the token that follows `tokens`."""


class Prefix:
    """The cached tokens of a conversation, kept from turn to turn.

    Only tokens after the common prefix are computed again: those of a new turn.
    """

    def __init__(self, model: CachedModel) -> None:
        self.context_length = model.context_length
        self._model = model
        self._cache: Cache | None = None
        self._tokens: list[int] = []

    def n_common(self, tokens: Sequence[int]) -> int:
        """Return how many of `tokens` need not be computed again; never the last of them."""
        if self._tokens == tokens[: len(self._tokens)]:
            return min(len(self._tokens), len(tokens) - 1)
        n_same = 0
        for read_token, other in zip(self._tokens, tokens[:-1], strict=False):
            if read_token != other:
                break
            n_same += 1
        return n_same

    def cut(self, length: int) -> None:
        """Drop everything after the first `length` tokens."""
        del self._tokens[length:]

    def next_logits(self, tokens: Sequence[int]) -> Logits:
        """Return the logits (V,) of the token that follows `tokens`."""
        if self._cache is None:
            self._cache = self._model.new_cache()
        n_same = self.n_common(tokens)
        self._cache.cut(n_same)
        self._tokens = list(tokens[:n_same])  # correct even if Ctrl+C interrupts the call below
        new = np.array(tokens[n_same:], dtype=np.int64)
        logits = self._model.next_logits(new, self._cache)
        self._tokens = list(tokens)
        return logits


@dataclass(frozen=True)
class Permission:
    """Limits of a reply: it is not just `echo`, and has no n-grams that only others wrote."""

    echo: str = ""
    guard: NgramIndex | None = None
    number: int = 0

    def recites(self, reply: list[int], token: int) -> bool:
        """Whether a token would complete an n-gram that only another speaker wrote in the chat."""
        return self.guard is not None and self.guard.is_from_another(
            [*reply[1 - N :], token], self.number
        )


def generate(
    reader: Reader,
    prompt: list[int],
    tokenizer: Tokenizer,
    sampler: Sampler,
    bounds: range,
    may_say: Permission,
) -> Iterator[int]:
    """Yield tokens of text until the turn ends, within the numbers of tokens in `bounds`.

    Control tokens are never yielded, and a reply is never empty or only space.
    """
    control = tokenizer.control_ids[tokenizer.control_ids != tokenizer.eos_id]
    at_first = np.append(control, tokenizer.eos_id)
    reply: list[int] = []
    while len(reply) < bounds.stop:
        logits = reader.next_logits(prompt + reply)
        is_begun = any(token not in tokenizer.blank_ids for token in reply)
        forbidden = control if is_begun and len(reply) >= bounds.start else at_first
        if may_say.echo and tokenizer.decode(reply).strip() == may_say.echo:
            forbidden = np.concatenate([at_first, tokenizer.space_ids])
        recites = partial(may_say.recites, reply)
        token = sampler.draw(logits, reply, forbidden, recites)
        if token is None or token == tokenizer.eos_id:
            return
        reply.append(token)
        yield token


@dataclass
class Record:
    """What a reply took: tokens of the prompt and of the reply, and why it ended.

    `ending`: "length" if the reply has the maximum number of tokens, else "stop".
    """

    n_prompt: int = 0
    n_generated: int = 0
    ending: Literal["stop", "length"] = "stop"
    drawn: list[Drawn] = field(default_factory=list)


def counted(tokens: Iterable[int], n_most: int, record: Record) -> Iterator[int]:
    """Pass tokens on, and record their number and whether all `n_most` were generated."""
    for token in tokens:
        record.n_generated += 1
        yield token
    if record.n_generated >= n_most:
        record.ending = "length"


def until(
    pieces: Iterable[str], stops: Sequence[str], on_stop: Callable[[], object] = lambda: None
) -> Iterator[str]:
    """Pass streamed text on up to the first of the `stops`, wherever its parts begin and end.

    `on_stop` is called if there is one.

    >>> list(until(["네 알", "겠어", "요!"], ["겠어요"]))
    ['네 알']
    """
    held = ""
    for piece in pieces:
        held += piece
        places = [place for stop in stops if (place := held.find(stop)) >= 0]
        if places:
            held = held[: min(places)]
            on_stop()
            break
        n_ready = len(held) - max((_n_begun(held, stop) for stop in stops), default=0)
        if n_ready:
            yield held[:n_ready]
            held = held[n_ready:]
    if held:
        yield held


def _n_begun(text: str, stop: str) -> int:
    """Return how many characters at the end of a text could begin a stop string."""
    return next((n for n in range(len(stop) - 1, 0, -1) if text.endswith(stop[:n])), 0)


def stream_text(tokens: Iterable[int], tokenizer: Tokenizer) -> Iterator[str]:
    """Decode tokens as they arrive, without splitting a character between two pieces."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for token in tokens:
        text = decoder.decode(tokenizer.token_bytes(token))
        if text:
            yield text
    if rest := decoder.decode(b"", final=True):
        yield rest
