"""Conversation <-> tokens: the one renderer, for training and for replying alike.

`<|bos|>`, then for each turn `<|spk:N|>text<|eos|>`. Loss mask: 0 never trained (control tokens
but eos), 1 text and eos of a target turn, 2 text and eos of any other turn.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chatbot.corpus.tokenizer import Tokenizer

NEVER, TARGET, CONTEXT = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker, known by number, said at once; `is_target` if a reply to learn."""

    speaker: int
    text: str
    is_target: bool = False


@dataclass(frozen=True, slots=True)
class Example:
    """A rendered session: tokens and a loss mask of the same length."""

    tokens: list[int]
    loss_mask: list[int]


def render_all(sessions: Sequence[Sequence[Turn]], tokenizer: Tokenizer) -> Iterator[Example]:
    """Render whole sessions for training."""
    texts = iter(tokenizer.encode_all([turn.text for turns in sessions for turn in turns]))
    for turns in sessions:
        tokens, mask = [tokenizer.bos_id], [NEVER]
        for turn in turns:
            ids = next(texts)
            value = TARGET if turn.is_target else CONTEXT
            tokens += [tokenizer.speaker_id(turn.speaker), *ids, tokenizer.eos_id]
            mask += [NEVER, *[value] * (len(ids) + 1)]
        yield Example(tokens, mask)


def render_prompt(
    turns: Sequence[Turn], next_speaker: int, tokenizer: Tokenizer, max_tokens: int
) -> list[int]:
    """Render history up to where `next_speaker` begins to speak.

    The oldest turns go first if it is longer than `max_tokens`; the latest turn always stays,
    cut at its front if it alone is too long.
    """
    tail = [tokenizer.speaker_id(next_speaker)]
    kept: list[list[int]] = []
    room = max_tokens - 1 - len(tail)
    for turn in reversed(turns):
        piece = [tokenizer.speaker_id(turn.speaker), *tokenizer.encode(turn.text), tokenizer.eos_id]
        if len(piece) > room:
            if not kept:
                kept.append([piece[0], *piece[len(piece) - room + 1 :]])
            break
        kept.append(piece)
        room -= len(piece)
    return [tokenizer.bos_id, *(token for piece in reversed(kept) for token in piece), *tail]


def parse(tokens: Sequence[int], tokenizer: Tokenizer) -> Iterator[tuple[int, str]]:
    """Yield (speaker number, text) of each turn of a rendered session: `render` backwards."""
    first_speaker = tokenizer.n_control - tokenizer.n_speakers
    speaker, start = -1, 0
    for index, token in enumerate(tokens):
        if first_speaker <= token < tokenizer.n_control:
            speaker, start = token - first_speaker, index + 1
        elif token == tokenizer.eos_id:
            yield speaker, tokenizer.decode(tokens[start:index])
