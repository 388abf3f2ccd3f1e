"""Messages of a room, by name -> what the bot would say; its history is what the room shows."""

from typing import Protocol

from chatbot.inference.bot import Bot
from chatbot.serving.bridge.lines import number_of


class Answerer(Protocol):
    """Hears a room and writes replies; a reply is part of the room only when it is heard."""

    def hear(self, name: str, text: str, *, is_own: bool) -> None:
        """Take a message of the room."""

    def wants_to_reply(self) -> bool:
        """Decide whether to answer what was heard, by the rules of a group."""

    def reply(self) -> tuple[str, ...]:
        """Write the messages of a reply, without remembering them."""


class BotAnswerer:
    """A bot in a room; names get speaker ids in the order in which they are heard."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._numbers = dict(bot.names)

    def hear(self, name: str, text: str, *, is_own: bool) -> None:
        """Take a message: the account's own messages are the bot's, whoever typed them."""
        bot = self._bot
        if is_own:
            bot.hear(text, bot.number)
            return
        number = number_of(name, self._numbers, bot.n_speakers)
        bot.hear(text, None if number == bot.number else number)

    def wants_to_reply(self) -> bool:
        """Draw by the learned probability; in a room of two always."""
        return self._bot.wants_to_reply()

    def reply(self) -> tuple[str, ...]:
        """Write a reply and take it back: it enters the history when the room shows it."""
        n_turns = len(self._bot.history)
        bubbles = self._bot.reply().bubbles
        if len(self._bot.history) > n_turns:
            self._bot.forget(1)
        return bubbles
