"""The desk of a project, after the password check: questions -> what the customer reads."""

from collections.abc import Callable

from chatbot.cli.keys import require_owner
from chatbot.settings.schema import Config


def open_desk_answers(config: Config) -> Callable[[str], str]:
    """Check the password, and return what answers from the rows of the desk or hands over.

    Its questions are of one customer.
    """
    from chatbot.retrieval.desk import open_desk
    from chatbot.retrieval.grounding import spoken

    require_owner(config)
    desk = open_desk(config)
    earlier: list[str] = []

    def answer(question: str) -> str:
        supported = desk.answer(question, earlier)
        earlier.append(question)
        return spoken(supported, config.qna.answering.hand_over)

    return answer
