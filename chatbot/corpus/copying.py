"""Replies and a split -> how many repeat its messages word for word."""

from collections.abc import Sequence

from chatbot.corpus.store import TokenStore, session_bounds
from chatbot.corpus.template import parse
from chatbot.corpus.tokenizer import Tokenizer

COPIED_CHARS = 20


def copied_share(replies: Sequence[str], store: TokenStore, tokenizer: Tokenizer, n: int) -> float:
    """Return the share of replies that contain n successive characters of a split's messages.

    The split is streamed, so that memory grows with the replies only.
    """
    replies_with: dict[str, set[int]] = {}
    for number, reply in enumerate(replies):
        for place in range(len(reply) - n + 1):
            replies_with.setdefault(reply[place : place + n], set()).add(number)
    copied: set[int] = set()
    for begin, end in zip(*session_bounds(store.tokens, tokenizer.bos_id), strict=True):
        for _, text in parse(store.tokens[begin:end].tolist(), tokenizer):
            for place in range(len(text) - n + 1):
                copied |= replies_with.get(text[place : place + n], set())
    return len(copied) / max(1, len(replies))
