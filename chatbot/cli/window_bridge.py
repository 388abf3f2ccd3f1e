"""The bridge to a chat window at the terminal: what it may do, whom it asks, what it says."""

import sys
import time
from collections.abc import Callable
from datetime import timedelta, timezone
from pathlib import Path

import msgspec

from chatbot.cli.screen import YES, ask, display, say
from chatbot.errors import ConfigError
from chatbot.inference.bot import Bot
from chatbot.serving.bridge.answerer import BotAnswerer
from chatbot.serving.bridge.audit import Audit
from chatbot.serving.bridge.bridge import Approve, Bridge, Decision, Parts
from chatbot.serving.bridge.pace import Pace
from chatbot.serving.bridge.room import RoomError
from chatbot.serving.bridge.window_room import Calibration, WindowRoom
from chatbot.serving.bridge.x11 import X11Desktop
from chatbot.settings.schema import Config
from chatbot.storage.files import atomic_write

POLICY = (
    "I know that this is unofficial and may cost me my account.",
    "비공식 기능이라 계정이 제한될 수 있음을 압니다.",
)
_PLACES_FILE = "places.json"
_ENDINGS = {
    Decision.KILLED: "somebody typed `bridge.kill_word`: this room is ended for good",
    Decision.TOUCHED: "somebody used keyboard, mouse or another window",
    Decision.WRONG_ROOM: "the window shows another room",
    Decision.OCCUPIED: "there is text in the input already; it was left alone",
    Decision.MISTYPED: "the input does not hold what was put there; nothing was sent",
    Decision.UNCONFIRMED: "the room does not show once what was sent; look at the window",
    Decision.FAILED: "the window was not there once, or did not do what was asked",
}


def room_of(config: Config, name: str | None) -> str:
    """Return the room to answer: the one that is named whole, or the only one that is allowed."""
    rules = config.bridge
    if not rules.rooms:
        raise ConfigError(
            "no room is allowed", hint="put the whole name of a room into `bridge.rooms`"
        )
    if not rules.own_name:
        raise ConfigError(
            "`bridge.own_name` is empty",
            hint="put your name into it as the room shows it: your own messages are not answered",
        )
    if name is None and len(rules.rooms) == 1:
        return rules.rooms[0]
    if name is None or name not in rules.rooms:
        raise ConfigError(
            "the room is not named, or not by its whole name in `bridge.rooms`",
            hint=f"add --room and one of the {len(rules.rooms)} names in `bridge.rooms`",
        )
    return name


def require_unattended(config: Config) -> None:
    """Raise ConfigError unless the settings allow to send without asking."""
    if not config.bridge.auto:
        raise ConfigError("`bridge.auto` is false", hint="without --auto, each message is asked")
    if config.bridge.policy not in POLICY:
        raise ConfigError(
            "`bridge.policy` does not hold the sentence that accepts the risk",
            hint=f"read docs/bridge.md, then write: {POLICY[0]}",
        )


def approve_at_terminal(text: str) -> str | None:
    """Ask whether to send a text, or another in its place."""
    display(f"bot> {text}")
    answer = ask("send? [y/N/e to edit] ").strip().lower()
    if answer in ("e", "ㄷ"):
        return ask("text: ").strip() or None
    return text if answer in YES else None


def show_only(text: str) -> None:
    """Show what would be sent; approves nothing."""
    display(f"would send: {text}")


def send_at_once(text: str) -> str:
    """Show what is sent, and approve it."""
    display(f"bot> {text}")
    return text


def calibrate(config: Config, title: str) -> None:
    """Ask the person to point at the parts of the window, and remember them."""
    desktop = _desktop()
    windows = desktop.windows(title)
    if len(windows) != 1:
        raise ConfigError(
            f"{len(windows)} windows have the title of this room", hint="open it, once"
        )
    places = []
    for part in ("the messages", "the input"):
        ask(f"point the mouse at {part} of the window, then press Enter here ")
        places.append(desktop.pointer(windows[0]))
    if any(not 0 < part < 1 for place in places for part in place):
        raise ConfigError("the mouse was outside of the window", hint="try again")
    with atomic_write(_folder(config) / _PLACES_FILE) as file:
        file.write(msgspec.json.encode(Calibration(*places)))
    say("remembered; `chatbot bridge --ui-dry` shows what would be sent, and sends nothing")


def run_window(config: Config, title: str, bot: Bot, approve: Approve, *, attended: bool) -> None:
    """Answer a room until something ends it, or Ctrl+C."""
    rules, desktop = config.bridge, _desktop()
    audit = Audit(_folder(config))
    zone = timezone(timedelta(hours=config.raw.utc_offset_hours))
    room = WindowRoom(desktop, title, _places(config), zone)
    pace = Pace(rules.per_minute, rules.per_hour, time.monotonic)
    parts = Parts(BotAnswerer(bot), audit, pace, approve, attended)
    bridge = Bridge(room, title, rules, parts)
    say(f"answers one room, at most {rules.per_minute} messages a minute; Ctrl+C ends")
    try:
        _loop(bridge, config, desktop if attended else None)
    except KeyboardInterrupt:
        say("ended")
    except RoomError as error:
        say(f"ended: {error}")
    finally:
        desktop.close()
    if bridge.ending is not None:
        say(f"ended: {_ENDINGS[bridge.ending]}")
    if bridge.ending is Decision.KILLED:
        say(f"to allow the room again, delete {audit.ended_path}")


def _loop(bridge: Bridge, config: Config, desktop: X11Desktop | None) -> None:
    """Look again and again; beside a person, only while they leave the computer alone."""
    rules = config.bridge
    while bridge.ending is None:
        if desktop is not None:
            _wait_for(lambda: _idle_seconds(desktop) >= rules.idle_seconds)
        decision = bridge.step()
        if decision is not Decision.QUIET:
            say(f"({decision.value})")
        time.sleep(rules.poll_seconds)


def _idle_seconds(desktop: X11Desktop) -> float:
    return time.monotonic() - desktop.latest_input()[1]


def _wait_for(is_so: Callable[[], bool]) -> None:
    while not is_so():
        time.sleep(0.2)


def _desktop() -> X11Desktop:
    if sys.platform != "linux":
        raise ConfigError(
            "only windows of an X11 desktop (Linux) are supported",
            hint="`chatbot bridge --dry` shows replies to lines that you type",
        )
    return X11Desktop()


def _folder(config: Config) -> Path:
    return config.path(config.bridge.dir)


def _places(config: Config) -> Calibration:
    path = _folder(config) / _PLACES_FILE
    if not path.exists():
        return Calibration()
    try:
        return msgspec.json.decode(path.read_bytes(), type=Calibration)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ConfigError(f"{path} is damaged", hint="`chatbot bridge --calibrate`") from error
