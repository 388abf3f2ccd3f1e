"""Replies of a model of 14 M parameters: cold start, tokens a second, the second turn, memory.

`python benchmarks/replying.py [--rounds N]`: numpy beside torch, interleaved, on random weights
(6 layers x 384, vocabulary 8192). Decoding is compared with a plain matrix-vector product of numpy,
and with llama.cpp on the exported file where llama-cpp-python is installed.
"""

import argparse
import importlib.util
import json
import multiprocessing
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from chatbot.corpus.tokenizer import train_tokenizer
from chatbot.inference.loading import language_model, open_network
from chatbot.model.bundle import About, Bundle, read_bundle, write_bundle
from chatbot.model.gpt.config import GPTConfig, weight_shapes
from chatbot.model.gpt.file import gpt_bundle
from chatbot.model.interface import LanguageModel
from chatbot.publishing.gpt import export_gguf
from chatbot.settings.load import load_config
from chatbot.settings.schema import Config, RuntimeConfig
from chatbot.training.folder import RunFolder

REPOSITORY = Path(__file__).resolve().parent.parent
SHAPE = GPTConfig(
    vocab_size=8192, block_size=256, n_layer=6, n_head=6, n_kv_head=6, n_embd=384, n_hidden=1024,
    dropout=0.0, rope_theta=10000.0,
)  # fmt: skip
ASKED = "오늘 뭐함"
# As `chatbot reply`, but through torch.
THROUGH_TORCH = """
import sys
from pathlib import Path
from chatbot.inference.bot import Bot
from chatbot.inference.generate import Prefix
from chatbot.inference.loading import bot_settings, find_model, open_model, open_network
from chatbot.settings.load import load_config
config = load_config(Path(sys.argv[1]), tuple(sys.argv[3:]))
bundle = open_model(find_model(config), config)
model = open_network(bundle, config).language_model()
bot = Bot(Prefix(model), bundle.tokenizer, bot_settings(config))
bot.hear(sys.argv[2])
print(bot.reply().text)
"""
ON_CPU = Config(runtime=RuntimeConfig(device="cpu"))
SETTINGS = ("sampling.min_new_tokens=20", "sampling.max_new_tokens=20", "output.max_bubbles=99")


def make_project(root: Path) -> Bundle:
    """Write a project whose run holds a model of random weights."""
    shutil.copytree(REPOSITORY / "configs", root / "configs")
    (root / ".env").write_text("CHATBOT_PASSWORD=invented\n")
    chance = random.Random(0)  # noqa: S311
    words = ["".join(chr(0xAC00 + chance.randrange(600)) for _ in range(3)) for _ in range(40_000)]
    tokenizer = train_tokenizer(words * 2, SHAPE.vocab_size, 2)
    rng = np.random.default_rng(0)
    weights = {
        name: (0.05 * rng.standard_normal(shape)).astype(np.float32)
        for name, shape in weight_shapes(SHAPE).items()
    }
    path = RunFolder(load_config(root).run_dir).model
    path.parent.mkdir(parents=True)
    bundle = gpt_bundle(SHAPE, weights, tokenizer.text, About())
    write_bundle(path, bundle)
    return bundle


