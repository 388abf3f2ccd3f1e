"""Prompt tokens -> reply tokens, one at a time; and tokens -> text that can be streamed."""

import codecs
from collections.abc import Iterable, Iterator

import numpy as np

from chatbot.corpus.tokenizer import Tokenizer
from chatbot.inference.sampling import sample_token
from chatbot.model.language_model import LanguageModel
from chatbot.settings import SamplingConfig


def generate(
    model: LanguageModel,
    prompt: list[int],
    tokenizer: Tokenizer,
    settings: SamplingConfig,
    rng: np.random.Generator,
) -> Iterator[int]:
    """Yield tokens of text until the turn ends, `max_new_tokens`, or the context is full.

    No control token is ever yielded, and the first token is text: a reply is never empty.
    """
    cache = model.new_cache()
    control = np.array([t for t in range(tokenizer.n_control) if t != tokenizer.eos_id])
    at_first = np.append(control, tokenizer.eos_id)
    said: list[int] = []
    pending = prompt
    for _ in range(min(settings.max_new_tokens, model.context_length - len(prompt))):
        logits = model(np.array([pending], dtype=np.int64), cache)[0, -1]
        token = sample_token(logits, said, settings, rng, control if said else at_first)
        if token == tokenizer.eos_id:
            return
        said.append(token)
        pending = [token]
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
