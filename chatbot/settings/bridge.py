"""The settings of the bridge to a messenger: which rooms, how much, and what ends it."""

from typing import Annotated

from msgspec import Meta, field

from chatbot.settings.kinds import Folder, Rate, Section


class BridgeConfig(Section, frozen=True):
    """The bridge: off without a room in `rooms`."""

    rooms: list[Annotated[str, Meta(min_length=1, max_length=200)]] = field(default_factory=list)
    own_name: Annotated[str, Meta(max_length=100)] = ""
    kill_word: Annotated[str, Meta(min_length=2, max_length=40)] = "봇그만"
    label: Annotated[str, Meta(max_length=40)] = "[AI]"
    per_minute: Annotated[int, Meta(ge=1, le=60)] = 3
    per_hour: Annotated[int, Meta(ge=1, le=600)] = 30
    poll_seconds: Annotated[float, Meta(ge=0.2, le=3600)] = 3.0
    idle_seconds: Rate = 5.0
    auto: bool = False
    policy: str = ""
    dir: Folder = "data/bridge"
