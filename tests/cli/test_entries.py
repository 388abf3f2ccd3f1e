"""make, scripts/run.sh and the commands are the same: what is typed arrives as it is typed."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from chatbot.cli.main import COMMANDS
from tests.conftest import REPOSITORY

STUB = f"""#!{sys.executable}
import json, os, sys
called = {{"words": sys.argv[1:], "by": os.environ.get("CHATBOT_CALLED_BY"), "here": os.getcwd()}}
print(json.dumps(called))
"""


@pytest.fixture
def clone(tmp_path):
    """The Makefile and the scripts, with an environment whose program says how it was called."""
    root = tmp_path / "clone"
    shutil.copytree(REPOSITORY / "scripts", root / "scripts")
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(REPOSITORY / name, root)
    program = root / ".venv/bin/chatbot"
    program.parent.mkdir(parents=True)
    program.write_text(STUB)
    program.chmod(0o755)
    for mark in ("installed", "installed-serve", "installed-db"):
        (root / ".venv" / mark).touch()
    return root


def called(*line, cwd, **env):
    done = subprocess.run(
        line, cwd=cwd, capture_output=True, text=True, check=True, env={**os.environ, **env}
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "text",
    [
        '너 "진짜" $돈 있어?',
        "$(shell touch owned)",
        "it's `id` $HOME \\ *",
        "-v",
        "# 뭐해?",
        "100%",
        "a=b; echo x",
    ],
)
def test_make_reply_hands_the_text_over_as_it_is(clone, text):
    words = called("make", "-s", "reply", f"TEXT={text}", cwd=clone)["words"]
    assert words[-2:] == ["--", text]
    assert not (clone / "owned").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_make_takes_more_words_for_every_command(clone, command):
    more = """ARGS=--set 'run_name=두 번째' --flag"""
    found = called("make", "-s", command, more, "ROOT=data/demo", cwd=clone)
    assert found["words"][0] == command and found["by"] == "make"
    place = found["words"].index("--set")
    assert found["words"][place : place + 3] == ["--set", "run_name=두 번째", "--flag"]
    assert found["words"][found["words"].index("--root") + 1] == "data/demo"


def test_exports_and_imports_meet_without_a_word(clone):
    assert called("make", "-s", "export", cwd=clone)["words"] == [
        "export",
        "--root",
        ".",
        "--to",
        "hf",
    ]
    gguf = called("make", "-s", "export", "ARGS=--to gguf", cwd=clone)["words"]
    assert gguf == ["export", "--root", ".", "--to", "gguf"]
    assert called("make", "-s", "import", cwd=clone)["words"][-1] == "./artifacts/hf"


def test_the_script_leaves_paths_to_where_the_caller_is(clone, tmp_path):
    found = called(
        "clone/scripts/run.sh", "train", "--root", "mine", "--set", "a=b c", cwd=tmp_path
    )
    assert found["words"] == ["train", "--root", str(clone), "--root", "mine", "--set", "a=b c"]
    assert found["here"] == str(tmp_path)
    assert found["by"] == "clone/scripts/run.sh"


def test_the_script_works_on_its_own_project_from_anywhere(clone, tmp_path):
    assert called("clone/scripts/run.sh", "status", cwd=tmp_path)["words"] == [
        "status",
        "--root",
        str(clone),
    ]
    assert called("clone/scripts/run.sh", cwd=tmp_path)["words"] == ["--help"]
    assert called("clone/scripts/run.sh", "--version", cwd=tmp_path)["words"] == ["--version"]
