"""A text that no model wrote -> the events of a reply."""

from collections.abc import Generator

from chatbot.inference.generate import until
from chatbot.serving.api_errors import unsupported
from chatbot.serving.conversations import End, ReplyRequest, Text


def fixed_reply(text: str, question: ReplyRequest) -> Generator[Text | End, None, None]:
    """Yield a text up to the first stop text, then an end that counts no tokens.

    Raises ApiError if probabilities of tokens are asked for: there are none.
    """
    if question.n_top is not None:
        raise unsupported("logprobs")
    yield from map(Text, until([text], question.stop, lambda: None))
    yield End("stop", 0, 0)
