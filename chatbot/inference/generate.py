"""Prompt tokens -> reply tokens, one at a time; and tokens -> text that can be streamed."""

import codecs
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from chatbot.corpus.ngrams import N, NgramIndex
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.inference.sampling import Sampler
from chatbot.model.interface import LanguageModel, Logits


class Prefix:
    """The cached tokens of a conversation, kept from turn to turn.

    Only tokens after the common prefix are computed again: those of a new turn.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._cache = model.new_cache()
        self._tokens: list[int] = []

    def next_logits(self, tokens: Sequence[int]) -> Logits:
        """Return the logits (V,) of the token that follows `tokens`."""
        n_same = 0
        for read_token, other in zip(self._tokens, tokens[:-1], strict=False):
            if read_token != other:
                break
            n_same += 1
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
    prefix: Prefix,
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
        logits = prefix.next_logits(prompt + reply)
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


def stream_text(tokens: Iterable[int], tokenizer: Tokenizer) -> Iterator[str]:
    """Decode tokens as they arrive, without splitting a character between two pieces."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for token in tokens:
        text = decoder.decode(tokenizer.token_bytes(token))
        if text:
            yield text
    if rest := decoder.decode(b"", final=True):
        yield rest
