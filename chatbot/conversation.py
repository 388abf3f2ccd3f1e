"""What every stage speaks about: messages and sessions."""

from datetime import datetime
from typing import Literal

import msgspec

Kind = Literal["message", "media", "system", "context"]


class Message(msgspec.Struct, frozen=True, gc=False):
    """One thing said in a room.

    A message of kind "context" stays where it was said, so that nothing before or after it is
    misread, but is never trained. `sent_at` carries its time zone and is None where the
    export tells no date; `speaker` is "" for a system line. `media` tells what one of
    kind "media" stands for (photo, file), the same word whatever language the export is in. A
    msgspec struct, because an export has millions of them: it is made in a tenth of a frozen
    dataclass's time.
    """

    speaker: str
    text: str
    sent_at: datetime | None
    kind: Kind = "message"
    media: str = ""


class Session(msgspec.Struct, frozen=True):
    """A stretch of a chat without a long silence: messages in the order they were sent.

    `source` is the id of the room, by its first export.
    """

    messages: tuple[Message, ...]
    source: str
