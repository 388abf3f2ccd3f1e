"""The bridge drives a real window of a stand-in chat program, on a display of its own."""

import os
import shutil
import subprocess
import sys
import time
from datetime import UTC
from pathlib import Path

import pytest

from chatbot.serving.bridge.bridge import Decision
from chatbot.serving.bridge.window_room import Calibration, WindowRoom
from tests.serving.bridge.rooms import TITLE, FakeAnswerer, make_bridge

MISSING = [name for name in ("Xvfb", "xclip", "xdotool") if shutil.which(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}"),
]
STANDIN = Path(__file__).with_name("standin.py")


@pytest.fixture(scope="module")
def display():
    """Start an X server, and return its number."""
    pytest.importorskip("tkinter")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x700x24", "-nolisten", "tcp"],
        pass_fds=[write], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    with os.fdopen(read, encoding="ascii") as pipe:
        number = pipe.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait()


class Window:
    """A stand-in window, and a person who uses its display."""

    def __init__(self, display: str, title: str = TITLE) -> None:
        self.env = {**os.environ, "DISPLAY": display}
        self.process = subprocess.Popen(
            [sys.executable, str(STANDIN), title], env=self.env, text=True, encoding="utf-8",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stdout.readline() == "ready\n"

    def show(self, line: str) -> None:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "shown\n"

    def user(self, *words: str, **more) -> str:
        return subprocess.run(words, env=self.env, check=True, timeout=10, **more)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def window(display, monkeypatch):
    monkeypatch.setenv("DISPLAY", display)
    window = Window(display)
    yield window
    window.close()


@pytest.fixture
def desktop(window):
    from chatbot.serving.bridge.x11 import X11Desktop

    desktop = X11Desktop()
    yield desktop
    desktop.close()


def open_bridge(desktop, folder, **changes):
    return make_bridge(WindowRoom(desktop, TITLE, Calibration(), UTC), folder, **changes)


def test_a_question_in_the_window_is_answered_once(window, desktop, tmp_path):
    desktop.set_clipboard("내가 복사한 말")
    answerer = FakeAnswerer()
    bridge = open_bridge(desktop, tmp_path, answerer=answerer, label="[AI]")
    window.show("[나래] [오후 7:37] 저녁 뭐 먹지")
    assert bridge.step() is Decision.QUIET
    window.show("[나래] [오후 7:39] 김밥 어때?")
    assert bridge.step() is Decision.SENT
    assert window.process.stdout.readline() == "shown\n"
    assert window.process.stdout.readline() == "sent [AI] 대답 1-0\n"
    assert bridge.step() is Decision.QUIET
    assert [h[1] for h in answerer.heard] == ["저녁 뭐 먹지", "김밥 어때?", "대답 1-0"]
    assert desktop.clipboard() == "내가 복사한 말"


def asked(window, desktop, folder, interfere, **changes):
    """Return the decision when something happens while the person approves a reply."""

    def approve(text):
        interfere()
        return text

    bridge = open_bridge(desktop, folder, approve=approve, **changes)
    window.show("[나래] [오후 7:37] 안녕")
    bridge.step()
    window.show("[나래] [오후 7:39] 김밥 어때?")
    return bridge.step()


def test_a_key_or_the_mouse_ends_it(window, desktop, tmp_path):
    for n, words in enumerate(
        (("xdotool", "key", "x"), ("xdotool", "mousemove_relative", "5", "5"))
    ):
        touch = lambda words=words: (time.sleep(0.05), window.user(*words))  # noqa: E731
        decision = asked(window, desktop, tmp_path / str(n), touch, is_attended=False)
        assert decision is Decision.TOUCHED


def test_a_draft_in_the_input_is_left_alone(window, desktop, tmp_path):
    draft = lambda: window.user("xdotool", "type", "draft")  # noqa: E731
    assert asked(window, desktop, tmp_path, draft) is Decision.OCCUPIED


def test_another_focus_or_title_or_a_second_window_ends_it(display, window, desktop, tmp_path):
    others = []
    open_other = lambda title: others.append(Window(display, title))  # noqa: E731
    try:
        decision = asked(window, desktop, tmp_path / "twin", lambda: open_other(TITLE))
        assert decision is Decision.FAILED
        others.pop().close()
        rename = lambda: window.show("/title 바다 모임 2")  # noqa: E731
        decision = asked(window, desktop, tmp_path / "name", rename, is_attended=False)
        assert decision is Decision.WRONG_ROOM
    finally:
        for other in others:
            other.close()
