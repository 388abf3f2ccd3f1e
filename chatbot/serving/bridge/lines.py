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


def number_of(name: str, numbers: dict[str, int], n_speakers: int) -> int:
    """Return the speaker id of a name, and remember it.

    An unknown name gets the next free speaker id, or the last one if there is none.

    >>> number_of("하늘", {"도윤": 0, "가람": 1}, n_speakers=4)
    2
    """
    taken = max(numbers.values(), default=0)
    return numbers.setdefault(name, min(taken + 1, n_speakers - 1))


def answer_room(lines: Iterable[str], bot: Bot, numbers: dict[str, int]) -> Iterator[Outgoing]:
    """Answer the lines of a room with bubbles; `numbers`: known name -> speaker id.

    In a group the bot replies with its learned probability.
    """
    numbers = dict(numbers)
    for line in lines:
        name, text = parse_room_line(line)
        if not text:
            continue
        number: int | None = number_of(name, numbers, bot.n_speakers)
        if number == bot.number:
            number = None  # somebody else uses the bot's name
        bot.hear(text, number)
        if not bot.wants_to_reply():
            yield Outgoing(None)
            continue
        for bubble in bot.reply().bubbles:
            yield Outgoing(bubble)
