"""Conversation <-> tokens: the one renderer, for training and for replying alike.

A network reads the tokenizer's prefix, then for each turn its speaker's head, its text, the tail:
`<|bos|>`, then `<|spk:N|>text<|eos|>`, or what a base's chat template puts there. In the token
files every session begins with `bos_id` in the prefix's place. Loss mask: 0 never trained (frames
but their end token, and turns that are context only), 1 text and end token of a target turn, 2
those of any other turn. T tokens.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chatbot.corpus.tokenizer import Tokenizer

NEVER, TARGET, CONTEXT = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker, known by number, said at once.

    `is_target` if a reply to learn; `is_context_only` if nothing of it may be trained.
    """

    speaker: int
    text: str
    is_target: bool = False
    is_context_only: bool = False

    @property
    def loss_value(self) -> int:
        """What stands in the loss mask for its text."""
        if self.is_context_only:
            return NEVER
        return TARGET if self.is_target else CONTEXT


@dataclass(frozen=True, slots=True)
class Example:
    """A rendered session: tokens and a loss mask of the same length."""

    tokens: list[int]
    loss_mask: list[int]


def render_all(sessions: Sequence[Sequence[Turn]], tokenizer: Tokenizer) -> Iterator[Example]:
    """Render whole sessions as the token files hold them."""
    control = frozenset(tokenizer.control_ids.tolist())
    texts = iter(tokenizer.encode_all([turn.text for turns in sessions for turn in turns]))
    for turns in sessions:
        tokens, mask = [tokenizer.bos_id], [NEVER]
        for turn in turns:
            ids = next(texts)
            head, tail = tokenizer.head(turn.speaker), tokenizer.tail(turn.speaker)
            value = turn.loss_value
            n_learned = len(ids) + n_ending(tail, control)
            learned = [value] * n_learned
            if not control.isdisjoint(ids):  # what a base cannot write is not to be said
                learned[: len(ids)] = [NEVER if token in control else value for token in ids]
            tokens += [*head, *ids, *tail]
            mask += [NEVER] * len(head) + learned
            mask += [NEVER] * (len(ids) + len(tail) - n_learned)
        yield Example(tokens, mask)


def n_ending(tail: Sequence[int], control: Container[int]) -> int:
    """Return how many tokens of a tail are learned: up to the one that ends the turn, if any."""
    return next((i for i, token in enumerate(tail, start=1) if token in control), 0)


def session_lead(tokens: Sequence[int], tokenizer: Tokenizer) -> tuple[tuple[int, ...], int]:
    """Return what a network reads before (T,) tokens of turns, and how many of them that replaces.

    Where a system prompt opens the first turn of speaker 1, that turn's head goes before it; turns
    that begin with another speaker follow a turn of the system prompt alone.
    """
    if not tokenizer.opening:
        return tokenizer.prefix, 0
    head = tokenizer.head(1)
    opened = (*tokenizer.prefix, *head, *tokenizer.opening)
    if tuple(tokens[: len(head)]) == head:
        return opened, len(head)
    return (*opened, *tokenizer.tail(1)), 0


def longest_lead(tokenizer: Tokenizer) -> int:
    """Return the most tokens that a lead adds to a session."""
    return len(session_lead((), tokenizer)[0])


def render_prompt(
    turns: Sequence[Turn], next_speaker: int, tokenizer: Tokenizer, max_tokens: int
) -> list[int]:
    """Render history up to where `next_speaker` begins to speak.

    The oldest turns go first if it is longer than `max_tokens`; the latest turn always stays,
    cut at its front if it alone is too long.
    """
    begun = tokenizer.head(next_speaker)
    kept: list[list[int]] = []
    room = max_tokens - longest_lead(tokenizer) - len(begun)
    for turn in reversed(turns):
        head, tail = tokenizer.head(turn.speaker), tokenizer.tail(turn.speaker)
        piece = [*head, *tokenizer.encode(turn.text), *tail]
        if len(piece) > room:
            if not kept:
                n_fitting = max(0, room - len(head))
                kept.append([*head, *piece[len(piece) - n_fitting :]])
            break
        kept.append(piece)
        room -= len(piece)
    tokens = [token for piece in reversed(kept) for token in piece]
    lead, n_replaced = session_lead(tokens, tokenizer)
    return [*lead, *tokens[n_replaced:], *begun]


def find_turns(
    tokens: npt.NDArray[Any], tokenizer: Tokenizer
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return where turns begin in (T,) tokens of a file, in order, and who speaks: (N,) each."""
    heads = [tokenizer.head(number) for number in range(tokenizer.n_speakers)]
    if heads == [()]:  # text without speakers: a session is one turn
        places = np.flatnonzero(tokens == tokenizer.bos_id) + 1
        return places, np.zeros(len(places), dtype=np.int64)
    begins_head = np.zeros(max(tokenizer.vocab_size, tokenizer.bos_id) + 1, dtype=bool)
    begins_head[[head[0] for head in heads]] = True
    candidates = np.flatnonzero(begins_head[tokens])
    speakers = np.full(len(candidates), -1)
    for number, head in enumerate(heads):
        is_here = candidates <= len(tokens) - len(head)
        for offset, token in enumerate(head):
            is_here[is_here] = tokens[candidates[is_here] + offset] == token
        speakers[is_here] = number
    is_turn = speakers >= 0
    return candidates[is_turn], speakers[is_turn]


def parse(tokens: Sequence[int], tokenizer: Tokenizer) -> Iterator[tuple[int, str]]:
    """Yield (speaker number, text) of each complete turn of a session."""
    for speaker, begin, end in _complete_turns(np.asarray(tokens), tokenizer):
        yield speaker, tokenizer.decode(tokens[begin:end])


def parse_turns(
    tokens: npt.NDArray[Any], loss_mask: npt.NDArray[np.uint8], tokenizer: Tokenizer
) -> Iterator[Turn]:
    """Yield the complete turns of a session of a token file: `render_all` backwards."""
    for speaker, begin, end in _complete_turns(tokens, tokenizer):
        values = loss_mask[begin : end + 1]  # the end token too: a text may be empty
        is_target, is_context = bool((values == TARGET).any()), bool((values == CONTEXT).any())
        text = tokenizer.decode(tokens[begin:end].tolist())
        yield Turn(speaker, text, is_target, not (is_target or is_context))


def _complete_turns(
    tokens: npt.NDArray[Any], tokenizer: Tokenizer
) -> Iterator[tuple[int, int, int]]:
    """Yield (speaker number, begin of its text, end of its text)."""
    places, speakers = find_turns(tokens, tokenizer)
    ends = [*places[1:].tolist(), len(tokens)]
    for start, end, speaker in zip(places.tolist(), ends, speakers.tolist(), strict=True):
        begin, tail = start + len(tokenizer.head(speaker)), tokenizer.tail(speaker)
        end -= len(tail)
        if begin <= end and tuple(tokens[end : end + len(tail)].tolist()) == tail:
            yield speaker, begin, end
