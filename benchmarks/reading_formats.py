"""MB/s and peak memory of other messengers: `python -m benchmarks.reading_formats MB [NAME ...]`.

A conversation is written in each format by the writers of the tests, repeated on later days until
the file has the size, and read in a process of its own. MB are of text, unpacked; seconds are those
of the processor, because other work may run beside it.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from chatbot.ingest.readers import read_messages
from chatbot.ingest.readers.account import Account
from chatbot.settings.schema import RawConfig
from tests.ingest.readers import text_exports
from tests.ingest.readers.exports import Event
from tests.ingest.readers.json_exports import FORMATS, KST, PEOPLE, Said

_WORDS = "오늘 저녁 뭐 먹지 김밥 아니면 라면 ㅋㅋ 그래 좋아 내일 역 앞에서 보자 응 지금 가는 중"
_N_A_DAY = 200
# One of each reader; dates and times are written in many more ways.
_TEXT = {
    name.split()[0]: text_exports.FORMATS[name]
    for name in ("line ja", "signal_md seconds", "imessage read", "csv_table commas")
} | {name: text_exports.FORMATS[name] for name in ("whatsapp iphone us", "whatsapp android de")}


def conversation(n_days: int) -> list[Said]:
    """Invent a conversation of 200 messages a day."""
    words = _WORDS.split()
    begin = datetime(2020, 1, 1, 9, tzinfo=KST)
    day = [
        Said(
            PEOPLE[number * 7 % 3],
            " ".join(words[(number * k) % len(words)] for k in range(1, 2 + number % 11)),
            begin + timedelta(minutes=3 * number),
            "photo" if number % 40 == 0 else "",
        )
        for number in range(_N_A_DAY)
    ]
    return [replace(said, at=said.at + timedelta(days=n)) for n in range(n_days) for said in day]


def write(name: str, size_mb: float, path: Path) -> None:
    """Write a file of about this size."""
    path.write_bytes(written(name, conversation(10)))
    sample = text_bytes(path) / 10
    path.write_bytes(written(name, conversation(max(1, int(size_mb * 1e6 / sample)))))


def written(name: str, conversation: list[Said]) -> bytes:
    """Write a conversation in a format."""
    if name not in _TEXT:
        return FORMATS[name].write(conversation)
    events = [
        Event(said.speaker, said.text or "응", said.at.replace(tzinfo=None))
        for said in conversation
    ]
    return _TEXT[name].write(events, "산책").encode()


def read(name: str, path: Path) -> None:
    """Read a file and print what it took, as JSON."""
    account = Account()
    raw = _TEXT[name].settings if name in _TEXT else RawConfig()
    began = time.process_time()
    n_messages = sum(1 for _ in read_messages(path, raw=raw, account=account))
    seconds = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([n_messages, seconds, peak, account.lines["unparsed"]]))


def text_bytes(path: Path) -> int:
    """Return the size of a file, of a zip that of what is in it."""
    if not zipfile.is_zipfile(path):
        return path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def main() -> None:
    """Write and read each format in processes of their own."""
    if sys.argv[1] == "read":
        read(sys.argv[2], Path(sys.argv[3]))
        return
    if sys.argv[1] == "write":
        write(sys.argv[2], float(sys.argv[3]), Path(sys.argv[4]))
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[2:] or [*FORMATS, *_TEXT]:
            path = Path(folder) / (FORMATS[name].name if name in FORMATS else "chat")
            this = [sys.executable, __file__]
            subprocess.run([*this, "write", name, sys.argv[1], path], check=True)
            command = [*this, "read", name, path]
            shown = subprocess.run(command, check=True, capture_output=True, text=True)
            n_messages, seconds, peak, n_unparsed = json.loads(shown.stdout)
            size = text_bytes(path) / 1e6
            print(
                f"{name:22} {size:7.1f} MB  {n_messages:9,} messages  {size / seconds:6.1f} MB/s  "
                f"{n_messages / seconds:9,.0f} messages/s  peak {peak:4.0f} MiB  "
                f"unparsed {n_unparsed}",
                flush=True,
            )


if __name__ == "__main__":
    main()
