"""The gate: without a secret nothing, with the wrong one nothing."""

import pytest

from chatbot.errors import AccessError
from chatbot.serving.auth import Gate, hash_password, load_gate, require_access
from tests.conftest import TINY

HASH = hash_password("열려라 참깨")


def set_env_file(project, text):
    (project.root / ".env").write_text(text, encoding="utf-8")


def open_gate(project):
    file = project.root / "configs/gen.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("require_password: true", "require_password: false"), "utf-8")


def nobody():
    return None


def test_without_a_password_nothing_opens(project):
    set_env_file(project, "CHATBOT_PASSWORD=\n")
    with pytest.raises(AccessError, match="no password is set"):
        require_access(project.config(), nobody, {})


def test_plain_password_in_the_env_file_opens_for_who_can_read_it(project):
    set_env_file(project, "CHATBOT_PASSWORD=열려라 참깨\n")
    require_access(project.config(), nobody, {})


def test_hash_asks_for_the_password(project):
    set_env_file(project, f"CHATBOT_PASSWORD_HASH='{HASH}'\n")
    require_access(project.config(), lambda: "열려라 참깨", {})
    with pytest.raises(AccessError, match="wrong password"):
        require_access(project.config(), lambda: "닫혀라", {})
    with pytest.raises(AccessError, match="nobody is at the terminal"):
        require_access(project.config(), nobody, {})


def test_password_from_the_environment_is_held_against_the_hash(project):
    set_env_file(project, f"CHATBOT_PASSWORD_HASH='{HASH}'\n")
    require_access(project.config(), nobody, {"CHATBOT_PASSWORD": "열려라 참깨"})
    with pytest.raises(AccessError, match="wrong password"):
        require_access(project.config(), nobody, {"CHATBOT_PASSWORD": "닫혀라"})


@pytest.mark.parametrize("text", ["nonsense", "$argon2id$v=19$m=65536,t=3,p=4$eA$eA"])
def test_damaged_hash_is_a_sentence(project, text):
    set_env_file(project, f"CHATBOT_PASSWORD_HASH='{text}'\n")
    with pytest.raises(AccessError, match="is not valid"):
        require_access(project.config(), lambda: "x", {})


def test_secret_is_in_no_repr():
    assert "참깨" not in repr(Gate("열려라 참깨", HASH)) and HASH not in repr(Gate(None, HASH))


def test_servers_hold_others_against_the_plain_password(project):
    set_env_file(project, "CHATBOT_PASSWORD=열려라\n")
    gate = load_gate(project.config(), {})
    assert gate.admits("열려라") and not gate.admits("닫혀라") and not gate.admits("")


def test_empty_password_makes_no_hash():
    with pytest.raises(AccessError, match="password is empty"):
        hash_password(" ")


def test_gate_can_be_switched_off_only_in_the_settings(project):
    set_env_file(project, "")
    open_gate(project)
    require_access(project.config(), nobody, {})


WAYS = {
    "another password": {"CHATBOT_PASSWORD": "mine"},
    "another hash": {"CHATBOT_PASSWORD_HASH": hash_password("mine"), "CHATBOT_PASSWORD": "mine"},
}


@pytest.mark.parametrize("way", WAYS)
def test_no_variable_replaces_the_projects_lock(project, way):
    set_env_file(project, f"CHATBOT_PASSWORD_HASH='{HASH}'\n")
    with pytest.raises(AccessError, match="wrong password"):
        require_access(project.config(), lambda: "mine", WAYS[way])


@pytest.mark.parametrize(
    "override",
    ["security.require_password=false", "security={password_env: HOME}", " security.x=1"],
)
def test_no_option_opens_the_projects_lock(trained, override, capsys):
    set_env_file(trained, f"CHATBOT_PASSWORD_HASH='{HASH}'\n")
    assert trained.run("reply", "안녕", settings=(*TINY, override)) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "--set cannot change security" in captured.err


COMMANDS = (
    ("reply", "안녕"),
    ("preprocess", "--show", "1"),
    ("preprocess", "--show-masked"),
    ("forget", "--find", "밥"),
    ("export",),
    ("publish",),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command))
def test_what_shows_or_gives_away_a_chat_asks_for_the_password(trained, command, capsys):
    set_env_file(trained, f"CHATBOT_PASSWORD_HASH='{HASH}'\n")
    assert trained.run(*command) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "a password is needed" in captured.err


def test_env_file_of_another_encoding_is_a_sentence(project):
    (project.root / ".env").write_bytes("CHATBOT_PASSWORD=열려라".encode("cp949"))
    with pytest.raises(AccessError, match="not UTF-8"):
        load_gate(project.config(), {})


def test_a_password_may_be_typed_decomposed():
    composed, decomposed = "비밀", "\u1107\u1175\u1106\u1175\u11af"
    assert Gate(composed, None).admits(decomposed)
    assert Gate(None, hash_password(decomposed)).admits(composed)
    assert not Gate(composed, None).admits("비")
