"""Lines lost, invented and misattributed in generated exports of every dialect.

`python -m benchmarks.reading_truth [LINES]` writes at least so many (default 1,000,000) lines in
all; the chats are those of tests/ingest/readers/exports.py, many rooms joined into long files.
"""

import random
import sys
import tempfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from chatbot.ingest.readers import read_messages
from tests.ingest.readers.exports import (
    DATES,
    DIALECTS,
    EVENTS,
    MEDIA,
    NOTICES,
    SENTENCES,
    Dialect,
    Event,
    is_told,
    readable,
)

SPEAKERS = ("가람", "나래", "다온 [총무]", "팀:A", "김, 이", "🦊여우")
_GAPS = (0, 1, 20, 45, 70, 700, 9000, 40_000)
_N_EVENTS = 4000


def invent(dialect: Dialect, rng: random.Random) -> list[Event]:
    """Invent a long chat in which everything that looks like an export is said."""
    at = datetime(2026, 1, 1, 9)
    events = [Event(speaker, "안녕", at) for speaker in SPEAKERS]
    events = [event for event in events if is_told(dialect, event)]
    while len(events) < _N_EVENTS:
        at += timedelta(seconds=rng.choice(_GAPS))
        event = _happening(dialect, at, rng)
        if is_told(dialect, event):
            events.append(event)
    return events


def _happening(dialect: Dialect, at: datetime, rng: random.Random) -> Event:
    kind = rng.choices(("message", "media", "system"), (90, 7, 3))[0]
    if kind == "system":
        return Event(None, rng.choice(NOTICES), at, kind)
    if kind == "media":
        return Event(rng.choice(SPEAKERS), rng.choice(MEDIA), at, kind)
    lines = [rng.choice(SENTENCES)]
    for _ in range(rng.choice((0, 0, 0, 1, 2))):
        lines += _aside(dialect, at, rng)
    return Event(rng.choice(SPEAKERS), "\n".join(lines), at)


def _aside(dialect: Dialect, at: datetime, rng: random.Random) -> list[str]:
    match rng.randrange(4):
        case 0:
            return [rng.choice(DATES), rng.choice(SENTENCES)]
        case 1:
            return [rng.choice(EVENTS), "라고 떴어"]
        case 2:
            return ["", rng.choice(SENTENCES)]
    other = rng.choice([d for d in DIALECTS.values() if d.family != dialect.family])
    pasted = [Event("점심", "김밥", at + timedelta(minutes=n)) for n in range(rng.randint(1, 3))]
    return [other.quote(event) for event in pasted]


def measure(dialect: Dialect, n_lines: int) -> tuple[int, Counter[str]]:
    """Count what differs between what was written and what is read."""
    rng, counts, n = random.Random(dialect.name), Counter[str](), 0  # noqa: S311
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a.{'csv' if dialect.family == 'csv' else 'txt'}"
        while n < n_lines:
            events = invent(dialect, rng)
            text = dialect.write(events, "나래")
            path.write_text(text, encoding="utf-8", newline="")
            n += text.count("\n")
            written = Counter(readable(dialect, e) for e in events if e.kind != "system")
            messages = list(read_messages(path))
            seen = Counter(
                readable(dialect, Event(m.speaker, m.text, m.sent_at, m.kind))
                for m in messages
                if m.kind != "system"
            )
            counts += _differences(written, seen)
    return n, counts


def _differences(written: Counter, seen: Counter) -> Counter[str]:
    """A text that is read, but of another speaker, moment or kind, is misattributed."""
    lost, invented = written - seen, seen - written
    lost_texts = Counter(thing[1] for thing in lost.elements())
    invented_texts = Counter(thing[1] for thing in invented.elements())
    misattributed = lost_texts & invented_texts
    return Counter(
        lost=(lost_texts - misattributed).total(),
        invented=(invented_texts - misattributed).total(),
        misattributed=misattributed.total(),
    )


def main() -> None:
    """Print a row for every dialect."""
    n_lines = int(sys.argv[1]) if sys.argv[1:] else 1_000_000
    print(f"{'dialect':22} {'lines':>9} {'lost':>6} {'invented':>9} {'misattributed':>14}")
    total, n_all = Counter[str](), 0
    for name, dialect in DIALECTS.items():
        n, counts = measure(dialect, -(-n_lines // len(DIALECTS)))
        total, n_all = total + counts, n_all + n
        print(_row(name, n, counts), flush=True)
    print(_row("all", n_all, total))


def _row(name: str, n: int, counts: Counter[str]) -> str:
    lost, invented, moved = counts["lost"], counts["invented"], counts["misattributed"]
    return f"{name:22} {n:9,} {lost:6} {invented:9} {moved:14}"


if __name__ == "__main__":
    main()
