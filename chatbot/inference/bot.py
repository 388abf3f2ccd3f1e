"""History -> reply: render the conversation, generate, and split the reply into bubbles."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from chatbot.corpus.ngrams import NgramIndex
from chatbot.corpus.template import Turn, render_prompt
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.inference.generate import (
    Permission,
    Reader,
    Record,
    counted,
    generate,
    stream_text,
    until,
)
from chatbot.inference.sampling import Sampler, Scores
from chatbot.ingest.cleaning.normalization import Normalizer, TextRules
from chatbot.ingest.masking.masker import shielded
from chatbot.model.bundle import About
from chatbot.settings.schema import DialogueConfig, OutputConfig, PreprocessConfig, SamplingConfig

_ATTEMPTS = 4  # attempts per candidate to get a reply without a forbidden word
# "ㅋㅋ" may be answered by "ㅋㅋ", but other messages are not echoed.
_SAYS_SOMETHING = re.compile(r"[^\W_ㄱ-ㅣ]")


@dataclass(frozen=True)
class Reply:
    """A reply of the bot; `bubbles` as a messenger would show it."""

    text: str
    bubbles: tuple[str, ...]


@dataclass(frozen=True)
class BotSettings:
    """The settings that shape a reply."""

    sampling: SamplingConfig
    output: OutputConfig
    dialogue: DialogueConfig
    text_rules: TextRules | PreprocessConfig


class Bot:
    """Replies as one speaker id, by default 0 (the persona); remembers one conversation."""

    def __init__(
        self,
        reader: Reader,
        tokenizer: Tokenizer,
        settings: BotSettings,
        number: int = 0,
        guard: NgramIndex | None = None,
    ) -> None:
        self.number = number
        self._guard = guard if settings.output.leak_guard else None
        self._reader = reader
        self._tokenizer = tokenizer
        self._settings = settings
        self._normalizer = Normalizer(settings.text_rules)
        self._rng = np.random.default_rng(settings.sampling.seed)
        self.history: list[Turn] = []
        self.record = Record()  # of the latest reply
        self.names: dict[str, int] = {}  # speaker ids of known names
        self.about = About()  # facts about the model

    @property
    def n_speakers(self) -> int:
        """Number of speaker ids of the model; 0 is the persona."""
        return self._tokenizer.n_speakers

    @property
    def other(self) -> int:
        """The speaker id of the bot's partner in a room of two; 0 for text without speakers."""
        return 1 if self.number == 0 and self.n_speakers > 1 else 0

    def hear(self, text: str, speaker: int | None = None) -> None:
        """Add a message to the history, written as in training; successive ones form a turn."""
        text = self._normalizer.normalize(text)
        speaker = self.other if speaker is None else speaker
        last = self.history[-1] if self.history else None
        if last is not None and last.speaker == speaker:
            self.history[-1] = replace(last, text=f"{last.text}\n{text}")
        else:
            self.history.append(Turn(speaker, self._asked(text) if speaker else text))

    def _asked(self, text: str) -> str:
        """Return what anybody but the persona says as a model of a desk was asked."""
        rules = self._settings.text_rules
        return rules.question.asked(text) if isinstance(rules, TextRules) else text

    def stream(self, stop: Sequence[str] = (), n_likely: int | None = None) -> Iterator[str]:
        """Yield the reply in pieces of whole characters, and remember it when it is complete.

        Lines are bubbles: the reply ends after `output.max_bubbles` of them, or before one of the
        `stop` strings. With several candidates, or forbidden words, the whole reply is one piece.
        `record` tells about the reply: with `n_likely`, also about every token.
        """
        sampling = self._settings.sampling
        if sampling.candidates > 1 or sampling.forbidden_words:
            pieces: Iterable[str] = [self._chosen(n_likely)]
        else:
            self.record = Record()
            pieces = self._attempt(self._sampler(n_likely), self.record)
        text = ""
        for piece in until(pieces, stop, self._end_by_stop) if stop else pieces:
            text += piece
            yield piece
        if text:
            self.hear(text, self.number)

    def _end_by_stop(self) -> None:
        self.record.ending = "stop"  # also where it comes with the last token allowed

    def chance_to_reply(self) -> float:
        """Return the learned probability that the bot speaks next, within [floor, cap].

        In a room of two it is 1.
        """
        if self.n_speakers <= 2:
            return 1.0
        dialogue = self._settings.dialogue
        chance = float(self.next_speaker_chances()[self.number])
        return min(dialogue.reply_cap, max(dialogue.reply_floor, chance))

    def next_speaker_chances(self) -> Scores:
        """Return the learned probability of each of S speaker ids to speak next: (S,).

        Only groups learn it.
        """
        # The logits after the end of the latest turn, before the next turn prefix.
        begun = self._tokenizer.head(self.number)
        logits = self._reader.next_logits(self._prompt()[: -len(begun)])
        first = [self._tokenizer.head(number)[0] for number in range(self.n_speakers)]
        next_speaker = logits[first].astype(np.float64)
        chances = np.exp(next_speaker - next_speaker.max())
        return cast("Scores", chances / chances.sum())

    def wants_to_reply(self) -> bool:
        """Draw whether to answer the conversation so far, in a room of several people."""
        return float(self._rng.random()) < self.chance_to_reply()

    def _prompt(self) -> list[int]:
        """Render the conversation so far, leaving context for a reply."""
        room = self._reader.context_length
        turns = self.history[-self._settings.dialogue.history_turns :]
        longest = min(self._settings.sampling.max_new_tokens, room // 2)
        return render_prompt(turns, self.number, self._tokenizer, room - longest)

    def _sampler(self, n_likely: int | None) -> Sampler:
        return Sampler(self._settings.sampling, self._rng, n_likely)

    def _attempt(self, sampler: Sampler, record: Record) -> Iterator[str]:
        """Yield one reply to the conversation so far."""
        sampling, room = self._settings.sampling, self._reader.context_length
        prompt = self._prompt()
        longest = min(sampling.max_new_tokens, room - len(prompt))
        bounds = range(sampling.min_new_tokens, longest)
        record.n_prompt, record.drawn = len(prompt), sampler.drawn
        echo = self.history[-1].text if self.history else ""
        echo = echo if _SAYS_SOMETHING.search(echo) else ""
        may_say = Permission(echo, self._guard, self.number)
        tokens = generate(self._reader, prompt, self._tokenizer, sampler, bounds, may_say)
        tokens = counted(tokens, longest, record)
        text: Iterable[str] = cut_bubbles(
            stream_text(tokens, self._tokenizer), self._settings.output
        )
        public = self._settings.text_rules.public
        yield from shielded(text, public) if self._settings.output.leak_guard else text

    def _chosen(self, n_likely: int | None) -> str:
        """Return the most confident candidate; "" if all contain a forbidden word."""
        sampling = self._settings.sampling
        best = -math.inf
        chosen = ""
        for attempt in range(_ATTEMPTS * sampling.candidates):
            if attempt >= sampling.candidates and chosen:
                break
            sampler, record = self._sampler(n_likely), Record()
            text = "".join(self._attempt(sampler, record))
            if any(word in text for word in sampling.forbidden_words):
                continue
            if sampler.confidence > best:
                best, chosen, self.record = sampler.confidence, text, record
        return chosen

    def reply(self) -> Reply:
        """Answer the conversation so far."""
        text = "".join(self.stream())
        return Reply(text, tuple(text.split("\n")) if text else ())

    def forget(self, n_turns: int | None = None) -> None:
        """Drop the latest turns from the history, or all of it."""
        self.history = (
            [] if n_turns is None else self.history[: max(0, len(self.history) - n_turns)]
        )


def cut_bubbles(pieces: Iterable[str], output: OutputConfig) -> Iterator[str]:
    """Yield text up to the last bubble, without blank lines and surrounding space."""
    bubbles = _Bubbles(output)
    for piece in pieces:
        if text := "".join(map(bubbles.add, piece)):
            yield text
        if bubbles.is_over:
            return


class _Bubbles:
    """Splits text into bubbles, one character after the other.

    `is_over`: text for another bubble than the last has begun.
    """

    def __init__(self, output: OutputConfig) -> None:
        self.is_over = False
        self._output = output
        self._n_bubbles, self._is_new = 1, True
        self._waiting = ""  # space that is only shown if text follows it

    def add(self, char: str) -> str:
        """Return what to show when a character arrives."""
        if char.isspace():
            self._waiting += char
            return ""
        text = "" if self._is_new else self._waiting
        if "\n" in text:
            self._n_bubbles += 1
            text = " " if self._output.one_line else "\n"
        self.is_over = self._n_bubbles > self._output.max_bubbles
        self._waiting, self._is_new = "", False
        return "" if self.is_over else text + char
