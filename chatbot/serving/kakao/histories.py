"""What users of the channel said lately: in memory only, under a hash of their ids."""

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeAlias

from chatbot.settings.schema import KakaoConfig

Turns: TypeAlias = tuple[tuple[int | None, str], ...]


class Histories:
    """Keeps the latest turns of the latest users; the key of their hashes ends with the process."""

    def __init__(self, settings: KakaoConfig, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._turns: OrderedDict[str, tuple[float, Turns]] = OrderedDict()

    def __len__(self) -> int:
        """Number of users with a history."""
        return len(self._turns)

    def name_of(self, bot_id: str, user_id: str) -> str:
        """Return the name under which a user of a bot is known here."""
        content = f"{bot_id}\0{user_id}".encode("utf-8", "surrogatepass")
        return "kakao " + hmac.digest(self._key, content, "sha256").hex()[:32]

    def turns(self, user: str) -> Turns:
        """Return what was said, the oldest first; nothing if that was long ago."""
        self._drop_expired()
        _, turns = self._turns.get(user, (0.0, ()))
        return turns

    def remember(self, user: str, *turns: tuple[int | None, str]) -> None:
        """Add turns to the history of a user."""
        latest = (*self.turns(user), *turns)[-self._settings.history_turns :]
        self._turns[user] = (self._clock(), latest)
        self._turns.move_to_end(user)
        while len(self._turns) > self._settings.max_users:
            self._turns.popitem(last=False)

    def forget(self, user: str) -> None:
        """Drop the history of a user."""
        self._turns.pop(user, None)

    def _drop_expired(self) -> None:
        """Drop histories that are too old; they are in the order of their latest message."""
        oldest = self._clock() - self._settings.expiry_minutes * 60
        while self._turns and next(iter(self._turns.values()))[0] <= oldest:
            self._turns.popitem(last=False)
