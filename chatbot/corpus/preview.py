"""A corpus read back: samples to look at, and messages by role for other programs."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

from chatbot.corpus.store import SPLITS, Stats, TokenStore, open_store, session_bounds
from chatbot.corpus.template import Turn, parse_turns
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.storage.files import atomic_write


class PreviewTurn(msgspec.Struct, frozen=True):
    """A turn as it is trained."""

    speaker: int
    text: str
    is_trained: bool
    is_context_only: bool


class PreviewSample(msgspec.Struct, frozen=True):
    """A sample as it is trained."""

    n_tokens: int
    turns: list[PreviewTurn]


def preview(store: TokenStore, tokenizer: Tokenizer, n_samples: int) -> Iterator[PreviewSample]:
    """Yield the first samples of a split, read back from the token files."""
    for n_tokens, turns in islice(turns_by_session(store, tokenizer), n_samples):
        shown = [PreviewTurn(t.speaker, t.text, t.is_target, t.is_context_only) for t in turns]
        yield PreviewSample(n_tokens, shown)


def write_jsonl(folder: Path, stats: Stats, tokenizer: Tokenizer) -> None:
    """Write train.jsonl and val.jsonl: sessions as messages by role; speaker 0 is the assistant.

    Weight 0 marks messages that are context only, as in other programs.
    """
    for split in SPLITS:
        store = open_store(folder, split, stats.dtype)
        with atomic_write(folder / f"{split}.jsonl") as file:
            for _, turns in turns_by_session(store, tokenizer):
                talk = [
                    {"role": "assistant" if turn.speaker == 0 else "user", "content": turn.text}
                    | ({"name": str(turn.speaker)} if tokenizer.n_speakers > 2 else {})
                    | ({"weight": 0} if turn.is_context_only else {})
                    for turn in turns
                ]
                file.write(json.dumps({"messages": talk}, ensure_ascii=False).encode() + b"\n")


def turns_by_session(
    store: TokenStore, tokenizer: Tokenizer
) -> Iterator[tuple[int, Iterator[Turn]]]:
    """Yield (number of tokens, turns) of each session of a split."""
    for start, end in zip(*session_bounds(store.tokens, tokenizer.bos_id), strict=True):
        turns = parse_turns(store.tokens[start:end], store.loss_mask[start:end], tokenizer)
        yield int(end - start), turns
