"""A room -> the bot -> what would be sent back; adapters for messengers build on this."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chatbot.inference.bot import Bot

_LINE = re.compile(r"(?P<speaker>[^:：]{1,60})\s*[:：]\s(?P<text>.+)$")


@dataclass(frozen=True)
class Outgoing:
    """A message that would be sent to the room; none: the bot leaves the word to others."""

    text: str | None


def parse_room_line(line: str) -> tuple[str, str]:
    """Split "name: text"; a line without a name comes from the one other person.

    >>> parse_room_line("하늘: 뭐해?")
    ('하늘', '뭐해?')
    """
    found = _LINE.match(line.strip())
    return (found["speaker"].strip(), found["text"].strip()) if found else ("", line.strip())


def answer_room(lines: Iterable[str], bot: Bot, numbers: dict[str, int]) -> Iterator[Outgoing]:
    """Answer the lines of a room with bubbles. `numbers` tells known speakers' numbers.

    In a group the bot answers as often as its number did in the log, to what it answered there.
    Somebody unknown gets the next free number; when there is none, the last.
    """
    numbers = dict(numbers)
    for line in lines:
        name, text = parse_room_line(line)
        if not text:
            continue
        taken = max(numbers.values(), default=0)
        number = numbers.setdefault(name, min(taken + 1, bot.n_speakers - 1))
        if number == bot.number:
            number = bot.other  # nobody answers themselves: somebody else types under the name
        bot.hear(text, number)
        if not bot.wants_to_reply():
            yield Outgoing(None)
            continue
        for bubble in bot.reply().bubbles:
            yield Outgoing(bubble)
