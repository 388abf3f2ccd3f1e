"""Encryption: megabytes a second and peak memory of age files, beside the age command.

`python benchmarks/sealing.py [--megabytes N]`: a file of noise, by passphrase and by key pair.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

AGE = shutil.which("age")
# In a process of its own: seconds of a call, and the peak memory of the process after it.
CODE = """
import sys, time
from pathlib import Path
from chatbot.storage import age, age_keys
what, how, source, target = sys.argv[1:]
identity = age_keys.X25519Identity(bytes(range(32)))
key = age_keys.Passphrase("a b c") if how == "passphrase" else identity
began = time.perf_counter()
if what == "encrypt":
    recipient = key if how == "passphrase" else identity.recipient
    age.encrypt_file(Path(source), Path(target), [recipient])
else:
    age.decrypt_file(Path(source), Path(target), [key])
print(time.perf_counter() - began)
print(int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024 / 1e6)
"""


def ours(what: str, how: str, source: Path, target: Path) -> tuple[float, float]:
    """Return seconds and megabytes of memory."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, what, how, str(source), str(target)],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, memory = map(float, done.stdout.split())
    return seconds, memory


def theirs(what: str, source: Path, target: Path, key: Path) -> float:
    """Return the seconds of the age command with a key pair."""
    option = ["-d"] if what == "decrypt" else ["-e"]
    began = time.perf_counter()
    subprocess.run([AGE, *option, "-i", key, "-o", target, source], check=True)
    return time.perf_counter() - began


def main() -> None:
    """Print a line for each way."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=512)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        plain, locked, back = (Path(folder) / name for name in ("plain", "locked", "back"))
        with plain.open("wb") as file:
            for _ in range(args.megabytes):
                file.write(os.urandom(1_000_000))
        for how in ("key pair", "passphrase"):
            for what, source, target in (("encrypt", plain, locked), ("decrypt", locked, back)):
                seconds, memory = ours(what, how, source, target)
                rate = args.megabytes / seconds
                print(f"{what} by {how}: {seconds:.2f} s, {rate:.0f} MB/s, peak {memory:.0f} MB")
        if AGE:
            key = Path(folder) / "key"
            subprocess.run([f"{AGE}-keygen", "-o", key], check=True, capture_output=True)
            for what, source, target in (("encrypt", plain, locked), ("decrypt", locked, back)):
                target.unlink(missing_ok=True)
                seconds = theirs(what, source, target, key)
                print(f"{what} by the age command: {args.megabytes / seconds:.0f} MB/s")


if __name__ == "__main__":
    main()
