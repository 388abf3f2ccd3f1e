"""A room in memory that fails on schedule, and an answerer that notes what it heard."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from chatbot.conversation import Message
from chatbot.serving.bridge.audit import Audit
from chatbot.serving.bridge.bridge import Bridge, Parts
from chatbot.serving.bridge.pace import Pace
from chatbot.serving.bridge.room import RoomError
from chatbot.settings.bridge import BridgeConfig

TITLE, OWN, OTHER, KILL = "바다 모임", "가람", "나래", "봇그만"
EVENTS = (
    "other", "same", "own", "kill", "own_kill", "touch", "rename", "draft", "refuse", "lose", "double", "scroll", "mistype",
)  # fmt: skip


def message(speaker: str, text: str, minute: int = 0) -> Message:
    return Message(speaker, text, datetime(2026, 10, 2, 19, minute % 60, tzinfo=UTC))


@dataclass
class FakeRoom:
    """`schedule`: what happens before each call, None for nothing."""

    schedule: Iterator[str | None] = field(default_factory=lambda: iter(()))
    messages: list[Message] = field(default_factory=list)
    name: str = TITLE
    input: str = ""
    sent: list[tuple[str, str]] = field(default_factory=list)  # title and text, by the bridge
    has_shown_end: bool = False  # the bridge was shown a reason to end
    is_touched: bool = False
    send_mode: str = ""
    n_others: int = 0

    def attend(self) -> None:
        self._happen()
        self.is_touched = False

    def is_undisturbed(self) -> bool:
        self._happen()
        self.has_shown_end |= self.is_touched
        return not self.is_touched

    def title(self) -> str:
        self._happen()
        self.has_shown_end |= self.name != TITLE
        return self.name

    def read(self) -> tuple[Message, ...]:
        self._happen()
        self.has_shown_end |= any(KILL in m.text for m in self.messages)
        return tuple(self.messages)

    def typed(self) -> str:
        self._happen()
        return self.input

    def put(self, text: str) -> None:
        self._happen()
        self.input = text[:-1] if self.send_mode == "mistype" else self.input + text

    def send(self) -> None:
        assert not self.has_shown_end
        self.sent.append((self.name, self.input))
        text, self.input = self.input, ""
        if self.send_mode == "refuse":
            raise RoomError("the window is gone")
        n_shown = {"lose": 0, "double": 2}.get(self.send_mode, 1)
        self.messages += [message(OWN, text, len(self.messages))] * n_shown

    def say(self, speaker: str, text: str) -> None:
        self.n_others += speaker != OWN
        self.messages.append(message(speaker, text, len(self.messages) // 4))

    def _happen(self) -> None:
        event = next(self.schedule, None)
        if event in ("refuse", "lose", "double", "mistype"):
            self.send_mode = event
        elif event in ("other", "same", "own", "kill", "own_kill"):
            text = {"other": f"말 {len(self.messages)}", "same": "ㅋㅋ", "own": "내 말"}.get(event)
            self.say(OWN if "own" in event else OTHER, text or f"이제 {KILL}")
        elif event == "touch":
            self.is_touched = True
        elif event == "rename":
            self.name = "바다 모임 2"
        elif event == "draft":
            self.input = "쓰다 만 말"
        elif event == "scroll":
            del self.messages[: len(self.messages) // 2]


@dataclass
class FakeAnswerer:
    """Answers whenever it is asked, with a text that never repeats."""

    heard: list[tuple[str, str, bool]] = field(default_factory=list)
    n_replies: int = 0
    n_bubbles: int = 1

    def hear(self, name: str, text: str, *, is_own: bool) -> None:
        self.heard.append((name, text, is_own))

    def wants_to_reply(self) -> bool:
        assert not self.heard[-1][2], "its own message would be answered"
        return True

    def reply(self) -> tuple[str, ...]:
        self.n_replies += 1
        return tuple(f"대답 {self.n_replies}-{n}" for n in range(self.n_bubbles))


def make_bridge(
    room, folder: Path, answerer=None, approve=lambda text: text, clock=None, **changes
):
    """Return a bridge to a room; `is_attended` and the settings of a bridge may be changed."""
    is_attended = changes.pop("is_attended", True)
    values = {"rooms": [TITLE], "own_name": OWN, "kill_word": KILL, "label": "", **changes}
    rules = BridgeConfig(**values)
    pace = Pace(rules.per_minute, rules.per_hour, clock or (lambda: 0.0))
    parts = Parts(answerer or FakeAnswerer(), Audit(folder), pace, approve, is_attended)
    return Bridge(room, TITLE, rules, parts)
