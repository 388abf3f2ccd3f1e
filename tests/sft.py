"""A project on a pretrained base, with the commands called as a user calls them."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from chatbot.settings.aliases import load_sft_config
from chatbot.sft_ops import main
from tests.conftest import make_project

QUICK = (
    "model.torch_dtype=float32", "project.device=cpu", "training.max_seq_len=128",
    "training.max_steps=12", "training.learning_rate=0.01", "training.logging_steps=1",
    "training.eval_steps=4", "training.save_steps=4", "generation.max_new_tokens=8", "generation.seed=1",
    "publish.privacy.n_messages=4",
)  # fmt: skip


@dataclass(frozen=True)
class SftProject:
    """A project whose base is in a folder of its own."""

    root: Path
    base: Path

    def settings(self, *more: str) -> tuple[str, ...]:
        return (*QUICK, f"model.base_model={self.base}", *more)

    def run(self, command: str, *arguments: str, settings: tuple[str, ...] = ()) -> int:
        pairs = [part for setting in self.settings(*settings) for part in ("--set", setting)]
        return main([command, "--root", str(self.root), *pairs, *arguments])

    def config(self, *more: str, stage: str = "sft"):
        return load_sft_config(self.root, self.settings(*more), stage)

    def copy(self, target: Path) -> "SftProject":
        shutil.copytree(self.root, target)
        return SftProject(target, self.base)


def make_sft_project(root: Path, base: Path, export: bytes) -> SftProject:
    made = make_project(root)
    made.add_export("KakaoTalkChats.txt", export)
    project = SftProject(root, base)
    assert project.run("organize") == 0
    return project
