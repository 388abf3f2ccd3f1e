"""Show statistics of a room, or let its members talk by themselves; for the owner's eyes only."""

import argparse
from pathlib import Path

from msgspec.structs import replace

from chatbot.cli.bot import find_permitted_model
from chatbot.cli.keys import require_owner
from chatbot.cli.room_simulation import add_simulation_arguments, refuse_lone_options, simulate
from chatbot.cli.screen import TERMINAL, display, print_rows, say, sparkline, table
from chatbot.errors import ConfigError
from chatbot.evaluation.room import RoomStatistics, read_statistics
from chatbot.evaluation.room_page import (
    SPEAKER_HEADS,
    WEEKDAYS,
    account_rows,
    room_page,
    session_bars,
    silence_rows,
    speaker_rows,
)
from chatbot.ingest.organize.rooms import open_rooms
from chatbot.settings.schema import Config
from chatbot.storage.files import write_bytes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the room, --html and the simulation."""
    parser.add_argument("room", nargs="?", help="its name or id, if several are organized")
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write a page with charts")
    add_simulation_arguments(parser)


def run(args: argparse.Namespace, config: Config) -> None:
    """Print the statistics and write the page asked for, or let the members talk."""
    refuse_lone_options(args)
    model = None
    if args.simulate:
        model = find_permitted_model(config)
    else:
        require_owner(config)
    if args.room is not None:
        config = replace(config, processed=replace(config.processed, rooms=(args.room,)))
    rooms = open_rooms(config, TERMINAL.warn)
    if len(rooms) != 1:
        raise ConfigError(f"{len(rooms)} rooms are chosen", hint="name one: `chatbot room ROOM`")
    n_messages = sum(entry.n_messages for entry in rooms[0].exports)
    with TERMINAL.progress(n_messages, "reading messages") as advance:
        statistics = read_statistics(rooms[0], config, advance)
    if model is not None:
        simulate(args, config, model, statistics)
    else:
        _print(statistics)
    if args.html is not None:
        write_bytes(args.html, room_page(statistics).encode(), mode=0o600)
        say(f"written to {args.html}; it holds names and words of the chat")


def _print(statistics: RoomStatistics) -> None:
    hours = [statistics.by_hour[hour] for hour in range(24)]
    days = [statistics.by_weekday[day] for day in range(len(WEEKDAYS))]
    months = [statistics.by_month[month] for month in sorted(statistics.by_month)]
    rows = [
        ("messages", f"{statistics.n_messages:,} by {len(statistics.speakers):,} speakers"),
        ("sessions", f"{statistics.session_sizes.total():,}"),
        ("by hour", f"0 {sparkline(hours)} 23  {min(hours):,} to {max(hours):,} messages"),
        (
            "by weekday",
            f"{WEEKDAYS[0]} {sparkline(days)} {WEEKDAYS[-1]}  {min(days):,} to {max(days):,}",
        ),
    ]
    if statistics.begin is not None and statistics.end is not None:
        months_line = f"{statistics.begin:%Y-%m} {sparkline(months)} {statistics.end:%Y-%m}"
        rows.append(("by month", months_line))
    print_rows(rows)
    sections: list[list[tuple[str, ...]]] = [
        [SPEAKER_HEADS, *speaker_rows(statistics)],
        [("session", "sessions"), *((name, f"{n:,.0f}") for name, n in session_bars(statistics))],
        [("silence", "since", "broken by"), *silence_rows(statistics)],
        [("messages", "why", ""), *account_rows(statistics)],
    ]
    for section in sections:
        display(f"\n{table(section)}")
