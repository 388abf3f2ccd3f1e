"""`room --simulate`: the members of a room talk by themselves, as a transcript at the terminal."""

import argparse
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from chatbot.cli.arguments import not_negative, positive
from chatbot.cli.keys import ask_model_key
from chatbot.cli.screen import display, say, table, width
from chatbot.conversation import Message
from chatbot.errors import ConfigError
from chatbot.evaluation.room import RoomStatistics
from chatbot.settings.schema import Config

if TYPE_CHECKING:
    from chatbot.evaluation.simulation_report import SimulationReport

_N_TURNS = 30
_SPEED = 10.0
_OPTIONS = ("turns", "speed", "seed", "topic", "json")
_GREY = 90


def add_simulation_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --simulate and what belongs to it."""
    parser.add_argument(
        "--simulate", action="store_true", help="let the members talk by themselves; sends nothing"
    )
    parser.add_argument(
        "--turns", type=positive, metavar="N", help=f"turns to simulate (default: {_N_TURNS})"
    )
    parser.add_argument(
        "--speed",
        type=not_negative,
        metavar="X",
        help=f"X times as fast as the room, 0 without waiting (default: {_SPEED:g})",
    )
    parser.add_argument("--seed", type=int, metavar="S", help="the same seed says the same")
    parser.add_argument("--topic", metavar="TEXT", help="the first message")
    parser.add_argument(
        "--json", action="store_true", default=None, help="print only the comparison, as JSON"
    )


def refuse_lone_options(args: argparse.Namespace) -> None:
    """Raise ConfigError for an option that belongs to --simulate without it."""
    lone = [name for name in _OPTIONS if getattr(args, name) is not None]
    if lone and not args.simulate:
        raise ConfigError(f"--{lone[0]} belongs to --simulate", hint="`chatbot room --simulate`")


def simulate(
    args: argparse.Namespace, config: Config, model: Path, statistics: RoomStatistics
) -> None:
    """Print the transcript, then how far its rhythm is from the room's; Ctrl+C ends it."""
    from chatbot.evaluation.simulation import paced, simulator_of
    from chatbot.evaluation.simulation_report import (
        AI_LABEL,
        compare_rooms,
        simulated_statistics,
    )
    from chatbot.inference.loading import load_model

    loaded = load_model(model, config, ask_model_key)
    simulator = simulator_of(loaded, statistics, config, args.seed)
    rules = config.processed.preprocess
    gap = timedelta(minutes=rules.session_gap_minutes)
    n_turns = _N_TURNS if args.turns is None else args.turns
    messages: list[Message] = []
    talk = _collected(simulator.talk(n_turns, (args.topic or "").strip()), messages)
    try:
        if args.json:
            deque(talk, maxlen=0)
        else:
            display(f"{AI_LABEL}; sent nowhere", colour=_GREY)
            say("Ctrl+C ends it")
            _print_transcript(paced(talk, _SPEED if args.speed is None else args.speed, gap), gap)
    except KeyboardInterrupt:
        say()
    counted = simulated_statistics(messages, rules, simulator.rhythm.is_by_minute)
    report = compare_rooms(statistics, counted)
    if args.json:
        display(msgspec.json.encode(report).decode())
    else:
        _print_comparison(report)


def _collected(messages: Iterable[Message], into: list[Message]) -> Iterator[Message]:
    for message in messages:
        into.append(message)
        yield message


def _print_transcript(messages: Iterable[Message], gap: timedelta) -> None:
    """Print messages as a messenger shows them: a date where a session begins, names by turn."""
    speaker, latest = "", datetime.min.replace(tzinfo=UTC)
    for message in messages:
        sent_at = message.sent_at or latest
        begins = sent_at - latest > gap
        if begins:
            display(f"\n--- {sent_at:%Y-%m-%d %H:%M} ---", colour=_GREY)
        head = f"{sent_at:%H:%M}  {message.speaker}: "
        is_same = message.speaker == speaker and not begins
        display((" " * width(head) if is_same else head) + message.text)
        speaker, latest = message.speaker, sent_at


def _print_comparison(report: "SimulationReport") -> None:
    rows = [
        [
            each.measure,
            f"{each.room:.2f}",
            f"{each.simulated:.2f}",
            f"{each.distance:.3f}",
            f"{each.sampling.low:.3f} to {each.sampling.high:.3f}",
            each.metric,
        ]
        for each in report.comparisons
    ]
    if rows:
        head = ["", "room", "simulated", "distance", "by chance", ""]
        display(f"\n{table([head, *rows])}")
        say(
            f"{report.n_messages} messages in {report.n_sessions} sessions; means, of turn shares "
            "that of the most talkative member; by chance: as many drawn from the room itself"
        )
