"""The page in one file, in headless Chromium offline: speed, size, and time until it is ready.

`python benchmarks/page.py [--rounds N]`: random weights of 4.3 M (4 layers x
256) and 14 M (6 x 384) parameters. Tokens a second are those of whole decoding steps with sampling,
in the page's own bot, with WebAssembly and with plain JavaScript in turns; numpy beside them.
"""

import argparse
import base64
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from chatbot.corpus.tokenizer import train_tokenizer
from chatbot.crypto.age_keys import new_passphrase
from chatbot.inference.bot import Bot
from chatbot.inference.generate import Prefix
from chatbot.inference.loading import bot_settings, language_model
from chatbot.model.bundle import About, Bundle
from chatbot.model.gpt.config import GPTConfig, weight_shapes
from chatbot.model.gpt.file import gpt_bundle
from chatbot.publishing.export import ExportOptions
from chatbot.publishing.page.file import export_page
from chatbot.publishing.page.modules import WEB, bundle_modules
from chatbot.publishing.page.payload import pack
from chatbot.settings.schema import Config, OutputConfig, SamplingConfig

SHAPES = {
    "4.3 M": {"n_layer": 4, "n_head": 4, "n_embd": 256, "n_hidden": 704, "vocab_size": 4096},
    "14 M": {"n_layer": 6, "n_head": 6, "n_embd": 384, "n_hidden": 1024, "vocab_size": 8192},
}
N_TOKENS = 60
SAMPLING = SamplingConfig(min_new_tokens=N_TOKENS, max_new_tokens=N_TOKENS, seed=1)
CONFIG = replace(Config(), sampling=SAMPLING, output=OutputConfig(max_bubbles=999))
ASKED = [{"persona": None, "text": "오늘 뭐함"}]
OPEN = """async ([payload, kernel]) => {
  const bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const {description, content} = await unpackPayload(bytes(payload));
  const code = kernel && bytes(kernel);
  const network = await openNetwork(code, description.shape, description.tensors, content);
  globalThis.bots = {...globalThis.bots, [kernel ? 'wasm' : 'javascript']:
    new Bot(network, description)};
}"""
# Milliseconds of all tokens after the first.
TALK = """async ([name, turns]) => {
  const bot = bots[name];
  bot.tokens = [];
  let start = 0;
  for await (const {kind} of bot.reply({turns, persona: '0'}, () => false)) {
    start ||= kind === 'text' ? performance.now() : 0;
  }
  return performance.now() - start;
}"""
# Milliseconds from the click to the conversation, the derivation of the key subtracted.
UNLOCK = """async (phrase) => {
  const start = performance.now();
  const bytes = contentOf(document);
  const decoded = performance.now();
  let key = 0;
  const backend = await openModel(bytes, phrase, ({stage}) => {
    key ||= stage === 'opening' ? performance.now() : 0;
  });
  const ready = performance.now();
  backend.close();
  return [decoded - start, key - decoded, ready - key];
}"""


def random_model(shape: dict[str, int]) -> Bundle:
    """Return a model of a shape with random weights, and a vocabulary as large as it says."""
    chance = random.Random(0)  # noqa: S311
    words = ["".join(chr(0xAC00 + chance.randrange(600)) for _ in range(3)) for _ in range(40_000)]
    tokenizer = train_tokenizer(words * 2, shape["vocab_size"], 2)
    config = GPTConfig(
        **shape, n_kv_head=shape["n_head"], block_size=256, dropout=0.0, rope_theta=10000.0
    )
    rng = np.random.default_rng(0)
    weights = {
        name: rng.normal(len(size) == 1, size[-1] ** -0.5, size).astype(np.float32)
        for name, size in weight_shapes(config).items()
    }
    return gpt_bundle(config, weights, tokenizer.text, About())


@contextmanager
def headless() -> Iterator[Any]:
    """Yield a browser without a network."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
        path = own if own.exists() else Path("/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser.new_context(offline=True)
        browser.close()


def rates_in_page(context: Any, payload: bytes, rounds: int) -> dict[str, list[float]]:
    """Return tokens a second of both kernels, in turns."""
    page = context.new_page()
    page.add_script_tag(content=bundle_modules(WEB / "engine/worker.js"))
    kernel = base64.b64encode((WEB / "engine/kernel.wasm").read_bytes()).decode()
    for code in (kernel, None):
        page.evaluate(OPEN, [base64.b64encode(payload).decode(), code])
    rates: dict[str, list[float]] = {"wasm": [], "javascript": []}
    for _ in range(rounds + 1):
        for name, measured in rates.items():
            measured.append(1000 * (N_TOKENS - 1) / page.evaluate(TALK, [name, ASKED]))
    page.close()
    return {name: measured[1:] for name, measured in rates.items()}  # the first is compiled


def rate_of_numpy(bundle: Bundle) -> float:
    """Return tokens a second of our own bot."""
    reader = Prefix(language_model(bundle, CONFIG))
    bot = Bot(reader, bundle.tokenizer, bot_settings(CONFIG))
    bot.hear(str(ASKED[0]["text"]))
    pieces = bot.stream()
    next(pieces)
    start = time.perf_counter()
    for _ in pieces:
        pass
    return (N_TOKENS - 1) / (time.perf_counter() - start)


def measure(name: str, context: Any, rounds: int, folder: Path) -> None:
    """Print the figures of one shape."""
    bundle = random_model(SHAPES[name])
    print(f"{name}: {bundle.n_params:,} parameters; numpy {rate_of_numpy(bundle):.0f} tokens/s")
    for dtype, n_bytes in (("int8", 1), ("fp16", 2)):
        payload = pack(bundle, CONFIG, dtype)
        rates = rates_in_page(context, payload, rounds)
        path, phrase = folder / f"{name}-{dtype}.html", new_passphrase()
        export_page(bundle, path, CONFIG, ExportOptions(dtype, phrase))
        page = context.new_page()
        start = time.perf_counter()
        page.goto(path.as_uri())
        page.wait_for_selector("#gate-secret:visible")
        shown = time.perf_counter() - start
        decoding, key, opening = (ms / 1000 for ms in page.evaluate(UNLOCK, phrase))
        page.close()
        ratio = path.stat().st_size / (bundle.n_params * n_bytes)
        print(
            f"  {dtype}: "
            + ", ".join(f"{k} {statistics.median(v):.0f} tokens/s" for k, v in rates.items())
            + f"; file {ratio:.2f} x the weights; ready in {shown + decoding + opening:.2f} s "
            f"(shown {shown:.2f}, decoded {decoding:.2f}, opened {opening:.2f}) and key {key:.2f}"
        )


def main() -> None:
    """Measure both shapes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with headless() as context, tempfile.TemporaryDirectory() as folder:
        for name in SHAPES:
            measure(name, context, rounds, Path(folder))


if __name__ == "__main__":
    main()
