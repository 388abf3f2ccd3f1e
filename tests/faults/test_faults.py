"""Faults injected into real runs: kills, failing calls, full disks. `make test-faults`; minutes.

After each fault the next start goes on from a state that was really saved: old or new, never a third.
"""

import errno
import io
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from chatbot.crypto.age import decrypt, encrypt_file
from chatbot.crypto.age_keys import X25519Identity
from chatbot.errors import ChatbotError, CryptoError
from chatbot.storage.files import write_bytes
from chatbot.training.checkpoint import read_checkpoint, read_newest
from chatbot.training.folder import RunFolder
from tests.conftest import TINY, Project
from tests.faults.driver import Faults
from tests.training.runs import assert_equal, content, train_until

pytestmark = pytest.mark.faults
N_KILLS = int(os.environ.get("N_KILLS", "100"))
STRIDE = int(os.environ.get("FAULT_STRIDE", "5"))  # 1: every call, half an hour
EVERY_STEP = (
    *TINY, "logging.save_interval=1", "logging.snapshot_interval=3", "optimization.patience=0",
    f"optimization.max_steps={6 * N_KILLS}",
)  # fmt: skip


def command(root, name):
    pairs = [part for setting in EVERY_STEP for part in ("--set", setting)]
    return [sys.executable, "-m", "chatbot", name, "--root", str(root), *pairs]


def test_killed_a_hundred_times_ends_as_never_killed(processed, tmp_path):
    """kill -9 at random moments of a run that saves every step."""
    calm = Project(tmp_path / "calm")
    shutil.copytree(processed.root, calm.root)
    subprocess.run(command(calm.root, "train"), check=True, capture_output=True)
    rng = random.Random(0)  # noqa: S311
    began = time.monotonic()
    folder = RunFolder(processed.root / "checkpoints/main")
    n_killed = n_resumed = step = 0
    for _ in range(N_KILLS):
        before = saved_at(folder)
        with subprocess.Popen(
            command(processed.root, "train"), stderr=subprocess.PIPE, text=True
        ) as process:
            # Most of the time goes by before the first step: wait for it, then a random while.
            while process.poll() is None and saved_at(folder) == before:
                time.sleep(0.005)
            time.sleep(rng.random() * 0.15)
            process.kill()
            said = process.communicate()[1]
        assert process.returncode == -signal.SIGKILL, said
        n_killed += 1
        n_resumed += "continuing at step" in said
        newest = read_newest(folder, lambda trouble: None).step
        assert newest > step
        step = newest
    subprocess.run(command(processed.root, "train"), check=True, capture_output=True)
    assert_equal(content(folder)[0], content(RunFolder(calm.root / "checkpoints/main"))[0])
    say(f"{n_killed} kills, {n_resumed} resumes, {time.monotonic() - began:.0f} s")


def saved_at(folder):
    return folder.latest.stat().st_mtime_ns if folder.latest.exists() else 0


def say(text):
    """Print past pytest's capture: the counts are what these tests are run for."""
    sys.__stderr__.write(f"\n{text}\n")


@pytest.mark.parametrize("is_persistent", [False, True])
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EACCES])
def test_a_file_is_old_or_new_whichever_call_fails(tmp_path, code, is_persistent):
    n_faults = 0
    for at in itertools.count(1):
        path = tmp_path / f"{at}" / "file"
        write_bytes(path, b"old")
        with pytest.MonkeyPatch.context() as patch:
            faults = Faults(at, code, is_persistent).install(patch.setattr)
            try:
                write_bytes(path, b"new")
                is_written = True
            except (ChatbotError, OSError):
                is_written = False
        assert path.read_bytes() in (b"old", b"new")
        if is_written:
            assert path.read_bytes() == b"new"
        if faults.n_calls < at:
            break
        n_faults += 1
    say(f"{n_faults} calls failed")
    assert n_faults >= 4


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, 0])
def test_training_goes_on_whichever_call_fails(processed, tmp_path, code):
    """The n-th call of a run fails: what stands afterwards continues to the same end."""
    wanted = content(train_until(copy(processed, tmp_path / "calm"), until=99))[0]
    counts: Counter[str] = Counter()
    ends = {0: "not reached", 1: "went on", 2: "ended with an error", 9: "died"}
    for at in itertools.count(1, STRIDE):
        project = copy(processed, tmp_path / f"{at}")
        line = [sys.executable, "-m", "tests.faults.driver", project.root, f"{at}", f"{code}"]
        status = subprocess.run(line, check=False, capture_output=True, text=True)
        assert status.returncode in ends, status.stderr
        counts[ends[status.returncode]] += 1
        found = content(train_until(project, until=99))[0]
        assert_equal(found, wanted)
        shutil.rmtree(project.root)
        if status.returncode == 0:
            break
    say(f"error {code}: {dict(counts)}")
    assert counts.total() > 3


