"""Kakao's skill protocol 2.0 as structs, with its documented limits; other fields are ignored.

Of a request only what is used is read.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

MOST_OUTPUTS, MOST_QUICK_REPLIES = 3, 10
MOST_CHARS = 1000  # of a bubble
MOST_LABEL_CHARS = 14
MOST_BYTES = 30 * 1024  # of all bubbles of an answer
MOST_USER_ID_CHARS = 70


# ---------------------------------------------------------------- the request
class User(msgspec.Struct, frozen=True):
    """Who wrote: an id that is stable for this bot."""

    id: Annotated[str, Meta(min_length=1, max_length=MOST_USER_ID_CHARS)]


class UserRequest(msgspec.Struct, frozen=True, rename="camel"):
    """What somebody wrote; `callback_url` only in blocks that allow a late answer."""

    user: User
    utterance: str
    callback_url: str | None = None


class Bot(msgspec.Struct, frozen=True):
    """Which bot is asked."""

    id: str = ""


class SkillRequest(msgspec.Struct, frozen=True, rename="camel"):
    """The body of POST /kakao/skill."""

    user_request: UserRequest
    bot: Bot = Bot()


# ---------------------------------------------------------------- the answer
class SimpleText(msgspec.Struct, frozen=True):
    """The text of a bubble."""

    text: Annotated[str, Meta(min_length=1, max_length=MOST_CHARS)]


class Output(msgspec.Struct, frozen=True, rename="camel"):
    """A bubble."""

    simple_text: SimpleText


class QuickReply(msgspec.Struct, frozen=True, rename="camel"):
    """A button under the answer that sends its text."""

    label: Annotated[str, Meta(min_length=1, max_length=MOST_LABEL_CHARS)]
    message_text: Annotated[str, Meta(min_length=1, max_length=MOST_CHARS)]
    action: Literal["message"] = "message"


class Template(msgspec.Struct, frozen=True, rename="camel"):
    """The bubbles and buttons of an answer."""

    outputs: Annotated[list[Output], Meta(min_length=1, max_length=MOST_OUTPUTS)]
    quick_replies: Annotated[list[QuickReply], Meta(max_length=MOST_QUICK_REPLIES)] = []


class SkillResponse(msgspec.Struct, frozen=True):
    """An answer."""

    template: Template
    version: Literal["2.0"] = "2.0"


class WaitingText(msgspec.Struct, frozen=True):
    """What the block shows meanwhile: {{#webhook.text}}."""

    text: str


class CallbackAck(msgspec.Struct, frozen=True, rename="camel"):
    """Says that the answer will be posted to the callback address."""

    data: WaitingText
    version: Literal["2.0"] = "2.0"
    use_callback: Literal[True] = True


class CallbackResult(msgspec.Struct, frozen=True):
    """What Kakao answers to a posted answer."""

    status: Literal["SUCCESS", "FAIL", "ERROR"]
    message: str = ""
