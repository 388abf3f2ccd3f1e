"""kill -9 and sudden ends while a base is fine-tuned: folders are whole, the end is the same."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
import torch

from chatbot.model.pretrained.file import read_folder
from chatbot.training.checkpoint import read_newest
from chatbot.training.folder import FOLDERS, RunFolder
from tests.sft import SftProject

N_KILLS = int(os.environ.get("N_KILLS", "25"))
STEPS = 400
pytestmark = pytest.mark.faults


def options(project: SftProject) -> tuple[str, ...]:
    fixed = [
        s
        for s in project.settings()
        if not s.startswith(("training.eval", "training.save", "training.max_steps"))
    ]
    return (*fixed, f"training.max_steps={STEPS}", "training.eval_steps=1", "training.save_steps=1",
            "training.patience=0", "training.max_eval_tokens=64", "generation.max_new_tokens=1")  # fmt: skip


def command(project: SftProject) -> list[str]:
    pairs = [part for setting in options(project) for part in ("--set", setting)]
    return [sys.executable, "-m", "chatbot.sft_ops", "train", "--root", str(project.root), *pairs]


def step_of(folder: RunFolder) -> float:
    return folder.latest.stat().st_mtime if folder.latest.exists() else 0


def test_killed_again_and_again_ends_as_never_killed(on_base, tmp_path):
    project = on_base("qwen2")
    calm = project.copy(tmp_path / "calm")
    subprocess.run(command(calm), check=True, capture_output=True)
    rng = random.Random(0)  # noqa: S311
    folder = RunFolder(project.root / "checkpoints_lora/main", layout=FOLDERS)
    n_resumed = 0
    for _ in range(N_KILLS):
        before = step_of(folder)
        with subprocess.Popen(command(project), stderr=subprocess.PIPE, text=True) as process:
            while process.poll() is None and step_of(folder) == before:
                time.sleep(0.005)
            time.sleep(rng.random() * 0.3)
            process.kill()
            said = process.communicate()[1]
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, said
        n_resumed += "continuing at step" in said
        assert read_newest(folder, lambda _trouble: None) is not None
        for path in (folder.best.parent, *(path.parent for path in folder.snapshots())):
            read_folder(path)  # whole, or not there
    subprocess.run(command(project), check=True, capture_output=True)
    sys.stderr.write(f"{n_resumed} resumes\n")
    assert n_resumed >= N_KILLS // 2
    found, wanted = (
        read_newest(RunFolder(p.root / "checkpoints_lora/main", layout=FOLDERS), lambda _t: None)
        for p in (project, calm)
    )
    assert found.step == wanted.step == STEPS
    for name, weight in wanted.model.items():
        assert torch.equal(found.model[name], weight)
    assert not list(folder.path.rglob("*.part")) and not list(folder.path.glob("*.replaced"))
