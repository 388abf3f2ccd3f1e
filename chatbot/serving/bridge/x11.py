"""The desktop of Linux (X11) by python-xlib: windows, focus, keys, and the clipboard by xclip.

python-xlib is two small packages without compiled code; pyautogui, the known alternative, draws in
nine packages for screenshots and pictures and knows neither focus nor idle time. A client that runs
under Wine is reached this way.
"""

import shutil
import subprocess
import time
from typing import Any

from chatbot.errors import ConfigError
from chatbot.serving.bridge.room import RoomError

_XCLIP = ("xclip", "-selection", "clipboard")
_XCLIP_SECONDS = 3.0


class X11Desktop:
    """A connection to the X server of `DISPLAY`."""

    def __init__(self) -> None:
        try:
            from Xlib import XK, X, display
            from Xlib.error import DisplayError
            from Xlib.ext import screensaver, xtest
        except ImportError as error:
            raise ConfigError(
                "python-xlib is not installed", hint="pip install 'chatbot[bridge]'"
            ) from error
        if shutil.which(_XCLIP[0]) is None:
            raise ConfigError("xclip is not installed", hint="sudo apt install xclip")
        try:
            self._display = display.Display()
        except (DisplayError, OSError) as error:
            raise ConfigError(
                "there is no X11 desktop here", hint="`chatbot bridge --dry`"
            ) from error
        self._x, self._keys = X, XK
        self._fake = xtest.fake_input
        self._query_idle = screensaver.query_info
        self._root = self._display.screen().root

    def close(self) -> None:
        """End the connection."""
        self._display.close()

    # ------------------------------------------------------------ windows
    def windows(self, title: str) -> list[int]:
        """Return the windows that have exactly this title."""
        return [window.id for window in self._top_level() if self._name(window) == title]

    def title_of(self, window: int) -> str:
        """Return the title of a window; raises RoomError if it is gone."""
        return self._name(self._window(window))

    def activate(self, window: int) -> None:
        """Raise a window and give it the focus."""
        x, target = self._x, self._window(window)
        target.configure(stack_mode=x.Above)
        target.set_input_focus(x.RevertToParent, x.CurrentTime)
        self._display.sync()
        time.sleep(0.1)

    def has_focus(self, window: int) -> bool:
        """Whether the focus is on a window or inside it."""
        focus = self._display.get_input_focus().focus
        while hasattr(focus, "id"):
            if focus.id == window:
                return True
            focus = self._parent(focus)
        return False

    def _top_level(self) -> list[Any]:
        listed = self._root.get_full_property(
            self._atom("_NET_CLIENT_LIST"), self._x.AnyPropertyType
        )
        if listed is not None:
            return [self._window(number) for number in listed.value]
        return list(self._root.query_tree().children)

    def _name(self, window: Any) -> str:
        from Xlib.error import XError

        try:
            name = window.get_full_property(self._atom("_NET_WM_NAME"), self._atom("UTF8_STRING"))
            return name.value.decode("utf-8", "replace") if name else window.get_wm_name() or ""
        except XError:
            return ""

    def _parent(self, window: Any) -> Any:
        from Xlib.error import XError

        try:
            return window.query_tree().parent
        except XError:
            return None

    def _window(self, window: int) -> Any:
        return self._display.create_resource_object("window", window)

    def _atom(self, name: str) -> int:
        return self._display.intern_atom(name)

    # ------------------------------------------------------------ keyboard and mouse
    def click(self, window: int, place: tuple[float, float]) -> None:
        """Click into a window, and put the pointer back."""
        x, root = self._x, self._root
        before = root.query_pointer()
        size = self._window(window).get_geometry()
        corner = root.translate_coords(self._window(window), 0, 0)
        left, top = corner.x + int(size.width * place[0]), corner.y + int(size.height * place[1])
        self._fake(self._display, x.MotionNotify, x=left, y=top)
        self._fake(self._display, x.ButtonPress, 1)
        self._fake(self._display, x.ButtonRelease, 1)
        self._fake(self._display, x.MotionNotify, x=before.root_x, y=before.root_y)
        self._display.sync()
        time.sleep(0.05)

    def press(self, key: str, *, control: bool = False) -> None:
        """Press and release a key."""
        held = [self._code("Control_L")] if control else []
        codes = [*held, self._code(key)]
        for code in codes:
            self._fake(self._display, self._x.KeyPress, code)
        for code in reversed(codes):
            self._fake(self._display, self._x.KeyRelease, code)
        self._display.sync()
        time.sleep(0.05)

    def _code(self, key: str) -> int:
        return self._display.keysym_to_keycode(self._keys.string_to_keysym(key))

    def pointer(self, window: int) -> tuple[float, float]:
        """Return where the pointer is, in parts of a window's width and height."""
        at, size = self._window(window).query_pointer(), self._window(window).get_geometry()
        return round(at.win_x / size.width, 3), round(at.win_y / size.height, 3)

    def latest_input(self) -> tuple[float, float]:
        """Return when keyboard or mouse were last used: not before, not after."""
        before = time.monotonic()
        idle = self._query_idle(self._root).idle / 1000
        return before - idle, time.monotonic() - idle + 0.001

    # ------------------------------------------------------------ clipboard
    def clipboard(self) -> str:
        """Return the text in the clipboard, "" if it holds none."""
        shown = self._xclip("-out", "-target", "UTF8_STRING", stdout=subprocess.PIPE)
        return shown.stdout.decode("utf-8", "replace") if shown.returncode == 0 else ""

    def set_clipboard(self, text: str) -> None:
        """Put a text into the clipboard."""
        # xclip stays behind to serve the text: it must not hold this program's output open.
        self._xclip("-in", input=text.encode(), stdout=subprocess.DEVNULL)

    def _xclip(self, *words: str, **pipes: Any) -> "subprocess.CompletedProcess[bytes]":
        try:
            return subprocess.run(  # noqa: S603 a fixed program
                [*_XCLIP, *words], stderr=subprocess.DEVNULL, timeout=_XCLIP_SECONDS, **pipes
            )
        except subprocess.TimeoutExpired as error:
            raise RoomError("the clipboard does not answer") from error
