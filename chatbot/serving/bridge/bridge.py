"""The bridge: looks at one allowed room, decides whether to answer, and sends once, or stops.

It has no window and no network: a `Room` has. Whatever is unexpected ends it; nothing is tried
again. What it has ended for is in `ending`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from chatbot.conversation import Message
from chatbot.serving.bridge.answerer import Answerer
from chatbot.serving.bridge.audit import Audit
from chatbot.serving.bridge.diff import new_messages
from chatbot.serving.bridge.pace import Pace
from chatbot.serving.bridge.room import DisturbedError, Room, RoomError
from chatbot.settings.bridge import BridgeConfig

Approve = Callable[[str], str | None]


class Decision(StrEnum):
    """What came of a look at the room. The second group ends the bridge."""

    QUIET = "quiet"  # nothing new by others
    SILENT = "silent"  # leaves the word to others
    LOST = "lost"  # does not recognize what it saw before: begins anew, answers nothing
    LIMITED = "limited"  # sent enough for now
    DECLINED = "declined"
    STALE = "stale"  # somebody wrote while the reply was decided on
    SENT = "sent"

    KILLED = "kill word"
    TOUCHED = "touched"  # somebody used keyboard, mouse or another window
    WRONG_ROOM = "wrong room"
    OCCUPIED = "occupied"  # a draft of the owner is in the input
    MISTYPED = "mistyped"  # the input does not hold what was put there
    UNCONFIRMED = "unconfirmed"  # the room does not show what was sent, or more than once
    FAILED = "failed"  # the window or the connection did not do what was asked


class _End(Exception):  # noqa: N818 it is no error: it ends the bridge
    """Unwinds to `step`."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.value)
        self.decision = decision


@dataclass(frozen=True)
class Parts:
    """What a bridge works with. `approve`: asks a person for the text to send; None: send nothing.

    `is_attended`: a person answers `approve` and may use the computer between two looks.
    """

    answerer: Answerer
    audit: Audit
    pace: Pace
    approve: Approve
    is_attended: bool = True


class Bridge:
    """Answers one room, which the settings must allow by its whole name."""

    def __init__(self, room: Room, title: str, rules: BridgeConfig, parts: Parts) -> None:
        self._room, self._title, self._rules, self._parts = room, title, rules, parts
        self._seen: tuple[Message, ...] | None = None
        self._is_turned = False  # to the room
        self._is_asked = False  # the latest message is new and somebody else's
        self.n_new = self.n_sent = 0
        self.ending: Decision | None = None

    def step(self) -> Decision:
        """Look at the room once, and answer if there is reason to; never raises RoomError."""
        if self.ending is not None:
            return self.ending
        self.n_new = 0
        try:
            self._require_allowed()
            decision = self._look_and_answer()
        except _End as end:
            decision = self.ending = end.decision
        except DisturbedError:
            decision = self.ending = Decision.TOUCHED
        except RoomError:
            decision = self.ending = Decision.FAILED
        if self._parts.is_attended:
            self._is_turned = False
        if decision is not Decision.QUIET:
            self._parts.audit.record(self._title, decision.value, self.n_new, self.n_sent)
        return decision

    def _require_allowed(self) -> None:
        if self._title not in self._rules.rooms:
            raise _End(Decision.WRONG_ROOM)
        if self._parts.audit.is_ended(self._title):
            raise _End(Decision.KILLED)

    # ------------------------------------------------------------ reading
    def _look_and_answer(self) -> Decision:
        self._turn()
        if not self._look():
            return Decision.LOST
        if not self._is_asked:
            return Decision.QUIET
        self._is_asked = False
        if not self._parts.answerer.wants_to_reply():
            return Decision.SILENT
        if not self._parts.pace.allows():
            return Decision.LIMITED
        return self._answer()

    def _turn(self) -> None:
        if not self._is_turned:
            self._room.attend()
            self._is_turned = True
        self._require_calm()

    def _require_calm(self) -> None:
        """End where a person interferes, or the window is another room's by now."""
        if not self._room.is_undisturbed():
            raise _End(Decision.TOUCHED)
        if self._room.title() != self._title:
            raise _End(Decision.WRONG_ROOM)

    def _look(self) -> bool:
        """Take what is new; return False if what was seen before is not recognized."""
        shown = self._room.read()
        self._require_calm()
        if self._seen is None:  # what was there before is history, and never answered
            self._seen = shown
            self._take(shown)
            self._is_asked = False
            return True
        fresh = new_messages(self._seen, shown)
        self._seen = shown
        if fresh is None:
            self._require_alive(shown)
            self._is_asked = False
            return False
        self._take(fresh)
        return True

    def _require_alive(self, messages: tuple[Message, ...]) -> None:
        if any(self._rules.kill_word in message.text for message in messages):
            self._parts.audit.end_for_good(self._title)
            raise _End(Decision.KILLED)

    def _take(self, messages: tuple[Message, ...]) -> None:
        self._require_alive(messages)
        self.n_new += len(messages)
        for message in messages:
            if message.kind != "message" or not message.text.strip():
                continue
            is_own = self._is_own(message)
            text = message.text.removeprefix(self._rules.label).lstrip() if is_own else message.text
            self._parts.answerer.hear(message.speaker, text, is_own=is_own)
            self._is_asked = not is_own

    def _is_own(self, message: Message) -> bool:
        return message.speaker in ("", self._rules.own_name)

    # ------------------------------------------------------------ sending
    def _answer(self) -> Decision:
        decision = Decision.SILENT
        for bubble in self._parts.answerer.reply():
            decision = self._offer(bubble)
            if decision is not Decision.SENT or self._is_asked:
                break  # somebody spoke in between: the rest of the reply is not said
        return decision

    def _offer(self, text: str) -> Decision:
        """Ask for approval, look again, and send."""
        approved = self._parts.approve(text)
        if approved is None or not approved.strip() or self._rules.kill_word in approved:
            return Decision.DECLINED
        if self._parts.is_attended:
            self._is_turned = False  # the person has just typed an answer
        self._turn()
        n_seen = self.n_new
        if not self._look() or self.n_new > n_seen:
            return Decision.STALE
        if not self._parts.pace.allows():
            return Decision.LIMITED
        self._send(self._labelled(approved.strip()))
        return Decision.SENT

    def _labelled(self, text: str) -> str:
        label = self._rules.label
        return f"{label} {text}" if label and not self.n_sent else text

    def _send(self, text: str) -> None:
        """Send a text once, with a look at the input before and at the room after it."""
        room = self._room
        if room.typed().strip():
            raise _End(Decision.OCCUPIED)
        self._require_calm()
        room.put(text)
        if _plain(room.typed()) != _plain(text):
            raise _End(Decision.MISTYPED)
        self._require_calm()
        self._parts.pace.count()
        self.n_sent += 1  # before it happens: whatever fails now, it is not done again
        room.send()
        self._confirm(text)

    def _confirm(self, text: str) -> None:
        before = self._seen or ()
        shown = self._room.read()
        fresh = new_messages(before, shown)
        own = [m for m in fresh or () if self._is_own(m) and _plain(m.text) == _plain(text)]
        if fresh is None or len(own) != 1:
            raise _End(Decision.UNCONFIRMED)
        self._seen = shown
        self._take(fresh)
        self._require_calm()


def _plain(text: str) -> str:
    """Return a text without white space: windows write line ends their own way."""
    return "".join(text.split())
