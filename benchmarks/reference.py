"""Reference results: label modes, context, sizes, loss weights, epochs, LoRA, on the same sessions.

`python -m benchmarks.reference --work FOLDER 나래=EXPORT 일상_문답=EXPORT [--base FOLDER]` trains
one cell after another (benchmarks/reference_cells.py) and writes FOLDER/cells/; what is there is
not trained again, so the same command continues. `--max-cells N` ends after N
cells. benchmarks/reference_report.py makes the tables of docs/choosing.md of what is there.

Each cell is judged on the held-out sessions of the *default* corpus, in reply bits per byte (the
protocol of benchmarks/RESULTS.md), of everybody's replies and of the persona's alone.
"""

import argparse
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.reference_cells import CELLS, PERSONA, SCALES, Cell, Scale
from chatbot.cli.main import main as chatbot
from chatbot.corpus.pipeline import build_corpora, build_corpus
from chatbot.corpus.store import Corpus, open_corpus
from chatbot.evaluation.metrics import N_PAST_TOKENS, session_losses
from chatbot.model.device import autocast
from chatbot.model.pretrained.corpus import corpus_specs
from chatbot.settings.aliases import load_sft_config
from chatbot.settings.load import load_config
from chatbot.settings.schema import Config
from chatbot.storage.files import write_json
from chatbot.training.folder import FILES, FOLDERS, RunFolder
from chatbot.training.loop import averaged, train_steps
from chatbot.training.prepare import PreparedRun, prepare

GROUPS = ",".join(dict.fromkeys(cell.group for cell in CELLS))


@dataclass(frozen=True)
class Room:
    """A project of one room: its folder, and the base that is fine-tuned on it."""

    root: Path
    base: Path | None

    def config(self, cell: Cell, corpus: tuple[str, ...], *overrides: str) -> Config:
        """Return the settings of a cell, with its corpus in a folder of its own."""
        kind = "-".join(
            ["base" if cell.on_base else "own", *(s.rpartition("=")[2] for s in corpus)]
        )
        if not cell.on_base:
            return load_config(self.root, (f"processed.dir=data/{kind}", *corpus, *overrides))
        named = (f"model.base_model={self.base}", "model.form=plain", f"data.dir=data/{kind}")
        return load_sft_config(self.root, (*named, *overrides))

    def corpus(self, cell: Cell, corpus: tuple[str, ...]) -> Corpus:
        """Return the tokens of a cell, written if they are not there; all share one vocabulary."""
        config = self.config(cell, corpus)
        if not config.processed_dir.is_dir():
            if cell.on_base:
                build_corpora(config, lambda speakers: corpus_specs(config, speakers))
            else:
                build_corpus(config, self.corpus(cell, ()).tokenizer if corpus else None)
        return open_corpus(config.processed_dir)


def room_of(work: Path, name: str, export: Path, base: Path | None) -> Room:
    """Return the project of an export, organized if it is new."""
    root = work / name
    if not (root / "data/raw/organized").is_dir():
        (root / "data/raw/inbox").mkdir(parents=True, exist_ok=True)
        shutil.copy(export, root / "data/raw/inbox")
        assert chatbot(["organize", "--root", str(root)]) == 0
    return Room(root, base)


def prepared(room: Room, cell: Cell, scale: Scale, seed: int, folder: Path) -> PreparedRun:
    """Return the run of a cell before its first step."""
    n_steps = max(1, round(cell.share * scale.n_steps))
    steps, device, random = (
        ("training.max_steps", "project.device", "project.seed")
        if cell.on_base
        else ("optimization.max_steps", "runtime.device", "runtime.seed")
    )
    overrides = (f"{steps}={n_steps}", f"{device}=cpu", f"{random}={seed}")
    is_other = cell.on_base or cell.group == "size"
    network = () if is_other else scale.network
    config = room.config(cell, cell.corpus, *overrides, *network, *cell.training)
    corpus = room.corpus(cell, cell.corpus)
    layout = FOLDERS if cell.on_base else FILES
    return prepare(config, corpus, RunFolder(folder, layout=layout))