def copy(project, root):
    shutil.copytree(project.root, root)
    return Project(root)


def test_every_file_truncated_flipped_or_deleted(processed, tmp_path):
    """Training goes on to the same end, or refuses in a sentence: never to another one."""
    first = train_until(processed, until=6)
    files = sorted(p.relative_to(processed.root) for p in first.path.rglob("*") if p.is_file())
    wanted = content(train_until(copy(processed, tmp_path / "calm")))[0]
    counts: Counter[str] = Counter()
    for number, (name, how) in enumerate(
        itertools.product(files, ["0", "1", "half", "-1", "flip", "delete"])
    ):
        project = copy(processed, tmp_path / f"{number}")
        path = project.root / name
        before = path.read_bytes()
        middle = len(before) // 2
        changed = {
            "0": b"", "1": before[:1], "half": before[:middle], "-1": before[:-1],
            "flip": before[:middle] + bytes([(before[middle] if before else 0) ^ 1]) + before[middle + 1 :],
            "delete": None,
        }[how]  # fmt: skip
        if changed is None:
            path.unlink()
        else:
            path.write_bytes(changed)
        try:
            found = content(train_until(project))[0]
        except ChatbotError:
            counts["refused"] += 1
        else:
            assert_equal(found, wanted)
            counts["same end"] += 1
        shutil.rmtree(project.root)
    say(f"{len(files)} files, {dict(counts)}")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_of_8_mib_ends_nothing(processed, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], check=False)
    if mounted.returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        project = copy(processed, disk / "project")
        train_until(project, until=3)
        filler = disk / "filler"
        with filler.open("wb") as file, pytest.raises(OSError):
            while True:
                file.write(bytes(1 << 14))
        done = subprocess.run(
            [*command(project.root, "train"), "--set", "optimization.max_steps=12"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 2, done.stderr
        assert "no space left" in done.stderr or "MiB free" in done.stderr
        assert read_checkpoint(project.root / "checkpoints/main/latest.pt").step == 3
        filler.unlink()
        assert_equal(
            content(train_until(project))[0],
            content(train_until(copy(processed, tmp_path / "calm")))[0],
        )
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_read_only_folder_is_an_error(processed):
    """Not a success that saved nothing. Root may write everywhere, so the folder is a file."""
    (processed.root / "checkpoints").mkdir(exist_ok=True)
    (processed.root / "checkpoints/main").write_text("")
    done = subprocess.run(
        command(processed.root, "train"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and done.stderr.splitlines()[-2].startswith("error:")


def test_killed_while_encrypting_leaves_nothing_under_the_final_name(tmp_path):
    plain, rng = tmp_path / "plain", random.Random(0)  # noqa: S311
    plain.write_bytes(bytes(200 << 20))
    identity = X25519Identity(bytes(range(32)))
    whole = 0
    for number in range(20):
        target = tmp_path / f"{number}.enc"
        pid = os.fork()
        if pid == 0:
            encrypt_file(plain, target, [identity.recipient])
            os._exit(0)
        time.sleep(rng.random() * 0.5)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        if target.exists():
            whole += 1
            with target.open("rb") as file:
                assert sum(map(len, decrypt(file, [identity]))) == 200 << 20
    say(f"{whole} of 20 were finished before the kill")


def test_renames_come_after_fsync(tmp_path):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    code = "from pathlib import Path; from chatbot.storage.files import write_bytes; import sys; write_bytes(Path(sys.argv[1]), b'x')"
    trace = tmp_path / "trace"
    done = subprocess.run(
        ["strace", "-f", "-e", "trace=fsync,rename,renameat,renameat2", "-o", trace,
         sys.executable, "-c", code, tmp_path / "file"], check=False, capture_output=True,
    )  # fmt: skip
    if done.returncode:
        pytest.skip("strace is not allowed here")
    calls = [
        line.split("(")[0].split()[-1] for line in trace.read_text().splitlines() if "(" in line
    ]
    calls = [
        c.removesuffix("at2").removesuffix("at") for c in calls if c.startswith(("fsync", "rename"))
    ]
    assert calls == ["fsync", "rename", "fsync"]


@pytest.mark.parametrize("how", ["cut", "flip", "append", "wrong key"])
def test_a_bad_encrypted_model_opens_nothing(tmp_path, how):
    plain, locked = tmp_path / "plain", tmp_path / "locked"
    plain.write_bytes(os.urandom(300_000))
    identity, other = X25519Identity(bytes(range(32))), X25519Identity(bytes(32))
    encrypt_file(plain, locked, [identity.recipient])
    content = locked.read_bytes()
    changed = {"cut": content[:200_000], "append": content + b"\0", "wrong key": content,
               "flip": content[:150_000] + bytes([content[150_000] ^ 1]) + content[150_001:]}[how]  # fmt: skip
    with pytest.raises(CryptoError):
        list(decrypt(io.BytesIO(changed), [other if how == "wrong key" else identity]))
