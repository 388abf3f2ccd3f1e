"""Small GPTs with random weights, and an engine of the page that has opened them."""

import base64
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chatbot.cli.invented_room import invent_room
from chatbot.corpus.tokenizer import train_tokenizer
from chatbot.model.bundle import About, Bundle, bundle_bytes, read_bundle_bytes
from chatbot.model.gpt.config import GPTConfig, weight_shapes
from chatbot.model.gpt.file import gpt_bundle
from chatbot.publishing.page.modules import WEB

KERNEL = WEB / "engine/kernel.wasm"
_OPEN = """async ([payload, kernel]) => {
  const bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const {description, content} = await unpackPayload(bytes(payload));
  const code = kernel && bytes(kernel);
  globalThis.network = await openNetwork(code, description.shape, description.tensors, content);
  globalThis.bot = new Bot(network, description);
}"""
_LOGITS = """(pieces) => pieces.map((tokens) => {
  network.read(tokens);
  return [...network.logits()];
})"""
_REPLY = """async ([turns, persona]) => {
  const events = [];
  for await (const event of bot.reply({turns, persona}, () => false)) {
    events.push(event);
  }
  return events;
}"""


def room_texts(n_sessions: int = 60) -> list[str]:
    """Messages of an invented room."""
    return [message.text for message in invent_room(n_sessions, seed=7)]


def random_bundle(shape: dict[str, int], n_speakers: int = 2, seed: int = 0) -> Bundle:
    """A GPT of some shape whose replies have no sense, and a tokenizer of the invented room."""
    rng = np.random.default_rng(seed)
    tokenizer = train_tokenizer(room_texts(), 500, n_speakers)
    config = GPTConfig(
        vocab_size=max(tokenizer.vocab_size, shape.pop("vocab_size", 0)),
        dropout=0.0,
        rope_theta=10000.0,
        **shape,
    )
    weights = {
        name: rng.normal(1 if len(size) == 1 else 0, 2 * size[-1] ** -0.5, size).astype(np.float32)
        for name, size in weight_shapes(config).items()
    }
    return gpt_bundle(config, weights, tokenizer.text, About(tokenizer_sha256=tokenizer.sha256))


def as_stored(bundle: Bundle, dtype: str) -> Bundle:
    """A model with the weights that are left of it in a dtype."""
    return read_bundle_bytes(bundle_bytes(bundle, dtype), "a model")


def content_of(path: Path) -> bytes:
    """The locked content of a page in one file."""
    text = path.read_text(encoding="utf-8")
    return base64.b64decode(re.search('id="content" type="text/plain">([^<]*)', text)[1])


@dataclass(frozen=True)
class Engine:
    """The engine of the page, in a browser without a network."""

    page: Any

    def open(self, payload: bytes, has_wasm: bool = True) -> None:
        kernel = base64.b64encode(KERNEL.read_bytes()).decode() if has_wasm else None
        self.page.evaluate(_OPEN, [base64.b64encode(payload).decode(), kernel])

    def logits(self, pieces: list[list[int]]) -> np.ndarray:
        """The logits after each piece of a text that is read in pieces."""
        return np.array(self.page.evaluate(_LOGITS, pieces))

    def events(self, turns: list[dict], persona: str = "0") -> list[dict]:
        return self.page.evaluate(_REPLY, [turns, persona])

    def reply(self, turns: list[dict], persona: str = "0") -> str:
        return "".join(event.get("text", "") for event in self.events(turns, persona))
