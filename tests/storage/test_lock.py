"""One holder at a time; the lock of a killed process is free."""

import os
import signal
import subprocess
import sys

import pytest

from chatbot.storage.lock import FileLock, LockHeldError, lock_holder

HOLD = """
import sys, time
from pathlib import Path
from chatbot.storage.lock import FileLock
lock = FileLock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_second_holder_is_refused_and_told_who(tmp_path):
    path = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE) as first:
        first.stdout.readline()
        with pytest.raises(LockHeldError) as caught:
            FileLock(path)
        first.kill()
    assert caught.value.holder.pid == first.pid


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_lock_of_a_killed_process_is_free(tmp_path):
    path = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE) as first:
        first.stdout.readline()
        assert lock_holder(path).pid == first.pid
        first.send_signal(signal.SIGKILL)
    assert lock_holder(path) is None
    with FileLock(path):
        pass


def test_asking_who_holds_a_lock_does_not_keep_anybody_from_it(tmp_path):
    path = tmp_path / "lock"
    ask = "import sys\nfrom pathlib import Path\nfrom chatbot.storage.lock import lock_holder\nwhile True: lock_holder(Path(sys.argv[1]))"
    path.touch()
    with subprocess.Popen([sys.executable, "-c", ask, str(path)]) as curious:
        for _ in range(200):
            with FileLock(path):
                pass
        curious.kill()
