"""Many processes train what one trains: the same rows in the same steps, losses to rounding."""

import os
import shutil
import signal
import subprocess
import sys
import time
from operator import attrgetter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from chatbot.training.batches import Batch
from chatbot.training.checkpoint import read_checkpoint
from chatbot.training.folder import RunFolder, read_metrics
from tests.conftest import REPOSITORY, TINY, Project
from tests.training.runs import numbers_of

PLAIN = (
    "model.dropout=0.0",
    "model.input_masking=0.0",
    "runtime.dtype=float32",
    "optimization.grad_accum_steps=2",
)


def command(project, n_processes, *settings):
    """The command line of a run on some processes of this machine."""
    pairs = [part for setting in (*TINY, *PLAIN, *settings) for part in ("--set", setting)]
    train = ["-m", "chatbot.ops", "train", "--root", str(project.root), *pairs]
    if n_processes == 1:
        return [sys.executable, *train]
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--max-restarts=1"]
    return [sys.executable, *torchrun, f"--nproc_per_node={n_processes}", *train]


def environment():
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}


def train(project, n_processes, *settings):
    done = subprocess.run(
        command(project, n_processes, *settings),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stderr


def copy_of(source, target):
    shutil.copytree(source, target)
    return Project(target)


def assert_same_run(one, other):
    """Positions equal, weights and logged numbers to rounding."""
    folders = [RunFolder(project.root / "checkpoints/main") for project in (one, other)]
    payloads = [read_checkpoint(folder.latest) for folder in folders]
    for name in ("step", "epoch", "index"):
        assert getattr(payloads[0], name) == getattr(payloads[1], name)
    for name, weight in payloads[0].ema.items():
        torch.testing.assert_close(weight, payloads[1].ema[name], rtol=1e-3, atol=1e-4)
    logged = [numbers_of(folder) for folder in folders]
    assert [line["step"] for line in logged[0]] == [line["step"] for line in logged[1]]
    for ours, theirs in zip(*logged, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3)


@pytest.fixture(scope="module")
def alone(tmp_path_factory, _processed):
    project = copy_of(_processed, tmp_path_factory.mktemp("alone") / "project")
    train(project, 1)
    return project


@pytest.mark.slow
def test_two_processes_train_what_one_trains(tmp_path, _processed, alone):
    project = copy_of(_processed, tmp_path / "project")
    said = train(project, 2)
    assert_same_run(project, alone)
    assert said.count("parameters (") == 1  # one process talks


@pytest.mark.slow
def test_a_run_goes_on_with_another_number_of_processes(tmp_path, _processed, alone):
    project = copy_of(_processed, tmp_path / "project")
    train(project, 2, "optimization.max_steps=5", "optimization.lr_schedule=constant")
    train(project, 1, "optimization.max_steps=8", "optimization.lr_schedule=constant")
    train(project, 2)
    folder = RunFolder(project.root / "checkpoints/main")
    payload, whole = (
        read_checkpoint(RunFolder(p.root / "checkpoints/main").latest) for p in (project, alone)
    )
    position = attrgetter("step", "epoch", "index")
    assert position(payload) == position(whole)
    losses = [line["loss"] for line in read_metrics(folder) if "loss" in line]
    wanted = [
        line["loss"]
        for line in read_metrics(RunFolder(alone.root / "checkpoints/main"))
        if "loss" in line
    ]
    assert losses[:5] == pytest.approx(wanted[:5], rel=1e-3)


@pytest.mark.slow
def test_a_killed_worker_restarts_the_group_from_the_last_checkpoint(tmp_path, _processed, alone):
    project = copy_of(_processed, tmp_path / "project")
    folder = RunFolder(project.root / "checkpoints/main")
    slow = ("optimization.max_steps=400", "logging.save_interval=2")
    line = command(project, 2, *slow)
    with subprocess.Popen(line, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        try:
            holder = wait_for(lambda: folder.latest.exists() and folder.trainer())
            os.kill(holder.pid, signal.SIGKILL)
            wait_for(lambda: goes_on_without(folder, holder.pid))
            folder.stop_file.touch()
            _, said = process.communicate(timeout=90)
        finally:
            process.terminate()
    assert process.returncode == 0, said[-2000:]
    assert "continuing at step" in said
    assert read_checkpoint(folder.latest).step >= 2


def goes_on_without(folder, pid):
    holder, status = folder.trainer(), folder.read_status()
    return holder and holder.pid != pid and status.state == "running" and status.pid != pid


def wait_for(condition, seconds=60):
    """Return what `condition` gives once it is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    pytest.fail("it did not happen in time")


@pytest.mark.slow
def test_other_data_in_one_process_is_refused():
    script = (
        "from chatbot.training.world import join_world\n"
        "from chatbot.errors import CorpusError\n"
        "with join_world() as world:\n"
        "    try: world.require_same(str(world.rank))\n"
        "    except CorpusError as error: print(error)\n"
    )
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "--no-python"]
    done = subprocess.run(
        [sys.executable, *torchrun, sys.executable, "-c", script],
        env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.count("process 1 has different training data") == 2, done.stderr[-1000:]


@given(st.integers(1, 9), st.integers(1, 4), st.sampled_from([1, 8, 10**6]), st.integers(0, 99))
def test_shares_of_a_batch_are_the_batch(n_rows, size, max_tokens, seed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 9, n_rows)
    weights = (np.arange(lengths.max()) < lengths[:, None]).astype(np.float32)
    targets = rng.integers(1, 1000, weights.shape)
    batch = Batch(targets + 1, targets, weights)
    parts = [part for rank in range(size) for part in batch.share(rank, size, max_tokens)]
    found = sorted(t for part in parts for t in part.targets[part.weights > 0].tolist())
    assert found == sorted(targets[weights > 0].tolist())
    assert all((part.inputs == part.targets + 1).all() for part in parts)
    assert all(len(part.inputs) == 1 or part.n_tokens <= max_tokens for part in parts)
