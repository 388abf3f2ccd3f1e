"""What a room offers a bridge: its title, messages, input, and whether a person interferes."""

from typing import Protocol

from chatbot.conversation import Message


class RoomError(Exception):
    """A window or a connection that did not do what was asked; it ends the bridge."""


class DisturbedError(RoomError):
    """A person interferes."""


class Room(Protocol):
    """A room of a messenger. Every method may raise RoomError; none tries twice."""

    def attend(self) -> None:
        """Turn to the room; from here on, `is_undisturbed` tells whether a person interferes."""

    def is_undisturbed(self) -> bool:
        """Whether nobody used keyboard or mouse, and the focus stayed, since `attend`."""

    def title(self) -> str:
        """Return the room's name as it is shown now."""

    def read(self) -> tuple[Message, ...]:
        """Return the messages that are shown, the oldest first."""

    def typed(self) -> str:
        """Return the text in the input."""

    def put(self, text: str) -> None:
        """Write a text into the empty input."""

    def send(self) -> None:
        """Send what is in the input."""
