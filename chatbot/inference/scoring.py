"""A model and messages with their past -> the logits and log-probabilities of the messages.

T tokens, V vocabulary.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from chatbot.corpus.preview import turns_by_session
from chatbot.corpus.store import TokenStore
from chatbot.corpus.template import Turn, n_ending, render_prompt
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.model.interface import LanguageModel

Floats = npt.NDArray[np.float64]
T = TypeVar("T")

_TOKENS_AT_ONCE = 4096
_NUMBERS_AT_ONCE = 1 << 26  # of logits: 256 MB


@dataclass(frozen=True)
class Item:
    """A message (with its end token) and the turns before it, as tokens."""

    prompt: list[int]
    reply: list[int]
    text: str


def messages_of(
    store: TokenStore, tokenizer: Tokenizer, room: int, min_chars: int
) -> Iterator[Item]:
    """Yield the messages of a split that are long enough to recognize, with the turns before them.

    `room` is the context of the model, in tokens. Context-only messages are skipped: they are not
    trained here, but perhaps elsewhere.
    """
    for _, parsed in turns_by_session(store, tokenizer):
        turns = list(parsed)
        for index, turn in enumerate(turns):
            if index and len(turn.text) >= min_chars and not turn.is_context_only:
                yield item_of(turns[:index], turn, tokenizer, room)


def item_of(past: Sequence[Turn], turn: Turn, tokenizer: Tokenizer, room: int) -> Item:
    """Render a message and the turns before it, which are truncated if both are too long."""
    tail = tokenizer.tail(turn.speaker)
    end = tail[: n_ending(tail, tokenizer.control_ids)]
    reply = [*tokenizer.encode(turn.text)[: room // 2 - 1], *end]
    prompt = render_prompt(past, turn.speaker, tokenizer, room - len(reply))
    return Item(prompt, reply, turn.text)


def spread(items: Iterable[T], n: int) -> list[T]:
    """Return at most n evenly spaced items."""
    all_items = list(items)
    return all_items[:: max(1, -(-len(all_items) // n))][:n]


def reply_logits(
    model: LanguageModel, items: Sequence[Item]
) -> Iterator[tuple[Item, npt.NDArray[np.float32]]]:
    """Yield each item with the logits (T, V) that predict the T tokens of its reply."""
    order = iter(sorted(items, key=lambda item: len(item.prompt) + len(item.reply)))
    longest = max((len(item.prompt) + len(item.reply) for item in items), default=1)
    n_rows = 1  # the first one shows the size of the vocabulary
    while rows := list(islice(order, n_rows)):
        width = max(len(item.prompt) + len(item.reply) for item in rows) - 1
        tokens = np.zeros((len(rows), width), dtype=np.int64)
        for row, item in zip(tokens, rows, strict=True):
            whole = [*item.prompt, *item.reply][:-1]
            row[: len(whole)] = whole  # later tokens do not affect earlier logits
        logits = model(tokens)
        n_rows = max(1, min(_TOKENS_AT_ONCE, _NUMBERS_AT_ONCE // logits.shape[-1]) // longest)
        for row, item in zip(logits, rows, strict=True):
            begin = len(item.prompt) - 1
            yield item, row[begin : begin + len(item.reply)]


def token_log_probabilities(logits: npt.NDArray[np.float32], tokens: Sequence[int]) -> Floats:
    """Return the log-probability (T,), in nats, of each of T tokens under its logits (T, V)."""
    scores = logits.astype(np.float64)
    scores -= scores.max(axis=1, keepdims=True)
    norms = np.log(np.exp(scores).sum(axis=1))
    return np.asarray(scores[np.arange(len(tokens)), list(tokens)] - norms)
