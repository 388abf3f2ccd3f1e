"""Questions -> answers of skills where one recognizes the message, else replies of the bot."""

import threading
from collections.abc import Callable, Generator
from dataclasses import replace

from chatbot.serving.conversations import End, Replier, ReplyRequest, Text
from chatbot.serving.fixed_replies import fixed_reply
from chatbot.serving.skills.assistant import Assistant


class SkillReplier:
    """Stands in front of the bot or the desk: every interface of the server has the same skills."""

    def __init__(self, replier: Replier, assistant: Assistant) -> None:
        self._replier, self._assistant = replier, assistant

    def answer(
        self,
        question: ReplyRequest,
        cancelled: threading.Event,
        on_read: Callable[[int, int], None],
    ) -> Generator[Text | End, None, None]:
        """Yield the reply in pieces, then its end.

        Raises ApiError if probabilities of a skill's tokens are asked for: there are none.
        """
        heard = self._assistant.hear(question.turns, question.speaker)
        if heard.request is not None:
            yield from fixed_reply(self._assistant.answer(heard.request), question)
            return
        read = replace(question, turns=heard.turns or question.turns)
        yield from self._replier.answer(read, cancelled, on_read)
