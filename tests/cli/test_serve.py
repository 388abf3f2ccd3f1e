"""`chatbot serve`: what it refuses to start, what it says, and how it ends."""

import os
import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from tests.conftest import TINY
from tests.serving.kakao.channel import SECRET

FREE = "serve.port=0"


def serve(project, *settings):
    return project.run("serve", settings=(*TINY, FREE, *settings))


def open_gate(project):
    path = project.root / "configs/gen.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text("security:\n  require_password: false\n", encoding="utf-8")


def refused(project, capsys, *settings):
    assert serve(project, *settings) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    error, hint = shown.err.strip().splitlines()
    assert error.startswith("error: ") and hint.startswith("hint: ")
    return error, hint


def test_without_a_password_it_does_not_start(trained, capsys):
    (trained.root / ".env").unlink()
    error, hint = refused(trained, capsys)
    assert "no password is set" in error and "chatbot password" in hint


@pytest.mark.parametrize(
    "setting",
    ["host='0.0.0.0'", "host='::'", "host=192.168.0.7", "allowed_hosts=[talk.example.org]"],
)
def test_other_computers_need_a_password_whatever_the_settings_say(trained, capsys, setting):
    (trained.root / ".env").unlink()
    open_gate(trained)
    assert "no password is set" in refused(trained, capsys, f"serve.{setting}")[0]


def test_a_damaged_hash_is_told_before_the_first_login(trained, capsys):
    (trained.root / ".env").write_text("CHATBOT_PASSWORD_HASH=nonsense\n")
    assert "hash in .env is not valid" in refused(trained, capsys)[0]


def test_without_a_model_it_does_not_start(processed, capsys):
    error, hint = refused(processed, capsys)
    assert "has no model yet" in error and "chatbot train" in hint


def test_a_model_of_forgotten_messages_is_not_served(trained, capsys):
    (trained.root / "checkpoints/main/STALE.json").write_text("{}")
    assert "now forgotten" in refused(trained, capsys)[0]


def test_a_port_in_use_is_told_with_the_next(trained, capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        error, hint = refused(trained, capsys, f"serve.port={port}")
    assert error == f"error: port {port} is in use" and f"serve.port={port + 1}" in hint


@pytest.mark.parametrize("host", ["203.0.113.9", "no.such.host.invalid"])
def test_an_address_of_another_computer_is_told(trained, capsys, host):
    error, hint = refused(trained, capsys, f"serve.host={host}")
    assert f"no address `serve.host` {host}" in error and "127.0.0.1" in hint


@pytest.fixture
def start(trained):
    """Start the command as a process; yields the process and the address it printed."""
    processes = []

    def begin(*settings):
        pairs = [part for s in (*TINY, FREE, *settings) for part in ("--set", s)]
        command = [sys.executable, "-m", "chatbot", "serve", "--root", str(trained.root), *pairs]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1", "CHATBOT_KAKAO_SECRET": SECRET})  # fmt: skip
        processes.append(process)
        return process, process.stdout.readline().strip()

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_it_serves_until_ctrl_c(start):
    process, address = start()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
    with httpx.Client(base_url=address) as client:
        assert client.get("/health").json() == {"status": "ok"}
        assert client.post("/login", json={"password": "open sesame"}).status_code == 204
        body = {"messages": [{"role": "user", "content": "비밀이야기"}]}
        assert client.post("/v1/chat/completions", json=body).status_code == 200
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "no other computer reaches it" in said and said.endswith("stopped\n")
    assert "비밀이야기" not in said


def test_it_says_who_can_reach_it(start):
    process, address = start(
        "serve.host=0.0.0.0", "serve.allowed_hosts=[talk.example.org]", "serve.kakao.enabled=true"
    )
    assert address.startswith("http://") and "0.0.0.0" not in address  # noqa: S104 not bound
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=20)
    assert "everybody in the network reaches this page" in said
    assert "read along" in said and "talk.example.org" in said
    assert "Kakao asks at /kakao/skill" in said and SECRET not in said
    assert "this password can be guessed" in said  # open sesame


def test_help_needs_no_server_installed():
    code = "import sys; from chatbot.cli.main import build_parser; build_parser(); print({'starlette', 'uvicorn', 'prometheus_client'} & sys.modules.keys())"  # fmt: skip
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "set()\n"
