"""Who is number 0: the persona, and how the room's other speakers are numbered."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec

from chatbot.errors import CorpusError
from chatbot.settings import PreprocessConfig

UNKNOWN_NAMES = ("(알 수 없음)", "(Unknown)", "오픈채팅봇", "방장봇", "")


class Speakers(msgspec.Struct, frozen=True):
    """Numbers by name; the names stay in data/ and are in no tokenizer and no model.

    `numbers` is missing the names that share the last number (`n_speakers` - 1).
    """

    numbers: dict[str, int]
    n_speakers: int
    mode: str
    reason: str

    def number_of(self, name: str) -> int:
        """Return a speaker's number; everybody unknown shares the last one."""
        return self.numbers.get(name, self.n_speakers - 1)

    @property
    def persona(self) -> str:
        """The name of number 0."""
        return next(name for name, number in self.numbers.items() if number == 0)


def number_speakers(
    counts: Mapping[str, int], exporter: str | None, rules: PreprocessConfig
) -> Speakers:
    """Choose the persona and number the others by how much they say.

    `counts`: messages by speaker after cleaning. Two-person rooms are anonymous: 0 the persona,
    1 the other. In groups the busiest `max_speakers` - 1 keep numbers of their own.
    """
    people = Counter({name: n for name, n in counts.items() if name not in UNKNOWN_NAMES})
    if not people:
        raise CorpusError("nobody speaks in this log", hint="export a chat with messages")
    persona, reason = _persona(people, exporter, rules.persona)
    mode = rules.speaker_mode
    if mode == "auto":
        mode = "pair" if len(people) <= 2 else "group"
    if mode == "pair":
        return Speakers({persona: 0}, 2, mode, reason)
    others = [name for name, _ in people.most_common() if name != persona]
    own = others if len(others) < rules.max_speakers else others[: rules.max_speakers - 2]
    numbers = {persona: 0} | {name: number for number, name in enumerate(own, start=1)}
    has_rest = len(own) < len(others) or any(name in UNKNOWN_NAMES for name in counts)
    return Speakers(numbers, max(2, len(numbers) + has_rest), mode, reason)


def _persona(people: Counter[str], exporter: str | None, wanted: str) -> tuple[str, str]:
    if wanted != "auto":
        if wanted not in people:
            raise CorpusError(
                "processed.preprocess.persona names nobody in this log",
                hint="write the name as the room shows it; `chatbot organize` lists the speakers",
            )
        return wanted, "chosen in configs/paths.yaml"
    if exporter in people:
        return str(exporter), "who made the export"
    return people.most_common(1)[0][0], "who says the most"


def read_numbers(path: Path, n_speakers: int) -> dict[str, int]:
    """Return the numbers by name, if the names of this data are still here; else nothing."""
    if not path.is_file():
        return {}
    try:
        speakers = msgspec.json.decode(path.read_bytes(), type=Speakers)
    except msgspec.DecodeError as error:
        raise CorpusError(f"{path} is damaged", hint="run `chatbot preprocess` again") from error
    return speakers.numbers if speakers.n_speakers == n_speakers else {}
