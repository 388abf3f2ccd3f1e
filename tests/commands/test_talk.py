"""Talking without what training needs, and plans before training."""

import re
import subprocess
import sys

import pytest

# Importing any of these fails, as where they are not installed.
BLOCKED = """
import sys
for name in ("torch", "tqdm", "transformers", "gguf", "safetensors"):
    sys.modules[name] = None
from chatbot.ops import main
sys.exit(main(sys.argv[1:]))
"""


def without_extras(project, *arguments, **options):
    """Run a command where only what talking needs can be imported."""
    line = [sys.executable, "-c", BLOCKED, arguments[0], "--root", str(project.root)]
    return subprocess.run(
        [*line, *arguments[1:]], capture_output=True, text=True, timeout=60, check=False, **options
    )


@pytest.mark.parametrize("dtype", ["fp32", "fp16", "int8"])
def test_a_published_model_talks_without_torch(trained, dtype):
    assert trained.run("publish", "--set", f"publish.dtype={dtype}") == 0
    for name in ("best.pt", "model.safetensors"):
        (trained.root / "checkpoints/main" / name).unlink()
    replied = without_extras(trained, "reply", "오늘 뭐함")
    assert replied.returncode == 0 and replied.stdout.strip(), replied.stderr
    chatted = without_extras(trained, "chat", input="안녕\n/exit\n")
    assert chatted.returncode == 0 and chatted.stdout.startswith("you> bot> ")


def test_training_without_torch_says_what_to_install(processed):
    done = without_extras(processed, "train")
    assert done.returncode == 2
    assert done.stderr == "error: train needs torch\nhint: pip install 'chatbot[train]'\n"


def test_export_without_gguf_says_what_to_install(trained):
    done = without_extras(trained, "export", "--to", "gguf", str(trained.root / "a.gguf"))
    assert done.stderr == "error: export needs gguf\nhint: pip install 'chatbot[gguf]'\n"


def test_a_plan_says_what_training_will_be(processed, capsys):
    assert processed.run("plan", "--minutes", "60") == 0
    shown = capsys.readouterr().out
    for name in ("model", "log", "memory", "steps", "time", "expected", "log enough?"):
        assert re.search(rf"^{re.escape(name)}\s", shown, re.MULTILINE)
    assert re.search(r"expected +\d\.\d\d bits/byte of reply \(\d\.\d\d to \d\.\d\d\)", shown)
    assert not (processed.root / "checkpoints/main").exists()


def test_a_plan_can_do_without_short_runs(processed, capsys):
    assert processed.run("plan", "--minutes", "0") == 0
    assert "not measured" in capsys.readouterr().out


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
