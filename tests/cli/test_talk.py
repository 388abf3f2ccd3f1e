"""Talking without what training needs, and plans before training."""

import re
import shutil
import subprocess
import sys

import pytest

from chatbot.serving.auth import hash_password
from tests.conftest import Project

# Importing any of these fails, as where they are not installed.
BLOCKED = """
import sys
for name in ("torch", "tqdm", "transformers", "gguf", "safetensors"):
    sys.modules[name] = None
from chatbot.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def without_extras(project, *arguments, **options):
    """Run a command where only what talking needs can be imported."""
    line = [sys.executable, "-c", BLOCKED, arguments[0], "--root", str(project.root)]
    return subprocess.run(
        [*line, *arguments[1:]], capture_output=True, text=True, timeout=60, check=False, **options
    )


@pytest.mark.parametrize(
    "dtype", ["fp32", *(pytest.param(dtype, marks=pytest.mark.slow) for dtype in ("fp16", "int8"))]
)
def test_a_published_model_talks_without_torch(trained, dtype):
    assert trained.run("publish", "--set", f"publish.dtype={dtype}") == 0
    for name in ("best.pt", "model.safetensors"):
        (trained.root / "checkpoints/main" / name).unlink()
    replied = without_extras(trained, "reply", "오늘 뭐함")
    assert replied.returncode == 0 and replied.stdout.strip(), replied.stderr
    chatted = without_extras(trained, "chat", input="안녕\n/exit\n")
    assert chatted.returncode == 0 and chatted.stdout.startswith("you> bot> ")


@pytest.fixture
def friend(tmp_path):
    """Somebody with an empty folder: no configs, no data, nothing installed but what talks."""
    (tmp_path / "friend/artifacts").mkdir(parents=True)
    return Project(tmp_path / "friend")


def asked(friend):
    """The answer that a seeded reply gives the friend."""
    replied = without_extras(friend, "reply", "--set", "sampling.seed=1", "오늘 뭐함")
    assert replied.returncode == 0, replied.stderr
    return replied.stdout


@pytest.mark.parametrize("folder", ["artifacts", pytest.param(".", marks=pytest.mark.slow)])
def test_a_friend_with_a_published_file_talks_at_once(trained, friend, folder):
    assert trained.run("publish") == 0
    shutil.copy(trained.root / "artifacts/model_latest.safetensors", friend.root / folder)
    assert asked(friend).strip()


@pytest.mark.slow
def test_a_friend_with_an_encrypted_file_needs_its_key_and_no_password(trained, friend):
    key = "CHATBOT_MODEL_KEY=아무도 모르는 여섯 낱말 비밀\n"
    (trained.root / ".env").write_text(f"CHATBOT_PASSWORD=a\n{key}")
    assert trained.run("publish", "--encrypt") == 0
    shutil.copy(trained.root / "artifacts/model_latest.enc", friend.root / "artifacts")
    assert without_extras(friend, "reply", "안녕").returncode == 2
    (friend.root / ".env").write_text(key)
    assert asked(friend).strip()
    (friend.root / ".env").write_text(f"{key}CHATBOT_PASSWORD_HASH='{hash_password('b')}'\n")
    locked = without_extras(friend, "reply", "안녕", stdin=subprocess.DEVNULL)
    assert "a password is needed" in locked.stderr  # one that is set counts


@pytest.mark.parametrize(
    "name",
    [
        "model_latest (1).safetensors",
        pytest.param("내 친구 모델.safetensors", marks=pytest.mark.slow),
    ],
)
def test_a_copy_that_somebody_renamed_is_proposed(trained, friend, name):
    assert trained.run("publish") == 0
    copy = friend.root / "artifacts" / name
    shutil.copy(trained.root / "artifacts/model_latest.safetensors", copy)
    done = without_extras(friend, "reply", "안녕")
    assert done.returncode == 2
    assert done.stderr.endswith(f"hint: rename {copy} to model_latest.safetensors\n")


def test_training_without_torch_says_what_to_install(processed):
    done = without_extras(processed, "train")
    assert done.returncode == 2
    assert done.stderr == "error: train needs torch\nhint: pip install 'chatbot[train]'\n"


def test_a_demo_without_torch_says_so_before_it_makes_anything(project):
    done = without_extras(project, "demo")
    assert done.returncode == 2
    assert done.stderr == "error: demo needs torch\nhint: pip install 'chatbot[train]'\n"
    assert not (project.root / "data").exists()


def test_export_without_gguf_says_what_to_install(trained):
    done = without_extras(trained, "export", "--to", "gguf", str(trained.root / "a.gguf"))
    assert done.stderr == "error: export needs gguf\nhint: pip install 'chatbot[gguf]'\n"


def test_a_plan_says_what_training_will_be(processed, capsys):
    assert processed.run("plan", "--minutes", "60") == 0
    shown = capsys.readouterr().out
    for name in ("model", "log", "memory", "steps", "time", "expected", "enough messages?"):
        assert re.search(rf"^{re.escape(name)}\s", shown, re.MULTILINE)
    assert re.search(r"expected +\d\.\d\d bits/byte of reply \(\d\.\d\d to \d\.\d\d\)", shown)
    assert not (processed.root / "checkpoints/main").exists()


def test_a_plan_can_do_without_short_runs(processed, capsys):
    assert processed.run("plan", "--minutes", "0") == 0
    shown = capsys.readouterr().out
    minutes = re.search(r"`chatbot plan --minutes (\d+)` measures", shown)
    assert minutes and "less than the bigram baseline's" in shown
    assert processed.run("plan", "--minutes", minutes[1]) == 0
    assert "enough messages?" in capsys.readouterr().out


def test_a_reader_that_stops_is_no_error(processed):
    line = [
        sys.executable,
        "-m",
        "chatbot",
        "preprocess",
        "--show",
        "50",
        "--root",
        str(processed.root),
    ]
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == 0 and "error" not in said.lower()
