"""What every stage speaks about: messages and conversations."""

from datetime import datetime
from typing import Literal

import msgspec

Kind = Literal["message", "media", "system", "context"]


class Message(msgspec.Struct, frozen=True, gc=False):
    """One thing said in a room.

    A message of kind "context" stays where it was said, so that nothing before or after it is
    misread, but is never trained. `sent_at` carries its time zone and is None where the
    export tells no date; `speaker` is "" for a system line. A msgspec struct, because an export
    has millions of them: it is made in a tenth of a frozen dataclass's time.
    """

    speaker: str
    text: str
    sent_at: datetime | None
    kind: Kind = "message"


class Conversation(msgspec.Struct, frozen=True):
    """Messages in the order they were sent, and where they come from.

    Long exports arrive in pieces: neighbours with the same `source` continue one another.
    """

    messages: tuple[Message, ...]
    source: str
