"""Messages of a room -> sessions of turns: split at silence, successive messages merged."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import accumulate

from chatbot.conversation import Message, Session
from chatbot.settings.schema import PreprocessConfig


def split_sessions(
    messages: Iterable[Message], rules: PreprocessConfig, source: str
) -> Iterator[Session]:
    """Split where nobody spoke for `session_gap_minutes`; keep every message, in order.

    A session without silence is split at `max_session_turns` messages, so that memory is bounded
    for an export without times.
    """
    gap = timedelta(minutes=rules.session_gap_minutes)
    session: list[Message] = []
    for message in messages:
        if session and (
            _is_apart(session[-1], message, gap) or len(session) >= rules.max_session_turns
        ):
            yield Session(tuple(session), source)
            session = []
        session.append(message)
    if session:
        yield Session(tuple(session), source)


def merge_bursts(session: Session, rules: PreprocessConfig) -> Session:
    """Join successive messages of one speaker into one turn, a line for each message.

    A turn keeps the time of its first message; the gap is measured from its latest. Trained
    messages and context never share a turn.
    """
    if not rules.merge_same_speaker:
        return session
    gap = timedelta(minutes=rules.merge_gap_minutes)
    turns: list[Message] = []
    latest: Message | None = None
    for message in session.messages:
        if (
            latest is not None
            and (latest.speaker, latest.kind) == (message.speaker, message.kind)
            and not _is_apart(latest, message, gap)
            and len(turns[-1].text) + 1 + len(message.text) <= rules.max_merged_chars
        ):
            joined = f"{turns[-1].text}\n{message.text}"
            turns[-1] = Message(message.speaker, joined, turns[-1].sent_at, message.kind)
        else:
            turns.append(message)
        latest = message
    return Session(tuple(turns), session.source)


def split_point(n_turns: list[int], val_fraction: float) -> tuple[int, int]:
    """Return where validation starts, by time: (session, turn inside it, 0 if at its start).

    The split is between sessions if that gives validation between half and twice its share;
    otherwise (one session is most of the chat) it is inside that session.

    >>> split_point([10, 10, 10, 10], 0.25), split_point([40], 0.25)
    ((3, 0), (0, 30))
    """
    total = sum(n_turns)
    starts = [0, *accumulate(n_turns)][:-1]
    target = total * (1 - val_fraction)
    if len(starts) > 1:
        index = min(range(1, len(starts)), key=lambda i: abs(starts[i] - target))
        if val_fraction / 2 <= 1 - starts[index] / total <= 2 * val_fraction:
            return index, 0
    index = max(i for i, start in enumerate(starts) if start < target)
    turn = round(target - starts[index])
    if turn >= n_turns[index]:
        return index + 1, 0
    return (index, turn) if turn else (index, 0)


def cut_session(session: Session, turn: int) -> tuple[Session, Session]:
    """Split a session before the turn with index `turn`."""
    head, tail = session.messages[:turn], session.messages[turn:]
    return Session(head, session.source), Session(tail, session.source)


def _is_apart(earlier: Message, later: Message, gap: timedelta) -> bool:
    if earlier.sent_at is None or later.sent_at is None:
        return False
    return abs(later.sent_at - earlier.sent_at) > gap
