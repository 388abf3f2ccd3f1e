"""Lines a second and peak memory of reading exports: `python benchmarks/reading.py [EXPORT ...]`.

Without arguments it invents a room, at two sizes: memory must not grow with the file.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from chatbot.ingest.readers import read_messages
from chatbot.ingest.readers.account import Account


def measure(path: Path) -> None:
    """Read one export whole and print what it took."""
    account = Account()
    began = time.perf_counter()
    n_messages = sum(1 for _ in read_messages(path, account=account))
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{path.stat().st_size / 1e6:7.1f} MB  {account.n_lines:9,} lines  "
        f"{n_messages:9,} messages  {account.n_lines / seconds:9,.0f} lines/s  peak {peak} MiB  "
        f"unparsed {account.lines['unparsed']}"
    )


def main() -> None:
    """Measure the named exports, or two invented ones."""
    if sys.argv[1:]:
        for name in sys.argv[1:]:
            measure(Path(name))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "KakaoTalkChats.txt"
        for n_sessions in (1500, 15_000):
            # In a process of its own, so that making the file does not count as memory.
            make = "import sys; from chatbot.cli.invented_room import *; import pathlib; "
            make += "pathlib.Path(sys.argv[1]).write_bytes(write_android_export("
            make += "invent_room(int(sys.argv[2]), 1)))"
            subprocess.run([sys.executable, "-c", make, path, str(n_sessions)], check=True)
            measure(path)


if __name__ == "__main__":
    main()
