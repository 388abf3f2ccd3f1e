"""Shared fixtures: an invented project, small enough to train in seconds."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from chatbot.cli.invented_room import invent_room, write_android_export
from chatbot.cli.main import main
from chatbot.cli.project import write_configs
from chatbot.settings.load import load_config
from chatbot.settings.schema import Config
from chatbot.storage.files import write_bytes

REPOSITORY = Path(__file__).resolve().parent.parent
pytest_plugins = ("tests.browser", "tests.mariadb")
NO_CONFIGS = REPOSITORY / "tests"  # a folder without settings: the defaults
SHARED = REPOSITORY.parent / "shared"
TINY = (
    "model.n_layer=2",
    "model.n_head=2",
    "model.n_embd=32",
    "model.block_size=64",
    "processed.preprocess.vocab_size=400",
    "optimization.batch_size=8",
    "optimization.max_steps=12",
    "optimization.warmup_steps=2",
    "logging.log_interval=1",
    "logging.eval_interval=4",
    "logging.save_interval=4",
    "logging.snapshot_interval=6",
    "sampling.max_new_tokens=8",
    "runtime.device=cpu",
)

settings.register_profile(
    "ours", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=100
)
settings.load_profile("ours")


@dataclass(frozen=True)
class Project:
    """A project in a folder of its own, with the commands called as a user calls them."""

    root: Path

    def run(self, command: str, *arguments: str, settings: tuple[str, ...] = TINY) -> int:
        pairs = [part for setting in settings for part in ("--set", setting)]
        return main([command, "--root", str(self.root), *pairs, *arguments])

    def config(self, *overrides: str) -> Config:
        return load_config(self.root, (*TINY, *overrides))

    def add_export(self, name: str, content: bytes) -> Path:
        path = self.root / "data/raw/inbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path


def make_project(root: Path) -> Project:
    """An empty project without files of settings, which would say what the defaults are."""
    root.mkdir(parents=True, exist_ok=True)
    write_bytes(root / ".env", b"CHATBOT_PASSWORD=open sesame\n", mode=0o600)
    return Project(root)


@pytest.fixture(scope="session", autouse=True)
def _no_fsync():
    """No test cuts the power: what waits for the disk would only take time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _descriptor: None)
        yield


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project, with files of settings to edit."""
    root = tmp_path / "project"
    list(write_configs(root))
    return make_project(root)


@pytest.fixture(scope="session")
def export() -> bytes:
    """An invented chat of some hundred messages."""
    return write_android_export(invent_room(60, seed=7))


@pytest.fixture(scope="session")
def _processed(tmp_path_factory: pytest.TempPathFactory, export: bytes) -> Path:
    made = make_project(tmp_path_factory.mktemp("processed") / "project")
    made.add_export("KakaoTalkChats.txt", export)
    assert made.run("organize") == 0
    assert made.run("preprocess") == 0
    return made.root


@pytest.fixture(scope="session")
def _trained(tmp_path_factory: pytest.TempPathFactory, _processed: Path) -> Path:
    root = tmp_path_factory.mktemp("trained") / "project"
    shutil.copytree(_processed, root)
    assert Project(root).run("train") == 0
    return root


@pytest.fixture
def processed(tmp_path: Path, _processed: Path) -> Project:
    """A project with tokens to train on."""
    shutil.copytree(_processed, tmp_path / "project")
    return Project(tmp_path / "project")


@pytest.fixture
def trained(tmp_path: Path, _trained: Path) -> Project:
    """A project with a trained (bad) model."""
    shutil.copytree(_trained, tmp_path / "project")
    return Project(tmp_path / "project")


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory):
    """Return what makes a tiny base of a kind, once."""
    from tests.bases import make_base

    made: dict[str, Path] = {}

    def base(kind: str) -> Path:
        if kind not in made:
            made[kind] = make_base(tmp_path_factory.mktemp("bases") / kind, kind)
        return made[kind]

    return base


@pytest.fixture(scope="session")
def _tokens_of_bases(tmp_path_factory: pytest.TempPathFactory, bases, export: bytes):
    from tests.sft import make_sft_project

    made = {}

    def processed(kind: str):
        if kind not in made:
            root = tmp_path_factory.mktemp("sft") / "project"
            made[kind] = make_sft_project(root, bases(kind), export)
            assert made[kind].run("preprocess") == 0
        return made[kind]

    return processed


@pytest.fixture
def on_base(tmp_path: Path, _tokens_of_bases):
    """Return what gives a project with tokens of a base of a kind."""
    return lambda kind: _tokens_of_bases(kind).copy(tmp_path / "project")


@pytest.fixture(scope="session")
def _tuned_bases(tmp_path_factory: pytest.TempPathFactory, _tokens_of_bases):
    made = {}

    def tuned(kind: str):
        if kind not in made:
            root = tmp_path_factory.mktemp("tuned") / "project"
            made[kind] = _tokens_of_bases(kind).copy(root)
            assert made[kind].run("train") == 0
        return made[kind]

    return tuned


@pytest.fixture
def tuned(tmp_path: Path, _tuned_bases):
    """Return what gives a project with a trained (bad) adapter on a base of a kind."""
    return lambda kind: _tuned_bases(kind).copy(tmp_path / "project")
