"""Tokens a second of training in float32 and in the chosen type, interleaved, on an invented room.

`python benchmarks/training.py`: one process, alternating blocks of steps, medians of the blocks.
"""

import shutil
import statistics
import tempfile
import time
from pathlib import Path

from chatbot.config import load_config
from chatbot.corpus.store import open_corpus
from chatbot.ingest.invented_room import invent_room, write_android_export
from chatbot.ops import main as run_command
from chatbot.training.folder import RunFolder
from chatbot.training.loop import train_steps
from chatbot.training.setup import prepare

REPOSITORY = Path(__file__).resolve().parent.parent
N_BLOCKS, N_STEPS = 5, 4


def main() -> None:
    """Make a corpus, then time both types."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copytree(REPOSITORY / "configs", root / "configs")
        inbox = root / "data/raw/inbox"
        inbox.mkdir(parents=True)
        export = write_android_export(invent_room(1500, seed=1))
        (inbox / "KakaoTalkChats.txt").write_bytes(export)
        assert run_command(["organize", "--root", folder]) == 0
        assert run_command(["preprocess", "--root", folder]) == 0
        compare(root)


def compare(root: Path) -> None:
    """Run blocks of steps of both arms in turn and print medians and their ratio."""
    arms = {}
    for dtype in ("float32", "auto"):
        config = load_config(root, (f"runtime.dtype={dtype}", "model.size=nano"))
        corpus = open_corpus(config.processed_dir)
        made = prepare(config, corpus, RunFolder(root / dtype), None)
        arms[dtype] = train_steps(
            made.state, made.sources[0], made.config.optimization, made.compute, max_steps=10_000
        )
        print(f"{dtype}: {made.sentences[1]}")
    rates: dict[str, list[float]] = {name: [] for name in arms}
    for block in range(N_BLOCKS + 1):
        for name, steps in arms.items():
            began = time.perf_counter()
            n_tokens = sum(next(steps).n_tokens for _ in range(N_STEPS))
            if block:  # the first block warms up
                rates[name].append(n_tokens / (time.perf_counter() - began))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    for name, median in medians.items():
        print(f"{name:8} {median:8,.0f} tokens/s")
    print(f"ratio    {medians['auto'] / medians['float32']:8.2f}")


if __name__ == "__main__":
    main()
