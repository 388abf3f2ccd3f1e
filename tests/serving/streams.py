"""Laws of streamed answers, each with a planted fault that must break it.

A law is a claim about a parsed stream; a fault changes the bytes or events of a good one.
"""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

TEXT = "안녕!\n뭐해?"


@dataclass
class Stream:
    """A parsed stream: its frames, as text and as objects."""

    frames: list[str]
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def choices(self) -> list[dict[str, Any]]:
        return [choice for event in self.events for choice in event["choices"]]

    @property
    def deltas(self) -> list[dict[str, Any]]:
        return [choice["delta"] for choice in self.choices]


def parse_sse(content: bytes) -> Stream:
    frames = content.decode().split("\n\n")
    lines = [line for frame in frames for line in frame.split("\n") if line.startswith("data: {")]
    return Stream(frames, [json.loads(line.removeprefix("data: ")) for line in lines])


def parse_lines(content: bytes) -> Stream:
    lines = content.decode().split("\n")
    return Stream(lines, [json.loads(line) for line in lines if line])


def write_sse(stream: Stream) -> bytes:
    """Write changed events back, in place of those of the frames."""
    events = iter(stream.events)
    frames = [
        "\n".join(
            f"data: {json.dumps(next(events))}" if line.startswith("data: {") else line
            for line in frame.split("\n")
        )
        for frame in stream.frames
    ]
    return "\n\n".join(frames).encode()


@dataclass(frozen=True)
class Law:
    name: str
    holds: Callable[[Stream], bool]
    plant: Callable[[Stream], None]


def same(values) -> bool:
    return len(set(values)) == 1


def changed(index: int, /, **fields) -> Callable[[Stream], None]:
    """A fault: other fields in an event."""
    return lambda stream: stream.events[index].update(fields)


def in_choice(index: int, /, **fields) -> Callable[[Stream], None]:
    return lambda stream: stream.events[index]["choices"][0].update(fields)


def frame(index: int, *frames: str) -> Callable[[Stream], None]:
    """A fault: other frames in place of one."""

    def plant(stream):
        place = index % len(stream.frames)
        stream.frames[place : place + 1] = frames

    return plant


def swapped(first: int, second: int) -> Callable[[Stream], None]:
    def plant(stream):
        events = stream.events
        events[first], events[second] = copy.deepcopy(events[second]), events[first]

    return plant


def texts(stream: Stream) -> str:
    return "".join(delta.get("content") or "" for delta in stream.deltas)


def usages(stream: Stream) -> list[dict[str, Any]]:
    return [event["usage"] for event in stream.events if event.get("usage")]


