"""Possible secrets of a room -> the owner's decisions, asked for one by one at the terminal."""

import sys
from collections.abc import Iterator, Sequence

from chatbot.cli.screen import TERMINAL, YES, ask, display, say, table
from chatbot.ingest.masking.candidates import Candidate, find_candidates
from chatbot.ingest.masking.review import Decision, keep_decisions, read_decisions
from chatbot.ingest.pipeline import CleanRooms, read_sessions
from chatbot.settings.schema import Config

_KINDS = {"password": "password or code?", "name": "name of a person?"}
_NO, _QUIT = ("n", "no", "ㅜ", "아니요", ""), ("q", "ㅂ")


def review(config: Config) -> None:
    """List possible secrets, and ask which to mask; every answer is saved at once."""
    candidates = _candidates(config)
    if not candidates:
        say("nothing else looks like a password, a code or the name of a third person")
        return
    head = ["", "messages", "speakers", "string"]
    rows = [[_KINDS[c.kind], str(c.n_messages), str(c.n_speakers), c.value] for c in candidates]
    display(table([head, *rows]))
    if not sys.stdin.isatty():
        say("at a terminal, `chatbot preprocess --review` asks which of these to mask")
        return
    n_masked = 0
    for decision in _asked(candidates):
        keep_decisions([decision], config)
        n_masked += decision.is_masked
    say(f"masked from now on: {n_masked}; run `chatbot preprocess` and `chatbot train` again")
    say("your answers are encrypted in data/ by the key in .env")


def _candidates(config: Config) -> list[Candidate]:
    """Return the candidates of all rooms without a decision."""
    decided = {decision.value for decision in read_decisions(config)}
    with read_sessions(config, TERMINAL) as rooms:
        return find_candidates(_texts(rooms), decided | rooms.pseudonyms | set(rooms.n_said))


def _texts(rooms: CleanRooms) -> Iterator[tuple[str, str]]:
    for spool in rooms.spools:
        for session in spool:
            for message in session.messages:
                yield message.speaker, message.text


def _asked(candidates: Sequence[Candidate]) -> Iterator[Decision]:
    """Ask about each candidate; `q` quits, and the rest is asked the next time."""
    say("mask it? y: yes, n: no (Enter), q: quit")
    for candidate in candidates:
        while True:
            answer = ask(f"{candidate.value} [y/N/q] ").strip().lower()
            if answer in _QUIT:
                return
            if answer in YES or answer in _NO:
                yield Decision(candidate.kind, candidate.value, is_masked=answer in YES)
                break
