"""A deployed folder holds what the host needs, and nothing that names or opens the chat."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from base64 import b64decode
from pathlib import Path

import pytest
import yaml

from chatbot.crypto.age_keys import new_identity, new_passphrase
from chatbot.errors import ConfigError, CryptoError
from chatbot.publishing.deployment import _settings, page_export
from chatbot.publishing.page.lock import unlock
from chatbot.settings.load import load_config
from tests.conftest import Project

NAMES, PHRASE = ("도윤", "나래"), new_passphrase()


@pytest.fixture(scope="module")
def published(_trained, tmp_path_factory):
    """Return a project with an encrypted published model, and its key in the environment."""
    project = Project(tmp_path_factory.mktemp("published") / "project")
    shutil.copytree(_trained, project.root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHATBOT_MODEL_KEY", new_identity().secret_text())
        assert project.run("publish", "--encrypt", "--set", "publish.privacy.check=off") == 0
        yield project


@pytest.fixture(scope="module")
def container(published, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("deployed") / "out"
    assert published.run("deploy", "--kind", "docker", "--to", str(folder)) == 0
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_a_container_holds_the_program_the_encrypted_model_and_its_settings(published, container):
    files = files_of(container)
    wheel = next(name for name in files if name.endswith(".whl"))
    assert {*files} == {
        "Dockerfile", "compose.yaml", ".dockerignore", ".gitignore", ".env.example", "README.md",
        wheel, "package/constraints.txt", "project/artifacts/model_latest.enc", "project/configs/gen.yaml",
    }  # fmt: skip
    encrypted = published.root / "artifacts/model_latest.enc"
    assert files["project/artifacts/model_latest.enc"] == encrypted.read_bytes()


def test_a_container_names_nobody_and_holds_no_secret(container):
    secrets = (os.environ["CHATBOT_MODEL_KEY"], str(Path.home()), str(container))
    for name, content in files_of(container).items():
        if not name.endswith(".whl"):
            assert not [word for word in (*NAMES, *secrets) if word.encode() in content], name


def test_a_container_is_private_by_default(container):
    service = yaml.safe_load((container / "compose.yaml").read_text())["services"]["chatbot"]
    assert service["ports"] == ["127.0.0.1:8000:8000"]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"] and "privileged" not in service
    lines = (container / "Dockerfile").read_text().splitlines()
    commands = [line.split()[0] for line in lines if line and not line.startswith(("#", " "))]
    assert commands.index("USER") < commands.index("CMD") and commands.count("FROM") == 1
    ignored = (container / ".dockerignore").read_text().splitlines()
    assert [line for line in ignored if not line.startswith("#")] == ["*", "!package", "!project"]


def test_settings_of_replies_go_along_and_names_do_not(project):
    written = ("sampling.temperature=0.7", "serve.allowed_hosts=[talk.example.org]", "serve.port=9")
    config = load_config(project.root, (*written, "dialogue.speak_as=도윤"))
    values = yaml.safe_load(_settings(config, 1))
    assert values["sampling"] == {"temperature": 0.7}
    assert values["serve"] == {
        "allowed_hosts": ["talk.example.org"],
        "host": "0.0.0.0",  # noqa: S104
        "port": 8000,
    }
    assert values["dialogue"] == {"history_turns": 32, "speak_as": "1"}


def test_an_unencrypted_model_needs_the_flag(trained, tmp_path, capsys):
    assert trained.run("deploy", "--kind", "docker", "--to", str(tmp_path / "out")) == 2
    assert "no published model" in capsys.readouterr().err
    assert trained.run("publish", "--set", "publish.privacy.check=off") == 0
    capsys.readouterr()
    assert trained.run("deploy", "--kind", "docker", "--to", str(tmp_path / "out")) == 2
    assert "is not encrypted" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert (
        trained.run("deploy", "--kind", "docker", "--unencrypted", "--to", str(tmp_path / "out"))
        == 0
    )
    assert "not encrypted" in capsys.readouterr().err
    assert (tmp_path / "out/project/artifacts/model_latest.safetensors").is_file()


def test_a_folder_with_something_in_it_is_not_replaced(published, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("mine")
    assert published.run("deploy", "--kind", "docker", "--to", str(tmp_path / "out")) == 2
    assert "already exists" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_a_model_that_the_key_does_not_open_is_not_deployed(published, tmp_path, monkeypatch):
    monkeypatch.setenv("CHATBOT_MODEL_KEY", new_identity().secret_text())
    assert published.run("deploy", "--kind", "docker", "--to", str(tmp_path / "out")) == 2
    assert not (tmp_path / "out").exists()


def test_a_model_of_forgotten_messages_is_not_deployed(published, tmp_path, capsys):
    from chatbot.training.folder import published_mark

    mark = published_mark(published.root / "artifacts/model_latest.enc")
    mark.touch()
    assert published.run("deploy", "--kind", "docker", "--to", str(tmp_path / "out")) == 2
    mark.unlink()
    assert "now forgotten" in capsys.readouterr().err


@pytest.mark.slow
def test_the_program_of_a_container_opens_its_model(container, tmp_path):
    with zipfile.ZipFile(next(container.glob("package/*.whl"))) as archive:
        archive.extractall(tmp_path / "installed")
    given = {"CHATBOT_PASSWORD": "invented", "PYTHONPATH": str(tmp_path / "installed")}
    command = [sys.executable, "-m", "chatbot", "reply", "--root", str(container / "project"), "밥"]
    told = subprocess.run(
        command, env=os.environ | given, cwd=tmp_path, capture_output=True, text=True
    )
    assert (told.returncode, told.stderr) == (0, "") and told.stdout.strip()


# ---------------------------------------------------------------- a static host
@pytest.fixture(scope="module")
def site(published, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("deployed") / "site"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHATBOT_PAGE_PASSPHRASE", PHRASE)
        assert published.run("deploy", "--to", str(folder)) == 0
    return folder


def test_a_site_is_a_page_and_what_its_hosts_read(site):
    files = files_of(site)
    assert {*files} == {"index.html", "README.md", "robots.txt", ".nojekyll"}
    facts = yaml.safe_load(files["README.md"].decode().split("---")[1])
    assert (facts["sdk"], facts["app_file"], facts["title"]) == ("static", "index.html", "Chat")
    assert files["robots.txt"].split() == [b"User-agent:", b"*", b"Disallow:", b"/"]
    assert b"noindex" in files["index.html"]


def test_a_site_names_nobody_and_opens_with_the_passphrase_only(site):
    words = (*NAMES, PHRASE, str(Path.home()), str(site))
    for name, content in files_of(site).items():
        assert not [word for word in words if word.encode() in content], name
    page = (site / "index.html").read_text(encoding="utf-8")
    content = b64decode(re.search(r'<script id="content"[^>]*>([^<]*)', page)[1])
    assert unlock(content, PHRASE)
    with pytest.raises(CryptoError, match="wrong passphrase"):
        unlock(content, "another phrase")


def test_the_drawn_passphrase_is_shown_once(published, tmp_path, capsys):
    assert published.run("deploy", "--to", str(tmp_path / "out")) == 0
    told = capsys.readouterr()
    assert len(told.out.split()) == 1 and "shown once" in told.err
    assert not any(told.out.strip().encode() in c for c in files_of(tmp_path / "out").values())


def test_a_page_is_never_unencrypted(published, tmp_path, capsys):
    assert published.run("deploy", "--unencrypted", "--to", str(tmp_path / "out")) == 2
    assert "--unencrypted is for docker" in capsys.readouterr().err


def test_a_passphrase_that_can_be_guessed_is_refused(published, tmp_path, monkeypatch):
    monkeypatch.setenv("CHATBOT_PAGE_PASSPHRASE", "1234")
    assert published.run("deploy", "--to", str(tmp_path / "out")) == 2
    assert not (tmp_path / "out").exists()


def test_a_base_has_no_page():
    with pytest.raises(ConfigError, match="gigabytes"):
        page_export("pretrained")
