"""The text of a reply, divided among the tokens that it was generated from."""

import codecs
from collections import deque
from dataclasses import dataclass

from chatbot.corpus.tokenizer import Tokenizer
from chatbot.inference.generate import Record
from chatbot.inference.sampling import Drawn


@dataclass(frozen=True)
class TokenText:
    """A generated token, and the part of the reply's text that it became."""

    drawn: Drawn
    text: str


class Attribution:
    """Attributes the pieces of a streamed reply to its tokens, in order.

    The texts add up to the reply. They can differ from what the tokens stand for: white space at
    the edges of bubbles is dropped, and personal data is starred, one star for a character.
    """

    def __init__(self, tokenizer: Tokenizer, record: Record) -> None:
        self._tokenizer, self._drawn = tokenizer, record.drawn
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._n_decoded = 0
        self._sources: deque[int] = deque()  # the token of each visible character to come
        self._place, self._text = 0, ""  # of the token whose text is not complete

    def take(self, piece: str) -> list[TokenText]:
        """Return the tokens whose text this piece completes."""
        complete = []
        for char in piece:
            source = self._place if char.isspace() else self._next_source()
            if source != self._place and self._text.strip():
                complete.append(TokenText(self._drawn[self._place], self._text))
                self._text = ""
            self._place = source
            self._text += char
        return complete

    def finish(self) -> list[TokenText]:
        """Return the last token."""
        return [TokenText(self._drawn[self._place], self._text)] if self._text else []

    def _next_source(self) -> int:
        """Return the token of the next visible character."""
        while not self._sources and self._n_decoded < len(self._drawn):
            is_last = self._n_decoded == len(self._drawn) - 1
            content = self._tokenizer.token_bytes(self._drawn[self._n_decoded].token)
            chars = self._decoder.decode(content, final=is_last)
            self._sources.extend(self._n_decoded for char in chars if not char.isspace())
            self._n_decoded += 1
        return self._sources.popleft() if self._sources else self._place
