"""Two looks at a room -> the messages that are new in the second."""

from collections.abc import Sequence

from chatbot.conversation import Message

_LEAST_UNEXPLAINED = 3  # equal messages behind one that was changed or deleted


def is_same(a: Message, b: Message) -> bool:
    """Whether two looks show the same message; without its day line it has no date."""
    if (a.speaker, a.text, a.kind) != (b.speaker, b.text, b.kind):
        return False
    return a.sent_at is None or b.sent_at is None or a.sent_at.time() == b.sent_at.time()


def new_messages(before: Sequence[Message], after: Sequence[Message]) -> tuple[Message, ...] | None:
    """Return what follows in `after` on the longest suffix of `before`; None if nothing fits.

    Stamps tell the minute only, so equal messages repeat: where two places fit equally well, the
    later is taken. A message may then go unnoticed, but none is taken for new twice.
    """
    if not before:
        return tuple(after)
    if tuple(after[: len(before)]) == tuple(before):
        return tuple(after[len(before) :])  # nothing has left the window at its top
    best, place = 0, 0
    for end in range(len(after), 0, -1):
        length = _common_suffix(before, after[:end])
        if length > best:
            best, place = length, end
    is_explained = best in (place, len(before)) or best >= _LEAST_UNEXPLAINED
    return tuple(after[place:]) if best and is_explained else None


def _common_suffix(a: Sequence[Message], b: Sequence[Message]) -> int:
    length = 0
    for x, y in zip(reversed(a), reversed(b), strict=False):
        if not is_same(x, y):
            break
        length += 1
    return length