def measured(room: Room, cell: Cell, run: PreparedRun) -> dict[str, Any]:
    """Return [nats, bytes] of each held-out session: all replies, the persona's, own context.

    `own`: with as much past as the network sees, if that is more than the protocol's.
    """
    context = int(run.config.model.block_size)
    pasts: dict[str, tuple[tuple[str, ...], int]] = {"replies": ((), N_PAST_TOKENS)}
    if not cell.on_base:  # minutes more on a base
        pasts["persona"] = ((PERSONA,), N_PAST_TOKENS)
    if context > N_PAST_TOKENS:
        pasts["own"] = ((), context)
    losses = {}
    # A base is too slow in fp32; its own evaluation computes in the same dtype.
    with averaged(run.state) as network, autocast(run.compute.device, run.compute.dtype):
        for name, (targets, n_past) in pasts.items():
            corpus = room.corpus(cell, targets)
            rows = session_losses(network, corpus, min(context, n_past), lambda: None)
            losses[name] = [[round(nats, 2), int(size)] for nats, size in rows[:, :2].tolist()]
    return losses


def run_cell(room: Room, cell: Cell, scale: Scale, seed: int) -> dict[str, Any]:
    """Train a cell to its end and return what was measured."""
    with tempfile.TemporaryDirectory() as folder:
        run = prepared(room, cell, scale, seed, Path(folder))
        n_positions, began = 0, time.perf_counter()
        if cell.share:
            steps = train_steps(run.state, run.sources[0], run.plan.optimization, run.compute)
            n_positions = sum(step.n_tokens for step in steps)
        seconds = time.perf_counter() - began
        losses = measured(room, cell, run)
    return {
        "room": room.root.name,
        "group": cell.group,
        "name": cell.name,
        "seed": seed,
        "settings": [*cell.corpus, *cell.training],
        "n_steps": run.state.step,
        "n_positions": n_positions,
        "n_epochs": round(run.state.step * run.plan.n_epochs / run.plan.max_steps, 2),
        "n_params": sum(weight.numel() for weight in run.state.model.parameters()),
        "seconds": round(seconds, 1),
        **losses,
    }


def cell_path(folder: Path, room: str, cell: Cell, seed: int) -> Path:
    """Return the file of a cell's result."""
    words = re.findall(r"[\w.]+", f"{cell.group} {cell.name}")
    return folder / room / f"{'-'.join(words)}.{seed}.json"


def missing(
    folder: Path, rooms: list[Room], cell: Cell, n_seeds: int
) -> Iterator[tuple[Room, int]]:
    """Yield the rooms and seeds of a cell that have no result yet."""
    for seed in range(n_seeds):
        for room in rooms:
            if not cell_path(folder, room.root.name, cell, seed).exists():
                yield room, seed


def main() -> None:
    """Train the cells that are not there yet."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rooms", nargs="+", metavar="NAME=EXPORT")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--base", type=Path, help="a base model for the cells of LoRA")
    parser.add_argument("--scale", choices=SCALES, default="full")
    parser.add_argument("--groups", default=GROUPS, help="or single cells: labels/all,base")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--max-cells", type=int, default=len(CELLS), help="each in every room")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    folder = args.work / "cells" / args.scale
    base = args.base and args.base.resolve()
    exports = dict(pair.split("=", 1) for pair in args.rooms)
    rooms = [room_of(args.work, name, Path(export), base) for name, export in exports.items()]
    cells = [
        cell
        for group in args.groups.split(",")
        for cell in CELLS
        if group in (cell.group, f"{cell.group}/{cell.name}") and (base or not cell.on_base)
    ]
    todo = {cell: list(missing(folder, rooms, cell, args.seeds)) for cell in cells}
    todo = {cell: runs for cell, runs in todo.items() if runs}
    for cell in list(todo)[: args.max_cells]:
        for room, seed in todo.pop(cell):
            result = run_cell(room, cell, SCALES[args.scale], seed)
            write_json(cell_path(folder, room.root.name, cell, seed), result)
            print(f"{room.root.name}, {cell.name}, seed {seed}: {result['seconds']} s", flush=True)
    print(f"{len(todo)} cells left")


if __name__ == "__main__":
    main()
