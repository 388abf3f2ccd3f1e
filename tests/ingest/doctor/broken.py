"""Ten invented exports, each broken in one way, and the finding that names it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

PLANTED = "수박화채비밀"  # stands in every text, and must stand in no output
NAMES = ("가람", "나래")
BEGIN = datetime(2025, 1, 6, 9, 0)


@dataclass(frozen=True)
class Said:
    """A message of an invented chat."""

    at: datetime
    speaker: str
    text: str


def chat(n: int = 120, begin: datetime = BEGIN, names: tuple[str, ...] = NAMES) -> list[Said]:
    """Messages five minutes apart, the speakers in turn."""
    return [
        Said(begin + timedelta(minutes=5 * i), names[i % len(names)], f"{PLANTED} {begin:%d} {i}")
        for i in range(n)
    ]


def clock(at: datetime) -> str:
    return f"{'오전' if at.hour < 12 else '오후'} {(at.hour - 1) % 12 + 1}:{at:%M}"


def stamp(at: datetime) -> str:
    return f"{at.year}년 {at.month}월 {at.day}일 {clock(at)}"


def android_line(said: Said) -> str:
    return f"{stamp(said.at)}, {said.speaker} : {said.text}"


def android(messages: list[Said], room: str = "등산") -> bytes:
    head = [f"{room} 2 카카오톡 대화", "저장한 날짜 : 2026년 9월 2일 오전 9:30", "", ""]
    return ("\ufeff" + "\r\n".join([*head, *map(android_line, messages)]) + "\r\n").encode()


def windows(messages: list[Said]) -> bytes:
    return "\r\n".join(_windows_lines(messages)).encode() + b"\r\n"


def _windows_lines(messages: list[Said]) -> Iterator[str]:
    yield from ("등산 님과 카카오톡 대화", "저장한 날짜 : 2026-09-02 09:30:11", "")
    day = None
    for said in messages:
        if said.at.date() != day:
            day = said.at.date()
            weekday = "월화수목금토일"[day.weekday()]
            dashes = "-" * 15
            yield f"{dashes} {day.year}년 {day.month}월 {day.day}일 {weekday}요일 {dashes}"
        yield f"[{said.speaker}] [{clock(said.at)}] {said.text}"


def telegram(messages: list[Said], *others: dict) -> bytes:
    items = [
        {
            "id": number,
            "type": "message",
            "date": f"{said.at:%Y-%m-%dT%H:%M:%S}",
            "from": said.speaker,
            "from_id": f"user{said.speaker}",
            "text": said.text,
        }
        for number, said in enumerate(messages)
    ]
    written = {"name": "등산", "type": "private_group", "id": 7, "messages": [*items, *others]}
    return json.dumps(written, ensure_ascii=False, indent=1).encode()


def days(n: int) -> datetime:
    """The beginning of a chat that shares no day with others."""
    return BEGIN + timedelta(days=40 * n)


def _cut() -> dict[str, bytes]:
    content = android(chat())
    return {"cut.txt": content[: content.rindex("오".encode()) + 2]}  # inside 오전, 오후


def _wrong_encoding() -> dict[str, bytes]:
    content = android(chat(240, days(1)))
    half = content.index(b"\n", len(content) // 2) + 1
    return {"encoding.txt": content[:half] + content[half:].decode().encode("cp949")}


def _mixed_formats() -> dict[str, bytes]:
    pasted = "\r\n".join(list(_windows_lines(chat(60, days(2) + timedelta(days=9))))[4:])
    return {"mixed.txt": android(chat(begin=days(2))) + pasted.encode() + b"\r\n"}


def _copy() -> dict[str, bytes]:
    return dict.fromkeys(("first.txt", "second.txt"), android(chat(begin=days(3))))


def _overlapping() -> dict[str, bytes]:
    messages = chat(300, days(4))
    return {"early.txt": android(messages[:200]), "late.txt": windows(messages[100:])}


def _clock_jump() -> dict[str, bytes]:
    messages = chat(begin=days(6))
    return {"clock.json": telegram([*messages, *chat(60, days(5))])}


def _two_names() -> dict[str, bytes]:
    earlier = chat(begin=days(7))
    later = chat(begin=days(7) + timedelta(days=3), names=("가람", "나래🌸"))
    return {"names.txt": android([*earlier, *later])}


def _empty() -> dict[str, bytes]:
    return {"empty.txt": b""}


def _another_program() -> dict[str, bytes]:
    return {"report.pdf": b"%PDF-1.7\n" + PLANTED.encode()}


def _unknown_shapes() -> dict[str, bytes]:
    polls = [{"id": 900 + i, "type": "poll", "question": PLANTED} for i in range(3)]
    return {"shapes.json": telegram(chat(begin=days(8)), *polls)}


# What is broken -> the files, and the code of the finding that names it.
BROKEN: dict[str, tuple[Callable[[], dict[str, bytes]], str]] = {
    "cut in the middle": (_cut, "cut_file"),
    "wrong encoding": (_wrong_encoding, "undecodable"),
    "mixed formats": (_mixed_formats, "mixed_formats"),
    "duplicated export": (_copy, "copy"),
    "overlapping exports": (_overlapping, "overlap"),
    "clock jump": (_clock_jump, "steps_back"),
    "one person, two names": (_two_names, "two_names"),
    "empty": (_empty, "no_export"),
    "another program's file": (_another_program, "no_export"),
    "unknown shapes": (_unknown_shapes, "unknown_shapes"),
}
