"""Speaker ids: 0 for the persona, the others for the room's other speakers."""

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping
from hashlib import blake2b
from pathlib import Path

import msgspec

from chatbot.conversation import CUSTOMER, DESK
from chatbot.errors import CorpusError
from chatbot.settings.schema import PreprocessConfig

FILE = "speakers.json"


class SpeakerMarks(msgspec.Struct, frozen=True):
    """The people behind a model's speaker ids: a keyed hash of each name, "" for a shared id.

    Without the project's key, which never leaves .env, a hash reveals nothing about a name. `key`
    is a hash of that key: hashes of another project cannot be compared.
    """

    key: str
    names: list[str]

    def id_of(self, name: str, key: bytes) -> int | None:
        """Return the id of a name; None if the model does not have it."""
        mark = _mark(name, key)
        return self.names.index(mark) if mark in self.names else None


def _mark(name: str, key: bytes) -> str:
    text = unicodedata.normalize("NFC", name).encode()
    return blake2b(text, key=key, digest_size=8, person=b"speaker").hexdigest()


def hash_of_key(key: bytes) -> str:
    """Return the hash of a key that distinguishes projects."""
    return blake2b(key, digest_size=8, person=b"speaker key").hexdigest()


class Speakers(msgspec.Struct, frozen=True):
    """Speaker ids by name; names stay in data/ and are in no tokenizer and no model.

    `numbers` lacks the names that share the last id (`n_speakers` - 1); `names` lists everybody,
    the most active first.
    """

    numbers: dict[str, int]
    n_speakers: int
    mode: str
    reason: str
    names: list[str] = []

    def number_of(self, name: str) -> int:
        """Return a speaker's id; the last one for everybody without an own id."""
        return self.numbers.get(name, self.n_speakers - 1)

    @property
    def persona(self) -> str:
        """The name of speaker 0."""
        return next(name for name, number in self.numbers.items() if number == 0)

    def name_of(self, number: int) -> str | None:
        """Return the name of a speaker id; None if several people share it."""
        own = [name for name, other in self.numbers.items() if other == number]
        # A room of two does not list its other person elsewhere.
        rest = [name for name in self.names if name not in self.numbers]
        is_rest = number == self.n_speakers - 1
        return own[0] if own else rest[0] if is_rest and len(rest) == 1 else None

    def marks(self, key: bytes) -> SpeakerMarks:
        """Return the keyed hashes of the names that a model may contain."""
        names = [self.name_of(number) for number in range(self.n_speakers)]
        marks = ["" if name is None else _mark(name, key) for name in names]
        return SpeakerMarks(hash_of_key(key), marks)


def number_speakers(
    counts: Mapping[str, int],
    exporter: str | None,
    rules: PreprocessConfig,
    unknown_names: Collection[str] = ("",),
) -> Speakers:
    """Choose the persona, and give the others ids by their number of messages.

    `counts`: messages by speaker after cleaning. `unknown_names` are not people. Two-person rooms
    are anonymous: 0 the persona, 1 the other. In groups the most active `max_speakers` - 1 have an
    own id. The desk of a table is speaker 0 as well, and its customers are speaker 1.
    """
    people = Counter({name: n for name, n in counts.items() if name not in unknown_names})
    has_desk = people.pop(DESK, 0) > 0
    has_customers = people.pop(CUSTOMER, 0) > 0
    if not people and has_desk:
        return Speakers({DESK: 0}, 2, "pair", "who answers in the tables", [DESK, CUSTOMER])
    if not people:
        raise CorpusError("this chat has no messages", hint="export a chat with messages")
    persona, reason = _persona(people, exporter, rules.persona)
    desk = {DESK: 0} if has_desk else {}
    mode = rules.speaker_mode
    if mode == "auto":
        mode = "pair" if len(people) <= 2 else "group"
    if mode == "pair":
        names = [name for name, _ in people.most_common()]
        return Speakers({persona: 0} | desk, 2, mode, reason, names)
    others = [name for name, _ in people.most_common() if name != persona]
    others = [CUSTOMER, *others] if has_customers else others
    own = others if len(others) < rules.max_speakers else others[: rules.max_speakers - 2]
    numbers = {persona: 0} | {name: number for number, name in enumerate(own, start=1)} | desk
    has_rest = len(own) < len(others) or any(name in unknown_names for name in counts)
    names = [name for name, _ in people.most_common()]
    return Speakers(numbers, max(2, len(own) + 1 + has_rest), mode, reason, names)


def _persona(people: Counter[str], exporter: str | None, persona: str) -> tuple[str, str]:
    if persona != "auto":
        name = match_name(persona, people)
        if name is None:
            raise CorpusError(
                "`processed.preprocess.persona` names nobody in this chat",
                hint="write the name as the room shows it; `chatbot organize` lists the speakers",
                private=propose_name(persona, people),
            )
        return name, "chosen in the settings"
    if exporter in people:
        return str(exporter), "who made the export"
    return people.most_common(1)[0][0], "who wrote the most"


def match_name(typed: str, names: Collection[str]) -> str | None:
    """Return the name that was typed: in full, or only its beginning, if that is unique.

    >>> match_name("다온", ["다온 [총무]", "가람", "가람이"])
    '다온 [총무]'
    """
    typed = unicodedata.normalize("NFC", typed).strip()
    composed = {unicodedata.normalize("NFC", name): name for name in names}
    if typed in composed:
        return composed[typed]
    begins = re.compile(rf"{re.escape(typed)}(?!\w)")
    fitting = [name for text, name in composed.items() if typed and begins.match(text)]
    return fitting[0] if len(fitting) == 1 else None


def propose_name(typed: str, names: Collection[str]) -> str:
    """Return a question about similar names, "" if there are none: for a terminal only."""
    near = [name for name in names if typed and typed in name]
    if not near:  # the most similar, by the full name or its first word
        forms = {form: name for name in names for form in (name, name.split(" ")[0])}
        close = difflib.get_close_matches(typed, list(forms), n=3, cutoff=0.4)
        near = list(dict.fromkeys(forms[form] for form in close))
    return f"did you mean {' or '.join(near[:3])}?" if near else ""


def read_speakers(folder: Path) -> Speakers | None:
    """Return the speakers of processed data; None if there is none."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Speakers)
    except msgspec.DecodeError as error:
        raise CorpusError(f"{path} is damaged", hint="run `chatbot preprocess` again") from error
