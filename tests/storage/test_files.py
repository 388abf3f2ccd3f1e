"""Files are whole or not there."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chatbot.errors import ChatbotError
from chatbot.storage.files import (
    atomic_write,
    move,
    replace_directory,
    require_space,
    restore_directory,
    write_bytes,
)


def test_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    write_bytes(path, b"old")
    with pytest.raises(RuntimeError), atomic_write(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="files without a name are of Linux")
def test_whoever_is_killed_while_writing_leaves_nothing(tmp_path):
    code = (
        "import os, signal, sys; from pathlib import Path;"
        "from chatbot.storage.files import atomic_write\n"
        "with atomic_write(Path(sys.argv[1]), mode=0o600) as file:\n"
        "    file.write(b'plain' * 100_000); file.flush()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "file")], check=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("without", ["O_TMPFILE", None])
def test_a_file_has_the_mode_that_was_asked_for(tmp_path, monkeypatch, without):
    if without is not None:
        monkeypatch.delattr(os, without, raising=False)
    write_bytes(tmp_path / "file", b"x", mode=0o600)
    write_bytes(tmp_path / "file", b"y", mode=0o600)
    assert (tmp_path / "file").read_bytes() == b"y"
    assert os.name == "nt" or (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_full_disk_is_a_sentence_and_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_bytes(path, b"old")

    def full(_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ChatbotError, match="no space left"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"


def test_unwritable_folder_is_a_sentence(tmp_path):
    (tmp_path / "blocked").write_bytes(b"")
    with pytest.raises((ChatbotError, OSError)):
        write_bytes(tmp_path / "blocked" / "file", b"x")


def test_replaced_directory_holds_only_the_new(tmp_path):
    for name in ("final", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
    replace_directory(tmp_path / "new", tmp_path / "final")
    assert [path.name for path in tmp_path.iterdir()] == ["final"]
    assert [path.name for path in (tmp_path / "final").iterdir()] == ["new"]


def test_replacement_that_died_between_its_renames_is_undone(tmp_path):
    (tmp_path / "final.replaced").mkdir()
    (tmp_path / "final.replaced" / "kept").write_text("x")
    restore_directory(tmp_path / "final")
    assert (tmp_path / "final" / "kept").exists()


def test_move_never_overwrites(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    with pytest.raises(ChatbotError, match="already exists"):
        move(tmp_path / "one", tmp_path / "two")
    assert (tmp_path / "two").read_text() == "two"


def test_too_little_space_is_said_before_writing(tmp_path):
    with pytest.raises(ChatbotError, match="MiB free"):
        require_space(tmp_path, 1 << 60)


def test_a_copy_that_somebody_called_old_is_never_deleted(tmp_path):
    for name in ("final", "final.old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
    replace_directory(tmp_path / "new", tmp_path / "final")
    restore_directory(tmp_path / "final")
    assert (tmp_path / "final.old" / "final.old").exists()


@pytest.fixture
def other_disk(monkeypatch):
    """Let no rename but that of a part succeed, as between two file systems."""
    rename = Path.replace

    def replace(path, target):
        if not path.name.endswith(".part"):
            raise OSError(errno.EXDEV, "another file system")
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", replace)


def test_move_to_another_disk_is_whole(tmp_path, other_disk):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("whole")
    move(tmp_path / "folder", tmp_path / "there" / "folder")
    move(tmp_path / "there" / "folder" / "file", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "whole"
    assert not (tmp_path / "folder").exists()
    assert not list(tmp_path.rglob("*.part"))


def test_move_to_a_full_disk_leaves_the_source_and_nothing_else(tmp_path, other_disk, monkeypatch):
    def half(source, target):
        Path(target).write_text("ha")
        raise OSError(errno.ENOSPC, "full")

    (tmp_path / "file").write_text("half")
    monkeypatch.setattr(shutil, "copy2", half)
    with pytest.raises(ChatbotError, match="no space left"):
        move(tmp_path / "file", tmp_path / "there" / "file")
    assert (tmp_path / "file").read_text() == "half"
    assert not list((tmp_path / "there").iterdir())
