"""Lines of a room -> the bot -> messages to send; the basis of adapters for messengers."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chatbot.inference.bot import Bot

_LINE = re.compile(r"(?P<speaker>[^:：]{1,60})\s*[:：]\s(?P<text>.+)$")


@dataclass(frozen=True)
class Outgoing:
    """Messages to send to the room; empty if the bot does not reply."""

    text: str | None


def parse_room_line(line: str) -> tuple[str, str]:
    """Split "name: text"; a line without a name is from the other person.

    >>> parse_room_line("하늘: 뭐해?")
    ('하늘', '뭐해?')
    """
    match = _LINE.match(line.strip())
    return (match["speaker"].strip(), match["text"].strip()) if match else ("", line.strip())


def answer_room(lines: Iterable[str], bot: Bot, numbers: dict[str, int]) -> Iterator[Outgoing]:
    """Answer the lines of a room with bubbles; `numbers`: known name -> speaker id.

    In a group the bot replies with its learned probability. An unknown name gets the next free
    speaker id, or the last one if there is none.
    """
    numbers = dict(numbers)
    for line in lines:
        name, text = parse_room_line(line)
        if not text:
            continue
        taken = max(numbers.values(), default=0)
        number = numbers.setdefault(name, min(taken + 1, bot.n_speakers - 1))
        if number == bot.number:
            number = bot.other  # somebody else uses the bot's name
        bot.hear(text, number)
        if not bot.wants_to_reply():
            yield Outgoing(None)
            continue
        for bubble in bot.reply().bubbles:
            yield Outgoing(bubble)
