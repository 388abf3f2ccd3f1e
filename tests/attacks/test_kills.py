"""Killed at any moment, no command leaves private text where the next one does not remove it."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from chatbot.cli.invented_room import invent_room, write_android_export
from chatbot.crypto.age import encrypt_file
from chatbot.crypto.age_keys import X25519Identity, new_identity
from tests.conftest import make_project

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="files without names are Linux's"),
]
N_KILLS = int(os.environ.get("N_KILLS", "12"))
MARK = b"a private message that nobody else may read. "


def killed(arguments, root, rng, longest_seconds, environment=None):
    """Start a command and kill it after a random while; return whether it was still alive."""
    command = [sys.executable, "-m", "chatbot", *arguments, "--root", str(root)]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        time.sleep(rng.uniform(0.2, longest_seconds))
        was_alive = process.poll() is None
        process.send_signal(signal.SIGKILL)
    return was_alive


def test_a_killed_decrypt_model_leaves_no_plain_byte(tmp_path):
    project, plain = make_project(tmp_path / "project"), tmp_path / "plain"
    plain.write_bytes(MARK * 4_000_000)  # 180 MB
    key: X25519Identity = new_identity()
    sealed = project.root / "artifacts/model_latest.enc"
    sealed.parent.mkdir()
    encrypt_file(plain, sealed, [key.recipient])
    plain.unlink()
    environment = {**os.environ, "CHATBOT_MODEL_KEY": key.secret_text()}
    rng, n_alive = random.Random(0), 0  # noqa: S311
    for _ in range(N_KILLS):
        n_alive += killed(["decrypt-model"], project.root, rng, 1.2, environment)
        for path in sealed.parent.iterdir():
            assert path == sealed or path.stat().st_size == len(MARK) * 4_000_000
            path.unlink() if path != sealed else None
    assert n_alive > N_KILLS // 3


def test_what_a_killed_preprocess_leaves_goes_at_the_next_start(tmp_path):
    project = make_project(tmp_path / "project")
    project.add_export("KakaoTalkChats.txt", write_android_export(invent_room(4000, seed=7)))
    assert project.run("organize") == 0
    rng, n_left = random.Random(1), 0  # noqa: S311
    for _ in range(N_KILLS):
        killed(["preprocess"], project.root, rng, 4)
        left = list(project.root.rglob("*.part"))
        n_left += bool(left)
        old = time.time() - 3600
        for path in [inner for part in left for inner in (part, *part.rglob("*"))]:
            os.utime(path, (old, old))
        project.run("status")
        assert not list(project.root.rglob("*.part"))
    assert n_left
