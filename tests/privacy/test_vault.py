"""Sealing loses nothing, whatever fails; while it lasts only an encrypted model is there."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.crypto.age_keys import Passphrase
from chatbot.errors import ChatbotError, CryptoError
from chatbot.privacy import vault
from chatbot.privacy.vault import private_files, seal, unseal
from chatbot.settings.load import load_config
from tests.conftest import TINY

KEY = Passphrase("open sesame", log_n=4)


def contents(root):
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def nothing(_n):
    pass


@given(st.dictionaries(st.from_regex(r"[가-힣a-z ]{1,8}", fullmatch=True), st.binary(max_size=300)))
@settings(max_examples=30)
def test_what_was_sealed_comes_back_as_it_was(tmp_path_factory, files):
    root = tmp_path_factory.mktemp("project")
    (root / ".env").write_text("CHATBOT_PASSWORD=x\n")
    for name, content in files.items():
        for folder in ("data/raw/inbox", "checkpoints_lora/main/adapter_best"):
            (root / folder).mkdir(parents=True, exist_ok=True)
            (root / folder / f"{name}!").write_bytes(content)
    before, config = contents(root), load_config(root)
    seal(config, KEY, nothing)
    assert [*contents(root)] == ["sealed.age"]
    assert unseal(config, KEY, nothing) == len(before)
    assert contents(root) == before


@pytest.mark.slow
def test_a_sealed_project_still_answers_from_its_encrypted_model(trained, monkeypatch, capsys):
    monkeypatch.setenv("CHATBOT_MODEL_KEY", "lomat-bedis-nakor-tifel-sobun-galim")
    monkeypatch.setenv("CHATBOT_SEAL_PASSPHRASE", "open sesame")
    quiet = (*TINY, "publish.privacy.check=off")
    assert trained.run("publish", "--encrypt", settings=quiet) == 0
    before = contents(trained.root)
    assert trained.run("seal") == 2
    assert "the passphrase can be guessed: it has at most 54 bits" in capsys.readouterr().err
    assert trained.run("seal", "--weak-key") == 0
    assert {path for path in contents(trained.root) if not path.startswith("configs/")} == {
        "sealed.age",
        "artifacts/model_latest.enc",
    }
    assert trained.run("reply", "안녕") == 0
    assert trained.run("train") == 2
    capsys.readouterr()
    monkeypatch.setenv("CHATBOT_SEAL_PASSPHRASE", "close sesame")
    assert trained.run("unseal") == 2
    assert "incorrect" in capsys.readouterr().err or not contents(trained.root).get(".env")
    monkeypatch.setenv("CHATBOT_SEAL_PASSPHRASE", "open sesame")
    assert trained.run("unseal") == 0
    assert contents(trained.root) == before


def test_a_file_that_changes_meanwhile_or_cannot_be_read_deletes_nothing(processed, monkeypatch):
    config, before = processed.config(), contents(processed.root)
    changed = processed.root / "data/processed/stats.json"
    with monkeypatch.context() as patch:
        compare = vault._compare

        def change_first(*arguments):
            changed.write_text("{}")
            compare(*arguments)

        patch.setattr(vault, "_compare", change_first)
        with pytest.raises(ChatbotError, match="changed while"):
            seal(config, KEY, nothing)
    assert contents(processed.root) == before | {"data/processed/stats.json": b"{}"}
    gone = processed.root / "gone"
    monkeypatch.setattr(vault, "private_files", lambda config: [*private_files(config), gone])
    with pytest.raises(ChatbotError, match="cannot write"):
        seal(config, KEY, nothing)
    assert not (processed.root / "sealed.age").exists()


def test_damage_and_files_in_the_way_move_nothing(processed):
    config = processed.config()
    seal(config, KEY, nothing)
    (processed.root / ".env").write_text("new")
    with pytest.raises(ChatbotError, match="in the way"):
        unseal(config, KEY, nothing)
    (processed.root / ".env").unlink()
    path = processed.root / "sealed.age"
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(CryptoError):
        unseal(config, KEY, nothing)
    path.write_bytes(content)
    left = {name for name in contents(processed.root) if not name.startswith("configs/")}
    assert left == {"sealed.age"}
    assert unseal(config, KEY, nothing) > 5


def test_a_seal_that_was_killed_while_it_deleted_is_undone(processed, monkeypatch):
    config, before = processed.config(), contents(processed.root)
    with monkeypatch.context() as patch:
        patch.setattr(type(processed.root), "unlink", killed_at(3, type(processed.root).unlink))
        with pytest.raises(KeyboardInterrupt):
            seal(config, KEY, nothing)
    assert len(contents(processed.root)) > 3
    unseal(config, KEY, nothing)
    assert contents(processed.root) == before


def killed_at(n_calls, unlink):
    """Return `unlink`, which is killed at its nth file of the project."""
    calls = []

    def stopped(path, missing_ok=False):
        if not path.name.endswith(".part"):
            calls.append(path)
            if len(calls) == n_calls:
                raise KeyboardInterrupt
        unlink(path, missing_ok=missing_ok)

    return stopped


def test_sealing_twice_and_nothing_are_sentences(processed):
    config = processed.config()
    seal(config, KEY, nothing)
    with pytest.raises(ChatbotError, match="already exists"):
        seal(config, KEY, nothing)
    (processed.root / "sealed.age").unlink()
    with pytest.raises(ChatbotError, match="nothing private"):
        seal(config, KEY, nothing)
    with pytest.raises(ChatbotError, match=r"no sealed\.age"):
        unseal(config, KEY, nothing)
