"""History -> reply: what was said, trimmed and rendered; what comes back, as bubbles."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from chatbot.config import DialogueConfig, OutputConfig, SamplingConfig
from chatbot.corpus.template import Turn, render_prompt
from chatbot.corpus.tokenizer import BpeTokenizer
from chatbot.inference.generate import generate, stream_text
from chatbot.model.language_model import LanguageModel

PERSONA = 0


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


class Bot:
    """Speaks as number 0; remembers one conversation."""

    def __init__(
        self, model: LanguageModel, tokenizer: BpeTokenizer, settings: BotSettings
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._settings = settings
        self._rng = np.random.default_rng(settings.sampling.seed)
        self.history: list[Turn] = []

    @property
    def n_speakers(self) -> int:
        """Numbers that the model knows; 0 is the bot."""
        return self._tokenizer.n_speakers

    def hear(self, text: str, speaker: int = 1) -> None:
        """Add what somebody said. Lines sent in a row are one turn, as in training."""
        last = self.history[-1] if self.history else None
        if last is not None and last.speaker == speaker:
            self.history[-1] = replace(last, text=f"{last.text}\n{text}")
        else:
            self.history.append(Turn(speaker, text))

    def stream(self) -> Iterator[str]:
        """Yield the reply in pieces of whole characters, and remember it when it is complete."""
        sampling = self._settings.sampling
        turns = self.history[-self._settings.dialogue.history_turns :]
        room = self._model.context_length
        prompt = render_prompt(
            turns, PERSONA, self._tokenizer, max(16, room - sampling.max_new_tokens)
        )
        tokens = generate(self._model, prompt, self._tokenizer, sampling, self._rng)
        pieces = []
        for piece in stream_text(tokens, self._tokenizer):
            pieces.append(piece)
            yield piece
        if text := "".join(pieces).strip():
            self.hear(text, PERSONA)

    def reply(self) -> Reply:
        """Answer the conversation so far."""
        text = "".join(self.stream()).strip()
        bubbles = tuple(line for line in text.split("\n") if line.strip())
        limit = self._settings.output.max_bubbles
        bubbles = bubbles[:limit]
        if self._settings.output.one_line:
            bubbles = (" ".join(bubbles),)
        return Reply("\n".join(bubbles), bubbles)

    def forget(self, n_turns: int | None = None) -> None:
        """Drop the latest turns from the history, or all of it."""
        self.history = (
            [] if n_turns is None else self.history[: max(0, len(self.history) - n_turns)]
        )