CHAT = (
    Law("it ends with [DONE] and a blank line", lambda s: s.frames[-2:] == ["data: [DONE]", ""], frame(-2, "data: [END]")),
    Law("[DONE] is sent once", lambda s: s.frames.count("data: [DONE]") == 1, frame(1, "data: [DONE]", "x")),
    Law("frames are data or comments", lambda s: all(f[:6] == "data: " or f[:2] == ": " for f in s.frames[:-1]), frame(1, "event: chunk")),
    Law("reading is told before the text", lambda s: s.frames[0].startswith(": reading "), frame(0, ": hello")),
    Law("a frame is one line", lambda s: all("\n" not in f for f in s.frames), frame(1, "data: {}\ndata: {}")),
    Law("objects are chunks", lambda s: all(e["object"] == "chat.completion.chunk" for e in s.events), changed(2, object="chat.completion")),
    Law("one id throughout", lambda s: same(e["id"] for e in s.events), changed(1, id="other")),
    Law("an id is not empty", lambda s: all(e["id"].startswith("chatcmpl-") for e in s.events), changed(0, id="")),
    Law("one time throughout", lambda s: same(e["created"] for e in s.events), changed(-1, created=1)),
    Law("times are whole seconds", lambda s: all(isinstance(e["created"], int) for e in s.events), changed(0, created=1.5)),
    Law("one model throughout", lambda s: same(e["model"] for e in s.events), changed(-1, model="")),
    Law("the first delta is the role", lambda s: s.deltas[0].get("role") == "assistant", in_choice(0, delta={"content": None})),
    Law("with content null", lambda s: s.deltas[0].get("content", 0) is None, in_choice(0, delta={"role": "assistant", "content": ""})),
    Law("the role comes once", lambda s: sum("role" in d for d in s.deltas) == 1, in_choice(1, delta={"role": "assistant", "content": "x"})),
    Law("pieces are text", lambda s: all(d["content"] for d in s.deltas[1:-1]), in_choice(1, delta={"content": ""})),
    Law("pieces are the reply", lambda s: texts(s) == TEXT, in_choice(1, delta={"content": "x"})),
    Law("the last delta has no content", lambda s: s.deltas[-1] == {}, in_choice(-2, delta={"content": ""})),
    Law("the reason comes last", lambda s: all(c["finish_reason"] is None for c in s.choices[:-1]), in_choice(1, finish_reason="stop")),
    Law("a natural end is stop", lambda s: s.choices[-1]["finish_reason"] == "stop", in_choice(-2, finish_reason="length")),
    Law("every choice has its index", lambda s: all(c["index"] == 0 for c in s.choices), in_choice(1, index=1)),
    Law("no probabilities unless asked for", lambda s: all(c["logprobs"] is None for c in s.choices), in_choice(1, logprobs={"content": []})),
    Law("usage is in the last event", lambda s: s.events[-1].get("usage") is not None, changed(-1, usage=None)),
    Law("usage is told once", lambda s: len(usages(s)) == 1, changed(-2, usage={"total_tokens": 1})),
    Law("usage has no choices", lambda s: s.events[-1]["choices"] == [], changed(-1, choices=[{"index": 0, "delta": {}, "finish_reason": "stop", "logprobs": None}])),
    Law("other events say usage null", lambda s: all(e.get("usage", 0) is None for e in s.events[:-1]), lambda s: s.events[1].pop("usage")),
    Law("usage adds up", lambda s: all(u["prompt_tokens"] + u["completion_tokens"] == u["total_tokens"] for u in usages(s)), changed(-1, usage={"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 1})),
    Law("every reply token is counted", lambda s: all(u["completion_tokens"] == 3 for u in usages(s)), changed(-1, usage={"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9})),
)  # fmt: skip

KINDS = [
    "response.created", "response.in_progress", "response.output_item.added",
    "response.content_part.added", "response.output_text.delta", "response.output_text.done",
    "response.content_part.done", "response.output_item.done", "response.completed",
]  # fmt: skip


def kinds(stream: Stream) -> list[str]:
    """The kinds of events, deltas once."""
    names = [event["type"] for event in stream.events]
    return [name for i, name in enumerate(names) if i == 0 or name != names[i - 1]]


def names(stream: Stream) -> list[str]:
    lines = [line for f in stream.frames for line in f.split("\n")]
    return [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]


def deltas(stream: Stream) -> str:
    return "".join(e["delta"] for e in stream.events if e["type"].endswith("text.delta"))


def output(stream: Stream) -> str:
    return stream.events[-1]["response"]["output"][0]["content"][0]["text"]


RESPONSES = (
    Law("events come in their order", lambda s: kinds(s) == KINDS, swapped(0, 1)),
    Law("events are numbered from 0", lambda s: [e["sequence_number"] for e in s.events] == [*range(len(s.events))], changed(3, sequence_number=9)),
    Law("names of events are their types", lambda s: names(s) == [e["type"] for e in s.events], changed(1, type="response.queued")),
    Law("there is no [DONE]", lambda s: not any("[DONE]" in f for f in s.frames), frame(-1, "data: [DONE]", "")),
    Law("deltas are the reply", lambda s: deltas(s) == TEXT, lambda s: s.events[4].update(delta="x")),
    Law("the text is told whole", lambda s: s.events[-4]["text"] == TEXT, lambda s: s.events[-4].update(text="")),
    Law("the answer holds the reply", lambda s: output(s) == TEXT, lambda s: s.events[-1]["response"]["output"][0]["content"][0].update(text="")),
    Law("one answer throughout", lambda s: same(e["response"]["id"] for e in s.events if "response" in e), lambda s: s.events[0]["response"].update(id="x")),
    Law("one item throughout", lambda s: same(e["item_id"] for e in s.events if "item_id" in e), lambda s: s.events[4].update(item_id="x")),
    Law("it begins in progress", lambda s: s.events[0]["response"]["status"] == "in_progress", lambda s: s.events[0]["response"].update(status="completed")),
    Law("it ends completed", lambda s: s.events[-1]["response"]["status"] == "completed", lambda s: s.events[-1]["response"].update(status="in_progress")),
    Law("usage comes at the end", lambda s: s.events[-1]["response"]["usage"]["output_tokens"] == 3, lambda s: s.events[-1]["response"]["usage"].update(output_tokens=0)),
    Law("nothing is stored", lambda s: s.events[-1]["response"]["store"] is False, lambda s: s.events[-1]["response"].update(store=True)),
)  # fmt: skip


def is_time(text: str) -> bool:
    return text.endswith("Z") and datetime.fromisoformat(text).year >= 2026


OLLAMA = (
    Law("lines are not done until the last", lambda s: [e["done"] for e in s.events] == [False] * (len(s.events) - 1) + [True], changed(0, done=True)),
    Law("the last says why", lambda s: s.events[-1].get("done_reason") == "stop", changed(-1, done_reason=None)),
    Law("others do not", lambda s: not any("done_reason" in e for e in s.events[:-1]), changed(0, done_reason="stop")),
    Law("all are the assistant's", lambda s: all(e["message"]["role"] == "assistant" for e in s.events), changed(0, message={"role": "user", "content": "x"})),
    Law("pieces are the reply", lambda s: "".join(e["message"]["content"] for e in s.events) == TEXT, changed(-1, message={"role": "assistant", "content": "x"})),
    Law("one model throughout", lambda s: {e["model"] for e in s.events} == {"main:latest"}, changed(0, model="main")),
    Law("times are times", lambda s: all(is_time(e["created_at"]) for e in s.events), changed(0, created_at="2026-11-28T10:00:00+00:00")),
    Law("tokens are counted", lambda s: (s.events[-1].get("prompt_eval_count"), s.events[-1].get("eval_count")) == (7, 3), changed(-1, eval_count=0)),
    Law("durations are nanoseconds", lambda s: isinstance(s.events[-1]["total_duration"], int), changed(-1, total_duration=0.1)),
)  # fmt: skip
