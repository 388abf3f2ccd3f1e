"""A model and the rhythm of its room -> the members talk to each other; nothing is sent.

Who speaks next, what, and in how many bubbles is the model's. When, how long a session lasts and
who begins it is drawn from what the room did.
"""

import random
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from chatbot.conversation import Message
from chatbot.errors import CheckpointError
from chatbot.evaluation.rhythm import Rhythm
from chatbot.evaluation.room import RoomStatistics
from chatbot.inference.bot import Bot
from chatbot.inference.generate import Prefix
from chatbot.inference.loading import LoadedModel
from chatbot.settings.schema import Config

_ATTEMPTS = 4  # to say something else than lately
_REMEMBERED = 40  # turns that may not be said again
_CIRCLE, _FEW = 8, 2  # so many turns with so few different texts: the conversation is over
_MOST_SILENT = 20  # sessions without a word, until the model has nothing to say
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # of rooms whose exports have no times
_NOT_SAID = re.compile(r"[\W_]+")
_REPEATED = re.compile(r"(.)\1+")
_LETTERS_ONLY = re.compile("[ㄱ-ㅣ]*")
_LONGEST_SILENCE = 5.0  # seconds that a silence between two sessions is watched

Members = Mapping[int, Sequence[str]]  # names by speaker id; several people may share one


def members_of(names: Sequence[str], ids: Mapping[str, int], n_speakers: int) -> Members:
    """Return the speaker ids of a room's members: `ids` by known name, the last id for the rest.

    Raises CheckpointError if the model does not know two of them apart.

    >>> members_of(["가람", "나래", "다온"], {"가람": 0, "나래": 1}, 3)
    {0: ['가람'], 1: ['나래'], 2: ['다온']}
    """
    members: dict[int, list[str]] = {}
    has_rest = n_speakers - 1 not in ids.values()
    for name in filter(None, names):
        number = ids.get(name, n_speakers - 1 if has_rest else None)
        if number is not None and number < n_speakers:
            members.setdefault(number, []).append(name)
    if len(members) < 2:
        raise CheckpointError(
            "this model does not know the members of this room",
            hint="run `chatbot preprocess` and `chatbot train` with the room",
        )
    return members


class Repetition:
    """Remembers what was said lately, so that a conversation does not go in circles."""

    def __init__(self) -> None:
        self._recent: deque[str] = deque(maxlen=_REMEMBERED)

    def repeats(self, text: str) -> bool:
        """Whether a turn was said lately; laughs and tears may be repeated, but not for ever."""
        core = _core(text)
        latest = {*list(self._recent)[1 - _CIRCLE :], core}
        is_circle = len(self._recent) >= _CIRCLE - 1 and len(latest) <= _FEW
        return is_circle or (core in self._recent and not _LETTERS_ONLY.fullmatch(core))

    def add(self, text: str) -> None:
        """Remember a turn."""
        self._recent.append(_core(text))


def _core(text: str) -> str:
    """Return a text without space, signs and repeated letters.

    >>> _core("아 진짜?? ㅋㅋㅋㅋ") == _core("아 진짜 ㅋㅋ!")
    True
    """
    return _REPEATED.sub(r"\1", _NOT_SAID.sub("", text.casefold()))


