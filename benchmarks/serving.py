"""`chatbot serve` under load: a model of 14 M parameters, on random weights.

`python benchmarks/serving.py [--clients 50] [--seconds 60] [--url URL --model NAME]`: the same
conversations one by one, then from many clients at once; seconds to the first token, tokens/s,
shares of the clients, memory. `--url`: another server with the same interface instead. `--kakao`:
users of a Kakao channel instead, each with a message under way all the time; seconds to the answer.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.replying import make_project
from chatbot.serving.kakao.skill import BROKEN, BUSY, SLOW

ASKED = ("오늘 뭐함", "밥 먹었어?", "ㅋㅋㅋ 진짜?", "주말에 어디 가?")
N_TOKENS = 40


SECRET = "jugos-bilak-nomet-tarip-kelun-dosaf"  # noqa: S105 of this server
KAKAO = (
    "serve.kakao.enabled=true",
    "sampling.min_new_tokens=20",  # as in benchmarks/replying.py; those of a room are shorter
    "sampling.max_new_tokens=20",
)


@dataclass
class Load:
    """What the clients saw."""

    first_seconds: list[float] = field(default_factory=list)
    tokens: dict[int, int] = field(default_factory=dict)  # by client
    n_errors: int = 0
    seconds: float = 0.0

    @property
    def tokens_a_second(self) -> float:
        """Tokens of all clients together."""
        return sum(self.tokens.values()) / self.seconds


@dataclass(frozen=True)
class Server:
    """Where to send requests."""

    host: str
    port: int
    model: str

    def request(self, messages: list[dict[str, str]]) -> bytes:
        """Return an HTTP request for a streamed reply."""
        body = {
            "model": self.model,
            "messages": messages,
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": N_TOKENS,
        }
        content = json.dumps(body).encode()
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
            "Authorization: Bearer invented\r\nContent-Type: application/json\r\n"
            f"Connection: close\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content


async def reply(server: Server, messages: list[dict[str, str]]) -> tuple[str, float, int]:
    """Return the text of a reply, the seconds to its first piece, and its number of tokens."""
    began, first, text, n_tokens = time.perf_counter(), 0.0, "", 0
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(server.request(messages))
    async for line in reader:
        if not line.startswith(b"data: {"):
            continue
        chunk = json.loads(line[6:])
        choice = (chunk.get("choices") or [{}])[0]
        if content := choice.get("delta", {}).get("content"):
            first = first or time.perf_counter() - began
            text += content
        if usage := chunk.get("usage"):
            n_tokens = usage["completion_tokens"]
    writer.close()
    if not text:
        raise OSError("no reply")
    return text, first, n_tokens


async def talk(number: int, server: Server, until: float, load: Load) -> None:
    """Hold conversations of four turns until the time is over."""
    load.tokens[number] = 0
    while time.perf_counter() < until:
        messages: list[dict[str, str]] = []
        for asked in ASKED:
            messages.append({"role": "user", "content": asked})
            try:
                text, first, n_tokens = await reply(server, messages)
            except (OSError, ValueError, KeyError):
                load.n_errors += 1
                break
            messages.append({"role": "assistant", "content": text})
            if time.perf_counter() > until:
                return  # what ends later is not counted
            load.first_seconds.append(first)
            load.tokens[number] += n_tokens


def skill_request(server: Server, user: int, text: str) -> bytes:
    """Return the HTTP request of a Kakao channel."""
    user_request = {"user": {"id": f"user{user}"}, "utterance": text}
    content = json.dumps({"userRequest": user_request}).encode()
    head = (
        f"POST /kakao/skill HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n"
        f"X-Chatbot-Secret: {SECRET}\r\nContent-Type: application/json\r\n"
        f"Connection: close\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def talk_in_channel(
    user: int, server: Server, until: float, answers: list[float]
) -> tuple[int, int]:
    """Send messages until the time is over; return the answers without a reply, and cut ones."""
    n_failures = n_cut = n_sent = 0
    while (began := time.perf_counter()) < until:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(skill_request(server, user, ASKED[n_sent % len(ASKED)]))
        answer = await reader.read()
        writer.close()
        n_sent += 1
        answers.append(time.perf_counter() - began)
        body = json.loads(answer.partition(b"\r\n\r\n")[2])
        texts = [output["simpleText"]["text"] for output in body["template"]["outputs"]]
        n_failures += texts[0] in (SLOW, BUSY, BROKEN)
        n_cut += texts[-1].endswith("…")
    return n_failures, n_cut


async def measure_channel(server: Server, n_users: int, seconds: float) -> None:
    """Let users of a channel talk for some time, and print how long they waited."""
    answers: list[float] = []
    until = time.perf_counter() + seconds
    users = (talk_in_channel(user, server, until, answers) for user in range(n_users))
    ends = await asyncio.gather(*users)
    n_failures, n_cut = (sum(counts) for counts in zip(*ends, strict=True))
    answers.sort()
    print(
        f"{n_users} users of a channel: {len(answers)} answers in {seconds:g} s, "
        f"{n_failures} of them a sentence instead of a reply, {n_cut} cut short; seconds "
        f"{statistics.median(answers):.2f} (p50), {answers[int(len(answers) * 0.95)]:.2f} (p95), "
        f"{answers[-1]:.2f} (longest)"
    )


async def measure(server: Server, n_clients: int, seconds: float) -> Load:
    """Let clients talk for some time."""
    load, began = Load(), time.perf_counter()
    until = began + seconds
    await asyncio.gather(*(talk(number, server, until, load) for number in range(n_clients)))
    load.seconds = seconds
    return load


def memory(process: "subprocess.Popen[bytes] | None") -> float:
    """Return the resident MiB of a process."""
    if process is None:
        return 0.0
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


@contextmanager
def started(
    root: Path, more: tuple[str, ...] = ()
) -> Iterator[tuple[Server, "subprocess.Popen[bytes]"]]:
    """Yield a running server of our own."""
    make_project(root)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = (f"serve.port={port}", f"sampling.min_new_tokens={N_TOKENS}",
                "output.max_bubbles=99", "sampling.temperature=0.2",
                "runtime.device=cpu", *more)  # fmt: skip
    pairs = [part for setting in settings for part in ("--set", setting)]
    line = [sys.executable, "-m", "chatbot", "serve", "--root", str(root), *pairs]
    environment = {**os.environ, "CHATBOT_KAKAO_SECRET": SECRET}
    process = subprocess.Popen(
        line, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment
    )
    try:
        while True:
            time.sleep(0.2)
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
        yield Server("127.0.0.1", port, "main"), process
    finally:
        process.terminate()
        process.wait()


def show(name: str, load: Load) -> None:
    """Print what the clients saw."""
    first = sorted(load.first_seconds)
    shares = sorted(load.tokens.values())
    print(
        f"{name}: {load.tokens_a_second:.0f} tokens/s, {len(first)} replies, "
        f"{load.n_errors} errors; first piece after {statistics.median(first):.3f} s (p50), "
        f"{first[int(len(first) * 0.95)]:.3f} s (p95); "
        f"tokens of a client {shares[0]} to {shares[-1]}"
    )


def compare(server: Server, process: "subprocess.Popen[bytes] | None", n: int, s: float) -> None:
    """Measure one client, then many."""
    asyncio.run(measure(server, 1, 3))
    alone = asyncio.run(measure(server, 1, s / 3))
    show("one by one", alone)
    early = asyncio.run(measure(server, n, s / 6))
    before = memory(process)
    together = asyncio.run(measure(server, n, s))
    show(f"{n} at once", together)
    print(f"ratio {together.tokens_a_second / alone.tokens_a_second:.2f}", end="")
    print(f" (warm-up {early.tokens_a_second:.0f} tokens/s); ", end="")
    print(f"server {before:.0f} MiB before, {memory(process):.0f} MiB after")


def main() -> None:
    """Start a server, or use another one, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--kakao", action="store_true", help="users of a channel, 20 by default")
    parser.add_argument("--url", help="of another server, such as http://127.0.0.1:8001")
    parser.add_argument("--model", default="main")
    args = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    n_clients = args.clients or (20 if args.kakao else 50)
    if args.url:
        parts = urlsplit(args.url)
        server = Server(parts.hostname or "", parts.port or 80, args.model)
        compare(server, None, n_clients, args.seconds)
        return
    more = KAKAO if args.kakao else ()
    with (
        tempfile.TemporaryDirectory() as folder,
        started(Path(folder) / "project", more) as running,
    ):
        if args.kakao:
            asyncio.run(measure_channel(running[0], n_clients, args.seconds))
        else:
            compare(*running, n_clients, args.seconds)


if __name__ == "__main__":
    main()
