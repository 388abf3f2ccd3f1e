"""Held-out sessions -> the replies in them, each with its past."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chatbot.corpus.preview import turns_by_session
from chatbot.corpus.store import Corpus
from chatbot.corpus.template import Turn


@dataclass(frozen=True)
class HeldOutReply:
    """A reply that was not trained, by its session and its place there, and the turns before it."""

    session: int
    place: int
    past: Sequence[Turn]
    turn: Turn


def held_out_replies(corpus: Corpus) -> Iterator[HeldOutReply]:
    """Yield the held-out target turns that follow another turn and hold text."""
    for session, (_, parsed) in enumerate(turns_by_session(corpus.val, corpus.tokenizer)):
        turns = list(parsed)
        for place, turn in enumerate(turns):
            if place and turn.is_target and turn.text.strip():
                yield HeldOutReply(session, place, turns[:place], turn)
