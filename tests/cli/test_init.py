"""A new project: files of settings with comments, folders, nothing replaced."""

import subprocess

import pytest
from msgspec.structs import replace

from chatbot.cli.main import main as own_main
from chatbot.settings.aliases import load_sft_config
from chatbot.settings.load import load_config
from chatbot.settings.naming import FILES
from chatbot.sft_ops import main as sft_main
from tests.conftest import NO_CONFIGS, REPOSITORY
from tests.package import PACKAGE


@pytest.fixture
def new(tmp_path):
    assert own_main(["init", "--root", str(tmp_path)]) == 0
    return tmp_path


def test_init_writes_commented_settings_of_both_programs_at_their_defaults(new):
    names = {path.name for path in (new / "configs").iterdir()}
    assert names == {"paths.yaml", "train.yaml", "gen.yaml", "qna.yaml", "sft.yaml"}
    assert all(" # " in path.read_text(encoding="utf-8") for path in (new / "configs").iterdir())
    for load in (load_config, load_sft_config):
        assert load(new) == replace(load(NO_CONFIGS), root=str(new))
    assert (new / "data/raw/inbox").is_dir()


def test_init_replaces_nothing(new, capsys):
    edited = new / "configs/gen.yaml"
    edited.write_text("output: {one_line: true}\n", encoding="utf-8")
    (new / "configs/train.yaml").unlink()
    assert own_main(["init", "--root", str(new)]) == 0
    assert load_config(new).output.one_line
    assert (new / "configs/train.yaml").exists()
    assert capsys.readouterr().err.count("written: ") == 1


@pytest.mark.parametrize("main", [own_main, sft_main])
@pytest.mark.parametrize("command", ["organize", "status", "reply", "archive"])
def test_an_empty_folder_uses_the_defaults(main, command, tmp_path, capsys):
    words = {"reply": ["안녕"]}.get(command, [])
    main([command, "--root", str(tmp_path), *words])
    assert "configs" not in capsys.readouterr().err


@pytest.mark.parametrize("name", FILES)
def test_configs_of_the_repository_are_those_that_init_writes(name):
    """As git tracks them: the files themselves are their user's to edit."""
    tracked = subprocess.run(
        ["git", "show", f":configs/{name}"], cwd=REPOSITORY, capture_output=True, check=False
    )
    if tracked.returncode != 0:
        pytest.skip("no checkout of git")
    assert tracked.stdout == (PACKAGE / "settings/configs" / name).read_bytes()
