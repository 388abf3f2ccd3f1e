"""A run has one trainer; one that was refused leaves nothing."""

import threading

import pytest

from chatbot.storage.lock import FileLock
from chatbot.training.folder import RunFolder, locked_run


def files(root):
    return {path.relative_to(root) for path in root.rglob("*")}


@pytest.mark.parametrize("options", [(), ("--background",)])
def test_training_without_data_leaves_nothing(project, options, capsys):
    before = files(project.root)
    assert project.run("train", *options) == 2
    assert "chatbot preprocess" in capsys.readouterr().err
    assert files(project.root) == before


def test_training_on_a_missing_base_leaves_nothing(on_base, tmp_path):
    project = on_base("qwen2")
    before = files(project.root)
    assert project.run("train", settings=(f"model.base_model={tmp_path / 'gone'}",)) == 2
    assert files(project.root) == before


def test_a_refused_run_leaves_what_was_there(tmp_path):
    folder = RunFolder(tmp_path / "checkpoints" / "main")
    folder.path.mkdir(parents=True)
    folder.metrics.write_text("")
    with pytest.raises(KeyError), locked_run(folder):
        raise KeyError
    assert folder.metrics.exists()


def test_a_removed_lock_holds_nobody_apart_and_nobody_together(tmp_path):
    """Who waits for a lock that its holder removes gets a new one, held by it alone."""
    path = tmp_path / "lock"
    first, waiting = FileLock(path), []
    thread = threading.Thread(target=lambda: waiting.append(FileLock(path)))
    thread.start()
    path.unlink()
    with first:
        pass
    thread.join()
    with waiting[0], pytest.raises(Exception, match="locked by pid"):
        FileLock(path)
