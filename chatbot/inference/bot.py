"""History -> reply: what was said, trimmed and rendered; what comes back, as bubbles."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from chatbot.corpus.template import Turn, render_prompt
from chatbot.corpus.tokenizer import BpeTokenizer
from chatbot.inference.generate import Prefix, generate, stream_text
from chatbot.inference.sampling import Sampler
from chatbot.ingest.cleaning import Cleaner
from chatbot.model.language_model import LanguageModel
from chatbot.settings import DialogueConfig, OutputConfig, PreprocessConfig, SamplingConfig

PERSONA = 0
_ATTEMPTS = 4  # times the candidates, before a reply without a forbidden word is given up


@dataclass(frozen=True)
class Reply:
    """What the bot says; `bubbles` as a messenger would show it."""

    text: str
    bubbles: tuple[str, ...]


@dataclass(frozen=True)
class BotSettings:
    """The sections of gen.yaml that shape a reply."""

    sampling: SamplingConfig
    output: OutputConfig
    dialogue: DialogueConfig
    cleaning: PreprocessConfig


class Bot:
    """Speaks as number 0; remembers one conversation."""

    def __init__(
        self, model: LanguageModel, tokenizer: BpeTokenizer, settings: BotSettings
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._settings = settings
        self._cleaner = Cleaner(settings.cleaning)
        self._prefix = Prefix(model)
        self._rng = np.random.default_rng(settings.sampling.seed)
        self.history: list[Turn] = []

    @property
    def n_speakers(self) -> int:
        """Numbers that the model knows; 0 is the bot."""
        return self._tokenizer.n_speakers

    def hear(self, text: str, speaker: int = 1) -> None:
        """Add what somebody said, written as in training; lines sent in a row are one turn."""
        text = self._cleaner.normalize(text)
        last = self.history[-1] if self.history else None
        if last is not None and last.speaker == speaker:
            self.history[-1] = replace(last, text=f"{last.text}\n{text}")
        else:
            self.history.append(Turn(speaker, text))

    def stream(self) -> Iterator[str]:
        """Yield the reply in pieces of whole characters, and remember it when it is complete.

        Lines are bubbles: after `output.max_bubbles` of them the reply ends. With several
        candidates, or words that must not be said, the whole reply comes as one piece.
        """
        sampling = self._settings.sampling
        if sampling.candidates > 1 or sampling.forbidden_words:
            pieces: Iterable[str] = [self._chosen()]
        else:
            pieces = self._attempt(self._sampler())
        said = ""
        for piece in pieces:
            said += piece
            yield piece
        if said:
            self.hear(said, PERSONA)

    def _sampler(self) -> Sampler:
        return Sampler(self._settings.sampling, self._rng)

    def _attempt(self, sampler: Sampler) -> Iterator[str]:
        """Yield one reply to the conversation so far."""
        sampling, room = self._settings.sampling, self._model.context_length
        turns = self.history[-self._settings.dialogue.history_turns :]
        n_prompt = room - min(sampling.max_new_tokens, room // 2)
        prompt = render_prompt(turns, PERSONA, self._tokenizer, n_prompt)
        longest = min(sampling.max_new_tokens, room - len(prompt))
        bounds = range(sampling.min_new_tokens, longest)
        tokens = generate(self._prefix, prompt, self._tokenizer, sampler, bounds)
        yield from self._bubbles(stream_text(tokens, self._tokenizer))

    def _chosen(self) -> str:
        """Return the most confident of some replies, an allowed one if there is any.

        What repeats the last message word for word counts last; "" if every one has a
        forbidden word.
        """
        sampling = self._settings.sampling
        heard = self.history[-1].text if self.history else ""
        best: tuple[bool, float] | None = None
        chosen = ""
        for attempt in range(_ATTEMPTS * sampling.candidates):
            if attempt >= sampling.candidates and best is not None:
                break
            sampler = self._sampler()
            text = "".join(self._attempt(sampler))
            if any(word in text for word in sampling.forbidden_words):
                continue
            rank = (text != heard, sampler.confidence)
            if best is None or rank > best:
                best, chosen = rank, text
        return chosen

    def _bubbles(self, pieces: Iterable[str]) -> Iterator[str]:
        """Pass text on up to the last bubble, without blank lines or space at its ends."""
        output = self._settings.output
        n_bubbles, is_new = 1, True
        waiting = ""  # space that is only said if something follows it
        for char in (char for piece in pieces for char in piece):
            if char.isspace():
                waiting += char
                continue
            if "\n" in waiting and not is_new:
                n_bubbles += 1
                if n_bubbles > output.max_bubbles:
                    return
                yield " " if output.one_line else "\n"
            elif waiting and not is_new:
                yield waiting
            waiting, is_new = "", False
            yield char

    def reply(self) -> Reply:
        """Answer the conversation so far."""
        text = "".join(self.stream())
        return Reply(text, tuple(text.split("\n")) if text else ())

    def forget(self, n_turns: int | None = None) -> None:
        """Drop the latest turns from the history, or all of it."""
        self.history = (
            [] if n_turns is None else self.history[: max(0, len(self.history) - n_turns)]
        )
