"""The types that travel through every stage: messages and sessions."""

from datetime import datetime
from typing import Literal

import msgspec

Kind = Literal["message", "media", "system", "context"]
# Speakers of a table of questions and answers: no name in a room ends with U+2060.
DESK, CUSTOMER = "desk\u2060", "customer\u2060"


class Message(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A message of a room.

    A message of kind "context" keeps its place, so that its neighbours are not misread, but is
    never trained. `sent_at` carries its time zone and is None if the export has no dates; `speaker`
    is "" for a system line. `media` is the kind of attachment of a "media" message (photo, file),
    in the same word for exports of any language. A msgspec struct, because an export has millions
    of them: creating it takes a tenth of the time of a frozen dataclass.

    `id` and `reply_to`: the message's own id in its room and that of the message it answers, where
    an export has them.
    """

    speaker: str
    text: str
    sent_at: datetime | None
    kind: Kind = "message"
    media: str = ""
    id: str = ""
    reply_to: str = ""


class Session(msgspec.Struct, frozen=True):
    """A stretch of a chat without a long silence: messages in the order they were sent.

    `source` is the id of the room: that of its first export.
    """

    messages: tuple[Message, ...]
    source: str
