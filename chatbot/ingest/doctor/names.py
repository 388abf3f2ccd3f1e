"""The speakers of one export -> names that may be of the same person, to ask its owner."""

import re
import unicodedata
from itertools import combinations

from chatbot.ingest.doctor.observation import Presence
from chatbot.ingest.readers.registry import EXPORTER_NAMES, UNKNOWN_NAMES

_NO_LETTER = re.compile(r"[\W\d_]+")
_MIN_LETTERS = 2
_MIN_MESSAGES = 10  # of each, where nothing but the time speaks for it
_MAX_SPEAKERS = 300  # pairs are compared; in an open chat names tell nothing


def same_people(speakers: dict[str, Presence], *, has_notices: bool) -> dict[str, str]:
    """Return earlier names -> later names of what may be one person.

    Either the names are alike and one ends before the other begins; or two of three people never
    speak at the same time, in an export without notices of who came and left.
    """
    people = {
        name: presence
        for name, presence in speakers.items()
        if name not in UNKNOWN_NAMES and name not in EXPORTER_NAMES
    }
    if len(people) > _MAX_SPEAKERS:
        return {}
    pairs = combinations(sorted(people, key=lambda name: people[name].first), 2)
    alike = {
        earlier: later
        for earlier, later in pairs
        if people[earlier].last < people[later].first and are_alike(earlier, later)
    }
    return alike or ({} if has_notices else _successors(people))


def _successors(people: dict[str, Presence]) -> dict[str, str]:
    if len(people) != 3 or any(presence.n < _MIN_MESSAGES for presence in people.values()):
        return {}
    successive = [
        (earlier, later)
        for earlier in people
        for later in people
        if people[earlier].last < people[later].first
    ]
    return dict(successive) if len(successive) == 1 else {}


def are_alike(first: str, second: str) -> bool:
    """Whether two names differ in ornaments only, or one begins with the other.

    >>> are_alike("다온", "다온🌸"), are_alike("Mina K", "mina"), are_alike("가람", "나래")
    (True, True, False)
    """
    plain, other = sorted((_plain(first), _plain(second)), key=len)
    return len(plain) >= _MIN_LETTERS and other.startswith(plain)


def _plain(name: str) -> str:
    return _NO_LETTER.sub("", unicodedata.normalize("NFKC", name).casefold())
