"""Questions -> replies of the bot, computed on the engine together with all other replies."""

import threading
from collections.abc import Callable, Iterator

from chatbot.corpus.tokenizer import Tokenizer
from chatbot.inference.bot import Bot
from chatbot.inference.engine import Engine, LeaseOptions
from chatbot.inference.loading import LoadedModel
from chatbot.inference.sampling import Drawn
from chatbot.serving.conversations import End, Question, Text, TokenProbability


class EngineAnswerer:
    """Answers in the calling thread, which waits for the steps of the engine.

    A reply with a seed is computed alone, so that it is the same at any load.
    """

    def __init__(self, loaded: LoadedModel, engine: Engine) -> None:
        self._loaded = loaded
        self._engine = engine

    def answer(
        self, question: Question, cancelled: threading.Event, on_read: Callable[[int, int], None]
    ) -> Iterator[Text | End]:
        """Yield the reply in pieces, then its end; raises engine.Cancelled."""
        options = LeaseOptions(question.sampling.seed is not None, cancelled, on_read)
        with self._engine.lease(question.owner, options) as reader:
            bot = self._loaded.bot(reader, question.speaker, question.sampling)
            for speaker, text in question.turns:
                bot.hear(text, speaker)
            if question.n_top is None:
                yield from map(Text, bot.stream(question.stop))
            else:
                yield from _with_tokens(bot, question, self._loaded.tokenizer)
            record = bot.record
            yield End(record.ending, record.n_prompt, record.n_generated)


def _with_tokens(bot: Bot, question: Question, tokenizer: Tokenizer) -> Iterator[Text]:
    """Yield the reply by the tokens it is made of; those without text go with the next that has."""
    text, n_drawn, n_told = "", 0, 0
    for piece in bot.stream(question.stop, question.n_top):
        n_now = min(len(bot.record.drawn), bot.record.n_generated)  # without the end token
        if text and n_now > n_drawn:
            yield _told(text, bot.record.drawn[n_told:n_drawn], tokenizer)
            text, n_told = "", n_drawn
        text, n_drawn = text + piece, n_now
    if text:
        yield _told(text, bot.record.drawn[n_told:n_drawn], tokenizer)


def _told(text: str, drawn: list[Drawn], tokenizer: Tokenizer) -> Text:
    """Return a piece of text with its tokens; the last of them has all of the text."""
    tokens = [
        TokenProbability(
            text if place == len(drawn) else "",
            tokenizer.token_bytes(token.token),
            token.log_probability,
            tuple(_likely(other, log, tokenizer) for other, log in token.likely),
        )
        for place, token in enumerate(drawn, start=1)
    ]
    return Text(text, tuple(tokens))


def _likely(token: int, log_probability: float, tokenizer: Tokenizer) -> TokenProbability:
    content = tokenizer.token_bytes(token)
    return TokenProbability(content.decode("utf-8", "replace"), content, log_probability)
