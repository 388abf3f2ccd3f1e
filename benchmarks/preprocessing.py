"""Time and peak memory of `organize` and `preprocess` on a large room, each a process of its own.

`python benchmarks/preprocessing.py [--lines N] [--speakers N]` invents a room whose words are drawn
by Zipf's law, so that new words never end; torch must not be loaded.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import accumulate
from pathlib import Path

_WORDS = 50_000
_SYLLABLES = [chr(code) for code in range(ord("가"), ord("힣") + 1, 7)]
_COMMAND = "import sys; from chatbot.cli.main import main; status = main(sys.argv[1:]); "
_COMMAND += "assert 'torch' not in sys.modules; sys.exit(status)"


def invent_lines(n_lines: int, n_speakers: int, seed: int) -> Iterator[str]:
    """Yield the lines of an Android export: some speakers talk much, most little."""
    rng = random.Random(seed)  # noqa: S311
    words = ["".join(rng.choices(_SYLLABLES, k=rng.choice((1, 2, 2, 3, 4)))) for _ in range(_WORDS)]
    words_drawn = list(accumulate(1 / (rank + 3) for rank in range(_WORDS)))
    names = [f"{rng.choice('김이박최정')}{words[n][:2]}{n}" for n in range(n_speakers)]
    names_drawn = list(accumulate(1 / (rank + 5) for rank in range(n_speakers)))
    now = datetime(2024, 1, 1, 9)
    yield "넓은 방 님과 카카오톡 대화"
    yield f"저장한 날짜 : {_stamp(datetime(2030, 1, 1))}"
    yield ""
    for _ in range(n_lines):
        now += timedelta(seconds=rng.choice((5, 20, 60, 300)))
        (name,) = rng.choices(names, cum_weights=names_drawn)
        said = rng.choices(words, cum_weights=words_drawn, k=min(40, 1 + int(rng.expovariate(0.2))))
        yield f"{_stamp(now)}, {name} : {' '.join(said)}"


def _stamp(at: datetime) -> str:
    half = "오전" if at.hour < 12 else "오후"
    return f"{at.year}년 {at.month}월 {at.day}일 {half} {(at.hour - 1) % 12 + 1}:{at.minute:02}"


def run(command: str, root: Path) -> tuple[float, float]:
    """Run a command; return its seconds and its peak memory in MB, its children's included."""
    began = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-c", _COMMAND, command, "--root", str(root)],
        stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{command} ended with {child.returncode}")
    return time.perf_counter() - began, usage.ru_maxrss * 1024 / 1e6


def main() -> None:
    """Invent a room, file it, preprocess it, and print what each took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--speakers", type=int, default=1000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data/raw/inbox/KakaoTalkChats.txt"
        path.parent.mkdir(parents=True)
        shutil.copytree(Path(__file__).parent.parent / "configs", Path(folder) / "configs")
        with path.open("w", encoding="utf-8", newline="\r\n") as file:
            file.writelines(f"{line}\n" for line in invent_lines(args.lines, args.speakers, 0))
        size = path.stat().st_size / 1e6
        print(f"{args.lines:,} lines, {args.speakers:,} speakers, {size:.0f} MB")
        for command in ("organize", "preprocess"):
            seconds, peak = run(command, Path(folder))
            speed = args.lines / seconds
            print(f"{command:11} {seconds:6.1f} s  {speed:9,.0f} lines/s  {peak:5.0f} MB")


if __name__ == "__main__":
    main()
