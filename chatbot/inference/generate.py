"""Prompt tokens -> reply tokens, one at a time; and tokens -> text that can be streamed."""

import codecs
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from chatbot.corpus.tokenizer import BpeTokenizer, Tokenizer
from chatbot.inference.sampling import Sampler
from chatbot.model.language_model import LanguageModel, Logits


class Prefix:
    """What a network has read of one conversation, kept from turn to turn.

    Only tokens that differ from what was read before are read again: the new turn of a chat.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._cache = model.new_cache()
        self._tokens: list[int] = []

    def next_logits(self, tokens: Sequence[int]) -> Logits:
        """Return the logits (V,) of what follows tokens."""
        n_same = 0
        for one, other in zip(self._tokens, tokens[:-1], strict=False):
            if one != other:
                break
            n_same += 1
        self._cache.cut(n_same)
        self._tokens = list(tokens[:n_same])  # true even if Ctrl+C ends the reading below
        new = np.array(tokens[n_same:], dtype=np.int64)
        logits = self._model.next_logits(new, self._cache)
        self._tokens = list(tokens)
        return logits


def generate(
    prefix: Prefix,
    prompt: list[int],
    tokenizer: BpeTokenizer,
    sampler: Sampler,
    bounds: range,
    echo: str = "",
) -> Iterator[int]:
    """Yield tokens of text until the turn ends, as many as `bounds` holds.

    No control token is ever yielded, and the first token is text: a reply is never empty. Nor is
    it `echo`: where that much was said, neither the turn nor the line ends.
    """
    control = np.array([t for t in range(tokenizer.n_control) if t != tokenizer.eos_id])
    at_first = np.append(control, tokenizer.eos_id)
    said: list[int] = []
    while len(said) < bounds.stop:
        logits = prefix.next_logits(prompt + said)
        forbidden = at_first if len(said) < max(1, bounds.start) else control
        if echo and tokenizer.decode(said).strip() == echo:
            forbidden = np.concatenate([at_first, tokenizer.space_ids])
        token = sampler.draw(logits, said, forbidden)
        if token == tokenizer.eos_id:
            return
        said.append(token)
        yield token


def stream_text(tokens: Iterable[int], tokenizer: Tokenizer) -> Iterator[str]:
    """Turn tokens into text as they come, never splitting a character over two pieces."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for token in tokens:
        text = decoder.decode(tokenizer.token_bytes(token))
        if text:
            yield text
    if rest := decoder.decode(b"", final=True):
        yield rest