def seconds(call: Callable[[], object]) -> float:
    """Time one call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def reply_process(root: Path) -> list[str]:
    """The command line of a reply of 20 tokens."""
    pairs = [part for setting in SETTINGS for part in ("--set", setting)]
    return [sys.executable, "-m", "chatbot", "reply", "--root", str(root), *pairs, ASKED]


def torch_process(root: Path) -> list[str]:
    """The same through torch."""
    return [sys.executable, "-c", THROUGH_TORCH, str(root), ASKED, *SETTINGS]


def cold_starts(root: Path, n_rounds: int) -> dict[str, float]:
    """Median seconds from process start to the printed answer, arms in turns."""
    arms = {"numpy": reply_process(root), "torch": torch_process(root)}
    found: dict[str, list[float]] = {name: [] for name in arms}
    for number in range(n_rounds + 1):
        for name, line in arms.items():
            spent = seconds(partial(subprocess.run, line, check=True, capture_output=True))
            if number:  # the first round fills the disk's cache
                found[name].append(spent)
    return {name: statistics.median(values) for name, values in found.items()}


def peak_memory(root: Path) -> float:
    """Peak MiB of a reply, as its own process sees it (rusage would count what started it)."""
    line = reply_process(root)
    code = (
        "import sys; from pathlib import Path; from chatbot.cli.main import main;"
        "main(sys.argv[1:]);"
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *line[3:]], check=True, capture_output=True, text=True
    )
    return int(done.stdout.split()[-1]) / 1024


def tokens_a_second(model: LanguageModel, n_tokens: int = 128) -> float:
    """Greedy decoding after a prompt of 32 tokens."""
    cache = model.new_cache()
    token = int(model.next_logits(np.arange(3, 35), cache).argmax())
    began = time.perf_counter()
    for _ in range(n_tokens):
        token = int(model.next_logits(np.array([token]), cache).argmax())
    return n_tokens / (time.perf_counter() - began)


def numpy_rate(path: Path) -> float:
    """Tokens a second through numpy."""
    return tokens_a_second(language_model(read_bundle(path), ON_CPU))


def torch_rate(path: Path) -> float:
    """Tokens a second through torch."""
    return tokens_a_second(open_network(read_bundle(path), ON_CPU).language_model())


def llama_rate(path: Path, n_tokens: int = 128) -> float:
    """Tokens a second through llama.cpp, of the exported file."""
    from llama_cpp import Llama

    with tempfile.TemporaryDirectory() as folder:
        exported = Path(folder) / "model.gguf"
        export_gguf(read_bundle(path), exported, Config())
        llama = Llama(str(exported), n_ctx=SHAPE.block_size, n_threads=2, verbose=False)
    tokens = llama.generate(list(range(3, 35)), temp=0, repeat_penalty=1, top_k=1)
    next(tokens)
    return n_tokens / seconds(lambda: [next(tokens) for _ in range(n_tokens)])


def alone(measure: Callable[..., float], *arguments: object) -> float:
    """Call a function in a process of its own: threads of one library disturb another's."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, *arguments).result()


def matrix_vector_rate(n_bytes: int) -> float:
    """Bytes a second of a plain matrix-vector product over as many bytes as the weights."""
    matrix = np.ones((n_bytes // 4 // 1024, 1024), dtype=np.float32)
    vector = np.ones(1024, dtype=np.float32)
    times = [seconds(lambda: matrix @ vector) for _ in range(30)]
    return matrix.nbytes / statistics.median(times)


def second_turn(model: LanguageModel, n_new: int) -> float:
    """Seconds until the first logits of a second turn of `n_new` tokens after 100."""
    cache = model.new_cache()
    model.next_logits(np.arange(3, 103), cache)
    return seconds(lambda: model.next_logits(np.arange(3, 3 + n_new), cache))


def main() -> None:
    """Measure and print a table and one JSON line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    args = parser.parse_args()
    arms = {"numpy": numpy_rate, "torch": torch_rate}
    if importlib.util.find_spec("llama_cpp"):
        arms["llama.cpp"] = llama_rate
    rates: dict[str, list[float]] = {name: [] for name in arms}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        bundle = make_project(root)
        path = RunFolder(load_config(root).run_dir).model
        loading = statistics.median(seconds(lambda: read_bundle(path)) for _ in range(5))
        starts = cold_starts(root, args.rounds)
        memory = peak_memory(root)
        moved = sum(weight.nbytes for weight in bundle.weights.values())
        bandwidths = []
        for _ in range(7):
            bandwidths.append(alone(matrix_vector_rate, moved))
            for name, measure in arms.items():
                rates[name].append(alone(measure, path))
    model = language_model(bundle, ON_CPU)
    rate = {name: statistics.median(values) for name, values in rates.items()}
    bandwidth = statistics.median(bandwidths)
    found = {
        "reply_seconds": starts,
        "reply_ratio": starts["torch"] / starts["numpy"],
        "peak_mib": memory,
        "read_bundle_seconds": loading,
        "tokens_a_second": rate,
        "matrix_vector_gb_a_second": bandwidth / 1e9,
        "share_of_bandwidth": rate["numpy"] * moved / bandwidth,
        "second_turn_seconds": {n: second_turn(model, n) for n in (1, 8, 16)},
        "own_peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    for name, value in found.items():
        print(f"{name:28} {value}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
