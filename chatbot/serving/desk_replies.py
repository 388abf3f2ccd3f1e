"""Questions -> answers from the rows of a desk, with the ids of these, or the hand-over."""

import threading
from collections.abc import Callable, Generator

from chatbot.retrieval.grounding import Desk, spoken
from chatbot.serving.conversations import End, ReplyRequest, Text
from chatbot.serving.fixed_replies import fixed_reply


class DeskReplier:
    """Answers the latest message of a conversation; no model is asked.

    The ids stand in the last line of the reply, where every client shows them.
    """

    def __init__(self, desk: Desk, hand_over: str) -> None:
        self._desk, self._hand_over = desk, hand_over

    def answer(
        self,
        question: ReplyRequest,
        cancelled: threading.Event,
        on_read: Callable[[int, int], None],
    ) -> Generator[Text | End, None, None]:
        """Yield the answer, then its end, which counts no tokens.

        Raises ApiError if probabilities of tokens are asked for: there are none.
        """
        del cancelled, on_read
        asked = [text for speaker, text in question.turns if speaker != question.speaker] or [""]
        reply = spoken(self._desk.answer(asked[-1], asked[:-1]), self._hand_over)
        yield from fixed_reply(reply, question)
