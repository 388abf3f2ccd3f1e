"""Model files as an attacker writes them, with checksums that hold; and what opening one takes."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from chatbot.model.bundle import About, bundle_bytes
from chatbot.model.gpt.config import GPTConfig, weight_shapes
from chatbot.model.gpt.file import gpt_bundle
from tests.corpus.texts import tokenizer

SHAPE = GPTConfig(
    vocab_size=tokenizer().vocab_size, block_size=64, n_layer=1, n_head=2, n_kv_head=1, n_embd=16,
    n_hidden=32, dropout=0.0, rope_theta=10000.0,
)  # fmt: skip
# Reads a model as `chatbot reply` does, and says how that ended and what memory it took.
_OPEN = """
import json, os, resource, sys
from chatbot.cli.main import main
import chatbot.inference.loading, chatbot.model.gpt.file, tokenizers
if sys.argv[3] == "base":
    import chatbot.model.pretrained.network, transformers
    from chatbot.sft_ops import main
def memory(name):
    line = next(l for l in open("/proc/self/status") if l.startswith(name))
    return int(line.split()[1]) // 1024
open("/proc/self/clear_refs", "w").write("5")
before, limit = memory("VmRSS"), 6 << 30
resource.setrlimit(resource.RLIMIT_AS, (memory("VmSize") * (1 << 20) + limit,) * 2)
arguments = ["--set", f"dialogue.model={sys.argv[2]}", *sys.argv[4:], "--", "\\uc548\\ub155"]
status = main(["reply", "--root", sys.argv[1], *arguments])
print(json.dumps([status, memory("VmHWM") - before]))
"""


@dataclass(frozen=True)
class Opening:
    """How opening a file ended: the exit status, messages, and memory that it took beside itself."""

    status: int
    messages: list[str]
    megabytes: float


def model_bytes(dtype="fp32") -> bytes:
    """Return an honest model of weights that are drawn."""
    generator = np.random.default_rng(0)
    weights = {
        name: generator.normal(size=shape).astype(np.float32)
        for name, shape in weight_shapes(SHAPE).items()
    }
    return bundle_bytes(gpt_bundle(SHAPE, weights, tokenizer().text, About(step=3)), dtype)


def parts_of(content: bytes) -> tuple[dict, bytes]:
    """Return header and data of a file."""
    n_header = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + n_header]), content[8 + n_header :]


def file_of(header, data: bytes) -> bytes:
    """Return a file; the header is text, or values with a checksum that is made to hold."""
    if not isinstance(header, bytes):
        metadata = header["__metadata__"]
        metadata["checksum"] = _checksum(header, data)
        header = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "surrogatepass"
        )
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data


def _checksum(header, data: bytes) -> str:
    text = sorted((k, v) for k, v in header["__metadata__"].items() if k != "checksum")
    total = _sum(json.dumps(text).encode())
    places = Counter(tuple(e["data_offsets"]) for n, e in header.items() if n != "__metadata__")
    total += sum(n_times * _sum(data[slice(*place)]) for place, n_times in places.items())
    return str(total % (1 << 64))


def _sum(piece: bytes) -> int:
    n_whole = len(piece) // 8 * 8
    words = np.frombuffer(piece[:n_whole], dtype=np.uint64)
    return int(words.sum(dtype=np.uint64)) + int.from_bytes(piece[n_whole:], "little")


def with_metadata(content: bytes, **texts: str) -> bytes:
    """Return a file with other metadata."""
    header, data = parts_of(content)
    header["__metadata__"] |= {name.replace("_json", ".json"): text for name, text in texts.items()}
    return file_of(header, data)


def with_shape(content: bytes, **numbers) -> bytes:
    """Return a model of our own with other numbers in its config."""
    return with_metadata(content, config=json.dumps(asdict(SHAPE) | numbers))


def with_tokenizer(content: bytes, change) -> bytes:
    """Return a file whose tokenizer.json `change` has changed in place."""
    header, _ = parts_of(content)
    document = json.loads(header["__metadata__"]["tokenizer.json"])
    change(document)
    return with_metadata(content, tokenizer_json=json.dumps(document, ensure_ascii=False))


def open_file(root: Path, content: bytes, kind="own", *arguments: str) -> Opening:
    """Open a file in a process of its own."""
    path = root / "model.safetensors"
    path.write_bytes(content)
    line = [sys.executable, "-c", _OPEN, str(root), str(path), kind, *arguments]
    run = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    last = (run.stdout.splitlines() or [""])[-1]
    status, megabytes = json.loads(last) if last.startswith("[") else (run.returncode, np.inf)
    return Opening(status, run.stderr.splitlines(), megabytes - len(content) / 2**20)


@contextmanager
def memory_peak() -> Iterator[Callable[[], float]]:
    """Lend what tells, afterwards, how many MB this process took at most beyond what it had."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    yield lambda: _status("VmHWM") - before


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024
