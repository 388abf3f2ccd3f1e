"""Questions -> replies of the bot, computed on the engine together with all other replies."""

import threading
from collections.abc import Callable, Generator, Iterator, Sequence

from chatbot.corpus.tokenizer import Tokenizer
from chatbot.inference.attribution import Attribution, TokenText
from chatbot.inference.bot import Bot
from chatbot.inference.engine import Cancelled, Engine, LeaseOptions
from chatbot.inference.generate import Reader
from chatbot.inference.loading import LoadedModel
from chatbot.serving.api_errors import stopping
from chatbot.serving.conversations import End, ReplyRequest, Text, TokenProbability


class EngineReplier:
    """Answers in the calling thread, which waits for the steps of the engine.

    A reply with a seed is computed alone, so that it is the same at any load.
    """

    def __init__(self, loaded: LoadedModel, engine: Engine) -> None:
        self._loaded = loaded
        self._engine = engine

    def answer(
        self,
        question: ReplyRequest,
        cancelled: threading.Event,
        on_read: Callable[[int, int], None],
    ) -> Generator[Text | End, None, None]:
        """Yield the reply in pieces, then its end; nothing more once `cancelled` is set.

        Raises ApiError if the engine is closed meanwhile.
        """
        options = LeaseOptions(question.sampling.seed is not None, cancelled, on_read)
        try:
            with self._engine.lease(question.owner, options) as reader:
                yield from self._reply(reader, question)
        except Cancelled:
            if not cancelled.is_set():
                raise stopping() from None

    def _reply(self, reader: Reader, question: ReplyRequest) -> Iterator[Text | End]:
        bot = self._loaded.bot(reader, question.speaker, question.sampling)
        for speaker, text in question.turns:
            bot.hear(text, speaker)
        if question.n_top is None:
            yield from map(Text, bot.stream(question.stop))
        else:
            yield from _with_tokens(bot, question, self._loaded.tokenizer)
        record = bot.record
        yield End(record.ending, record.n_prompt, record.n_generated)


def _with_tokens(bot: Bot, question: ReplyRequest, tokenizer: Tokenizer) -> Iterator[Text]:
    """Yield the reply by complete tokens."""
    attribution: Attribution | None = None
    for piece in bot.stream(question.stop, question.n_top):
        attribution = attribution or Attribution(tokenizer, bot.record)
        if shares := attribution.take(piece):
            yield _text(shares, tokenizer)
    if attribution is not None:
        yield _text(attribution.finish(), tokenizer)


def _text(shares: Sequence[TokenText], tokenizer: Tokenizer) -> Text:
    """Return the text of tokens, with their probabilities."""
    tokens = [
        TokenProbability(
            share.text,
            tokenizer.token_bytes(share.drawn.token),
            share.drawn.log_probability,
            tuple(_likely(*other, tokenizer) for other in share.drawn.likely),
        )
        for share in shares
    ]
    return Text("".join(share.text for share in shares), tuple(tokens))


def _likely(token: int, log_probability: float, tokenizer: Tokenizer) -> TokenProbability:
    content = tokenizer.token_bytes(token)
    return TokenProbability(content.decode("utf-8", "replace"), content, log_probability)
