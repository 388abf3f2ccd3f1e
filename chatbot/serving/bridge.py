"""A room -> the bot -> what would be sent back; adapters for messengers build on this."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chatbot.inference.bot import Bot

_LINE = re.compile(r"(?P<speaker>[^:：]{1,60})\s*[:：]\s(?P<text>.+)$")


@dataclass(frozen=True)
class Outgoing:
    """A message that would be sent to the room."""

    text: str


def parse_room_line(line: str) -> tuple[str, str]:
    """Split "name: text"; a line without a name comes from the one other person.

    >>> parse_room_line("하늘: 뭐해?")
    ('하늘', '뭐해?')
    """
    found = _LINE.match(line.strip())
    return (found["speaker"].strip(), found["text"].strip()) if found else ("", line.strip())


def answer_room(lines: Iterable[str], bot: Bot, numbers: dict[str, int]) -> Iterator[Outgoing]:
    """Answer every line of a room with bubbles. `numbers` tells known speakers' numbers.

    Somebody unknown gets the next free number; when there is none, the last.
    """
    numbers = dict(numbers)
    for line in lines:
        name, text = parse_room_line(line)
        if not text:
            continue
        taken = max(numbers.values(), default=0)
        number = numbers.setdefault(name, min(taken + 1, bot.n_speakers - 1))
        if number == 0:
            number = 1  # the persona does not answer itself: somebody else types under its name
        bot.hear(text, number)
        for bubble in bot.reply().bubbles:
            yield Outgoing(bubble)
