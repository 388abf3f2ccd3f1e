"""Conversation <-> tokens: the only renderer, for training and replying.

A network reads the tokenizer's prefix, then for each turn the speaker's turn prefix, the text and
the turn suffix: `<|bos|>`, then `<|spk:N|>text<|eos|>`, or the frames of a base's chat template. In
the token files every session begins with `bos_id` instead of the prefix. Loss mask: 0 never trained
(frames except end tokens, and context-only turns), 1 text and end token of a target turn, 2 those
of any other turn. T tokens.
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
    """Successive messages of one speaker.

    `is_target`: a reply to train; `is_context_only`: no token of it may be trained.
    """

    speaker: int
    text: str
    is_target: bool = False
    is_context_only: bool = False

    @property
    def loss_value(self) -> int:
        """The loss mask value of its text."""
        if self.is_context_only:
            return NEVER
        return TARGET if self.is_target else CONTEXT


@dataclass(frozen=True, slots=True)
class Example:
    """A rendered session: tokens and a loss mask of the same length."""

    tokens: list[int]
    loss_mask: list[int]


def render_all(sessions: Sequence[Sequence[Turn]], tokenizer: Tokenizer) -> Iterator[Example]:
    """Render whole sessions in the form of the token files."""
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
            if not control.isdisjoint(ids):  # `<unk>` must not be generated
                learned[: len(ids)] = [NEVER if token in control else value for token in ids]
            tokens += [*head, *ids, *tail]
            mask += [NEVER] * len(head) + learned
            mask += [NEVER] * (len(ids) + len(tail) - n_learned)
        yield Example(tokens, mask)


def n_ending(tail: Sequence[int], control: Container[int]) -> int:
    """Return how many tokens of a turn suffix are trained: up to the end token, if any."""
    return next((i for i, token in enumerate(tail, start=1) if token in control), 0)


def session_lead(tokens: Sequence[int], tokenizer: Tokenizer) -> tuple[tuple[int, ...], int]:
    """Return the tokens to read before (T,) tokens of turns, and how many of those they replace.

    If a system prompt opens the first turn of speaker 1, that turn's prefix precedes it; turns that
    begin with another speaker follow a turn with only the system prompt.
    """
    if not tokenizer.opening:
        return tokenizer.prefix, 0
    head = tokenizer.head(1)
    opened = (*tokenizer.prefix, *head, *tokenizer.opening)
    if tuple(tokens[: len(head)]) == head:
        return opened, len(head)
    return (*opened, *tokenizer.tail(1)), 0


def longest_lead(tokenizer: Tokenizer) -> int:
    """Return the maximum number of tokens that `session_lead` adds to a session."""
    return len(session_lead((), tokenizer)[0])


def render_prompt(
    turns: Sequence[Turn], next_speaker: int, tokenizer: Tokenizer, max_tokens: int
) -> list[int]:
    """Render the history and the turn prefix of `next_speaker`.

    If longer than `max_tokens`, the oldest turns are dropped; the latest turn is always kept,
    truncated at its start if necessary.
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
    """Return the starts and speakers of the N turns in (T,) tokens of a file: (N,) each."""
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
    """Yield (speaker id, text) of each complete turn of a session."""
    for speaker, begin, end in _complete_turns(np.asarray(tokens), tokenizer):
        yield speaker, tokenizer.decode(tokens[begin:end])


def parse_turns(
    tokens: npt.NDArray[Any], loss_mask: npt.NDArray[np.uint8], tokenizer: Tokenizer
) -> Iterator[Turn]:
    """Yield the complete turns of a session of a token file: the inverse of `render_all`."""
    for speaker, begin, end in _complete_turns(tokens, tokenizer):
        values = loss_mask[begin : end + 1]  # the end token too: a text may be empty
        is_target, is_context = bool((values == TARGET).any()), bool((values == CONTEXT).any())
        text = tokenizer.decode(tokens[begin:end].tolist())
        yield Turn(speaker, text, is_target, not (is_target or is_context))


def _complete_turns(
    tokens: npt.NDArray[Any], tokenizer: Tokenizer
) -> Iterator[tuple[int, int, int]]:
    """Yield (speaker id, start of the text, end of the text)."""
    places, speakers = find_turns(tokens, tokenizer)
    ends = [*places[1:].tolist(), len(tokens)]
    for start, end, speaker in zip(places.tolist(), ends, speakers.tolist(), strict=True):
        begin, tail = start + len(tokenizer.head(speaker)), tokenizer.tail(speaker)
        end -= len(tail)
        if begin <= end and tuple(tokens[end : end + len(tail)].tolist()) == tail:
            yield speaker, begin, end