class RoomSimulator:
    """Lets the members of a room talk; `begin` is when the room fell silent."""

    def __init__(
        self,
        bot: Bot,
        members: Members,
        rhythm: Rhythm,
        begin: datetime | None = None,
        is_learned: bool = True,
    ) -> None:
        self._bot, self._members, self.rhythm = bot, members, rhythm
        self._now = begin or _EPOCH
        # Only groups learn who speaks next; otherwise the room's turns decide.
        self._is_learned = is_learned and bot.n_speakers > 2
        self._repetition = Repetition()

    def talk(self, n_turns: int, topic: str = "") -> Iterator[Message]:
        """Yield the messages of a number of turns with their times; a `topic` is the first turn.

        A session ends at its drawn length, or where only what was said lately would be said again.
        """
        n_left, n_silent = n_turns, 0
        while n_left and n_silent < _MOST_SILENT:
            n_before = n_left
            for turn in self._session(n_left, topic):
                n_left -= 1
                yield from turn
            topic = ""
            n_silent = n_silent + 1 if n_left == n_before else 0

    def _session(self, n_turns: int, topic: str) -> Iterator[list[Message]]:
        """Yield the turns of a session, at most a number of them."""
        self._bot.forget()
        self._now += timedelta(seconds=self.rhythm.session_gap())
        size, n_messages, last_name = self.rhythm.session_size(), 0, ""
        for place in range(n_turns):
            name, number = self._next(last_name)
            bubbles = self._topic(topic, number) if topic and not place else self._speak(number)
            if not bubbles:
                return
            yield [self._message(name, text, last_name, i) for i, text in enumerate(bubbles)]
            n_messages, last_name = n_messages + len(bubbles), name
            if n_messages >= size:
                return

    def _next(self, last_name: str) -> tuple[str, int]:
        """Draw who speaks: a name and a speaker id, of the room's members only."""
        numbers = {name: number for number, names in self._members.items() for name in names}
        if not last_name:
            name = self.rhythm.opener(numbers)
            return name, numbers[name]
        if self._is_learned:
            chances = self._bot.next_speaker_chances()
            number = self.rhythm.draw({n: float(chances[n]) for n in self._members})
            names = self._members[number]
        else:
            names = [name for name in numbers if name != last_name]
        name = self.rhythm.draw({name: self.rhythm.n_turns.get(name, 0) for name in names})
        return name, numbers[name]

    def _topic(self, topic: str, number: int) -> tuple[str, ...]:
        self._bot.hear(topic, number)
        self._repetition.add(topic)
        return tuple(filter(None, map(str.strip, topic.split("\n"))))

    def _speak(self, number: int) -> tuple[str, ...]:
        """Return the bubbles of a turn; none if the model only says what was said lately."""
        bot, before = self._bot, list(self._bot.history)
        bot.number = number
        for _ in range(_ATTEMPTS):
            reply = bot.reply()
            # A session has to begin somehow.
            if reply.text and not (before and self._repetition.repeats(reply.text)):
                self._repetition.add(reply.text)
                return reply.bubbles
            bot.history = list(before)
        return ()

    def _message(self, name: str, text: str, last_name: str, place: int) -> Message:
        """Return a bubble with its time: that of a session's first one is the session's."""
        rhythm = self.rhythm
        if place:
            pause = rhythm.burst_pause(name)
        elif not last_name:
            pause = 0.0
        else:
            pause = rhythm.again_pause(name) if name == last_name else rhythm.reply_pause(name)
        self._now += timedelta(seconds=pause)
        return Message(name, text, self._now)


def simulator_of(
    loaded: LoadedModel, statistics: RoomStatistics, config: Config, seed: int | None = None
) -> RoomSimulator:
    """Return the simulator of a room for a loaded model; the same seed gives the same messages.

    Raises CheckpointError if the model does not know the room, or cannot end the turns of a member.
    """
    tokenizer = loaded.tokenizer
    names = [name for name, _ in statistics.most_active(len(statistics.speakers))]
    members = members_of(names, loaded.names, tokenizer.n_speakers)
    if any(tokenizer.eos_id not in tokenizer.tail(number) for number in members):
        raise CheckpointError(
            "the base's chat template does not end the turns of every member",
            hint="train with `pretrained.base.form: plain`",
        )
    sampling = loaded.settings.sampling
    if seed is not None:
        sampling = replace(sampling, seed=seed)
    bot = loaded.bot(Prefix(loaded.model), sampling=sampling)
    rhythm = Rhythm(statistics, config.processed.preprocess, random.Random(seed))  # noqa: S311
    is_learned = config.objective.speaker_weight > 0
    return RoomSimulator(bot, members, rhythm, statistics.end, is_learned)


def paced(
    messages: Iterable[Message],
    speed: float,
    longest_pause: timedelta,
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Message]:
    """Pass messages on at their pace, `speed` times as fast; at once if it is 0.

    What a message takes to be generated is a part of its pause. A silence longer than
    `longest_pause`, between two sessions, is cut to seconds.
    """
    shown_at, latest = clock(), None
    for message in messages:
        if speed and latest is not None and message.sent_at is not None:
            pause = message.sent_at - latest
            seconds = pause.total_seconds() / speed
            if pause > longest_pause:
                seconds = min(seconds, _LONGEST_SILENCE)
            sleep(max(0.0, shown_at + seconds - clock()))
        shown_at, latest = clock(), message.sent_at
        yield message
