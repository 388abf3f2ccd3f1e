"""A chat window of this computer as a room: copies its messages, pastes into its input.

What a window shows is read as a person copies it (select all, copy), in the form that KakaoTalk's
own reader takes. The clipboard gets back the text it held.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, timezone
from typing import Protocol

import msgspec

from chatbot.conversation import Message
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.kakaotalk import read_messages
from chatbot.serving.bridge.room import DisturbedError, RoomError

_MARK = "\u2060bridge\u2060"  # what is in the clipboard before a copy
_COPY_SECONDS, _PASTE_SECONDS, _FOCUS_SECONDS = 1.0, 0.3, 2.0
_MOST_SHOWN = 300  # messages


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a chat window has its messages and its input, in parts of its width and height."""

    messages: tuple[float, float] = (0.5, 0.4)
    input: tuple[float, float] = (0.4, 0.92)


class Desktop(Protocol):
    """What a window system does. Windows are numbers."""

    def windows(self, title: str) -> list[int]:
        """Return the windows that have exactly this title."""

    def title_of(self, window: int) -> str:
        """Return the title of a window."""

    def activate(self, window: int) -> None:
        """Give a window the focus."""

    def has_focus(self, window: int) -> bool:
        """Whether what is typed arrives in a window."""

    def click(self, window: int, place: tuple[float, float]) -> None:
        """Click into a window, and put the pointer back."""

    def press(self, key: str, *, control: bool = False) -> None:
        """Press and release a key."""

    def clipboard(self) -> str:
        """Return the text in the clipboard, "" if it holds none."""

    def set_clipboard(self, text: str) -> None:
        """Put a text into the clipboard."""

    def latest_input(self) -> tuple[float, float]:
        """Return when keyboard or mouse were last used, by anybody: not before, not after."""


def copied_messages(text: str, zone: timezone) -> tuple[Message, ...]:
    """Read what was copied from a chat window.

    >>> from datetime import UTC
    >>> [m.text for m in copied_messages("[가람] [오후 7:37] 저녁 뭐 먹지", UTC)]
    ['저녁 뭐 먹지']
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return tuple(read_messages(lines, zone, Account()))[-_MOST_SHOWN:]


class WindowRoom:
    """The one window with the title of a room; a title that two windows have is refused."""

    def __init__(
        self, desktop: Desktop, title: str, places: Calibration, zone: timezone = UTC
    ) -> None:
        self._desktop, self._title, self._places, self._zone = desktop, title, places, zone
        self._window = 0
        self._latest_own = 0.0  # input of this program
        self._is_disturbed = False

    def attend(self) -> None:
        """Find the window, and give it the focus."""
        windows = self._desktop.windows(self._title)
        if len(windows) != 1:
            raise RoomError(f"{len(windows)} windows have this title")
        self._window = windows[0]
        self._desktop.activate(self._window)
        if not _wait(lambda: self._desktop.has_focus(self._window), _FOCUS_SECONDS):
            raise RoomError("the window does not get the focus")
        self._is_disturbed = False
        self._note_own()

    def is_undisturbed(self) -> bool:
        """Whether the focus stayed, and no input came but this program's."""
        earliest, _ = self._desktop.latest_input()
        if earliest > self._latest_own or not self._desktop.has_focus(self._window):
            self._is_disturbed = True
        return not self._is_disturbed

    def title(self) -> str:
        """Return the window's title."""
        return self._desktop.title_of(self._window)

    def read(self) -> tuple[Message, ...]:
        """Select and copy the messages."""
        text = self._copied(self._places.messages)
        if not text:
            raise RoomError("nothing could be copied from the window")
        self._act(lambda: self._desktop.click(self._window, self._places.input))
        return copied_messages(text, self._zone)

    def typed(self) -> str:
        """Select and copy the input; an empty one copies nothing."""
        text = self._copied(self._places.input)
        self._act(lambda: self._desktop.press("End", control=True))
        return text

    def put(self, text: str) -> None:
        """Paste into the input: keys cannot write every text."""
        with self._clipboard_restored():
            self._desktop.set_clipboard(text)
            self._act(lambda: self._desktop.click(self._window, self._places.input))
            self._act(lambda: self._desktop.press("v", control=True))
            time.sleep(_PASTE_SECONDS)  # the window takes the text when it is ready

    def send(self) -> None:
        """Press Enter."""
        self._act(lambda: self._desktop.press("Return"))
        time.sleep(_PASTE_SECONDS)

    def _copied(self, place: tuple[float, float]) -> str:
        """Return what "select all, copy" gives at a place, "" if it copies nothing."""
        desktop = self._desktop
        with self._clipboard_restored():
            desktop.set_clipboard(_MARK)
            self._act(lambda: desktop.click(self._window, place))
            self._act(lambda: desktop.press("a", control=True))
            self._act(lambda: desktop.press("c", control=True))
            is_copied = _wait(lambda: desktop.clipboard() != _MARK, _COPY_SECONDS)
            return desktop.clipboard() if is_copied else ""

    @contextmanager
    def _clipboard_restored(self) -> Iterator[None]:
        previous = self._desktop.clipboard()
        try:
            yield
        finally:
            self._desktop.set_clipboard(previous)

    def _act(self, action: Callable[[], None]) -> None:
        """Use keyboard or mouse, unless a person has."""
        if not self.is_undisturbed():
            raise DisturbedError("somebody used the computer")
        action()
        self._note_own()

    def _note_own(self) -> None:
        _, self._latest_own = self._desktop.latest_input()


def _wait(is_so: Callable[[], bool], seconds: float) -> bool:
    """Wait until something is so; return False if it takes too long."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.03)
    return True
