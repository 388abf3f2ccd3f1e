"""Other users of the machine read nothing, and a killed command's leftovers go."""

import os
import stat
import sys
import time

import pytest

from chatbot.cli.main import main
from chatbot.storage.private import protect, remove_leftovers
from tests.conftest import make_project

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="rights of another kind")
_NO_PID = 2**22 + 1  # above what Linux gives


def rights(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_what_the_commands_write_is_the_owners_alone(tmp_path, export):
    project = make_project(tmp_path / "project")
    project.add_export("KakaoTalkChats.txt", export)
    (project.root / "data").chmod(0o755)
    assert project.run("organize") == 0 and project.run("preprocess") == 0
    assert rights(project.root / "data") == 0o700
    written = list((project.root / "data/processed").rglob("*"))
    assert written and not any(rights(path) & 0o077 for path in written)


def test_folders_that_were_open_are_closed_and_said_once(tmp_path, capsys):
    project = make_project(tmp_path / "project")
    folder, env = project.root / "artifacts", project.root / ".env"
    folder.mkdir()
    folder.chmod(0o755)
    env.chmod(0o644)
    (folder / "model.safetensors").touch()
    new = project.root / "data/raw/inbox"
    new.mkdir(parents=True)
    (new / ".gitkeep").touch()
    (project.root / "data").chmod(0o755)
    for n_warnings in (2, 0):
        main(["plan", "--root", str(project.root)])
        assert capsys.readouterr().err.count("could be read by other users") == n_warnings
    assert (rights(folder), rights(env)) == (0o700, 0o600)
    assert rights(project.root / "data") == 0o700  # which was empty: nothing to warn of


def test_a_folder_elsewhere_keeps_its_rights(tmp_path):
    project = make_project(tmp_path / "project")
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    protect(project.config(f"storage.artifacts_dir={shared}"), print)
    assert rights(shared) == 0o755 and rights(project.root) != 0o700


def test_only_what_the_dead_left_goes(tmp_path):
    old = time.time() - 3600
    names = {
        f"model.{_NO_PID}.part": False,
        f"tokens.{_NO_PID}.part/train.bin": False,
        f"model.{os.getpid()}.part": True,
        "holiday.part": True,
        f"notes.{_NO_PID}.part.txt": True,
    }
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("private")
        for one in (path, path.parent):
            os.utime(one, (old, old))
    young = tmp_path / f"young.{_NO_PID}.part"
    young.write_text("private")
    remove_leftovers(tmp_path)
    assert {name: (tmp_path / name).exists() for name in names} == names and young.exists()
