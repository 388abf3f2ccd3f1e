"""An invented room from a small grammar, as a phone's export, to try all without a chat."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from importlib.resources import files

import msgspec

from chatbot.conversation import Message

PERSONA, FRIEND = "도윤", "하늘"
_KST = timezone(timedelta(hours=9))
_BEGIN = datetime(2025, 3, 2, 9, 0, tzinfo=_KST)
_TYPOS = (("했어", "햇어"), ("있어", "잇어"), ("좋아", "조아"), ("같이", "가치"), ("알겠", "알겟"))


class _Grammar(msgspec.Struct, frozen=True):
    """invented_room.yaml: a flow (dialogue) is a list of turns, a turn a list of variants."""

    slots: dict[str, list[str]]
    flows: list[list[list[str]]]
    media: list[str]
    persona_tails: list[str]
    friend_tails: list[str]


def invent_room(n_sessions: int, seed: int) -> Iterator[Message]:
    """Yield an invented two-person chat of some months; the same seed gives the same chat."""
    rng = random.Random(seed)  # noqa: S311 nothing secret
    text = (files("chatbot.cli") / "invented_room.yaml").read_text(encoding="utf-8")
    grammar = msgspec.yaml.decode(text, type=_Grammar)
    now = _BEGIN
    yield Message("", f"{FRIEND}님이 들어왔습니다.", now, "system")
    for _ in range(n_sessions):
        now += timedelta(minutes=rng.randint(200, 700))
        for _ in range(rng.choice((1, 1, 2, 2, 3))):
            for message in _flow(grammar, now, rng):
                now = message.sent_at or now
                yield message
            now += timedelta(minutes=rng.randint(2, 25))


def _flow(grammar: _Grammar, now: datetime, rng: random.Random) -> Iterator[Message]:
    """Yield the messages of a scripted dialogue: fill its slots, add bursts and media at random."""
    slots = {name: rng.choice(words) for name, words in grammar.slots.items()}
    speaker, other = rng.choice(((FRIEND, PERSONA), (FRIEND, PERSONA), (PERSONA, FRIEND)))
    for turn in rng.choice(grammar.flows):
        if rng.random() < 0.04:
            now += timedelta(seconds=rng.randint(5, 40))
            yield Message(speaker, rng.choice(grammar.media), now, "media")
        for text in _burst(rng.choice(turn).format(**slots), speaker, grammar, rng):
            now += timedelta(seconds=rng.randint(3, 50))
            yield Message(speaker, text, now)
        speaker, other = other, speaker


def _burst(text: str, speaker: str, grammar: _Grammar, rng: random.Random) -> list[str]:
    """Vary a turn as people do: an own ending, a typo, two bubbles instead of one."""
    tails = grammar.persona_tails if speaker == PERSONA else grammar.friend_tails
    if rng.random() < 0.04:
        for right, wrong in _TYPOS:
            text = text.replace(right, wrong)
    words = text.split(" ")
    tail = rng.choice(tails)
    if len(words) > 3 and rng.random() < 0.15:
        return [" ".join(words[:2]), " ".join(words[2:]) + tail]
    if rng.random() < 0.05:
        return [
            text,
            rng.choice(("ㅋㅋㅋㅋㅋㅋㅋ", "ㅎㅎ", "ㅇㅇ")),
        ]
    return [text + tail]


def write_android_export(messages: Iterator[Message]) -> bytes:
    """Write messages in the form of an Android phone, with its BOM and mixed line endings."""
    lines: list[str] = []
    today = None
    last = _BEGIN
    for message in messages:
        last = message.sent_at or last
        if last.date() != today:
            today = last.date()
            lines += ["", _stamp(last)]
        who = f"{message.speaker} : " if message.speaker else ""
        lines.append(f"{_stamp(last)}, {who}{message.text}")
    saved = _stamp(last + timedelta(hours=1))
    head = f"{FRIEND} 님과 카카오톡 대화\r\n저장한 날짜 : {saved}\n\r\n"
    return ("\ufeff" + head + "\r\n".join(lines) + "\r\n").encode()


def _stamp(at: datetime) -> str:
    half = "오전" if at.hour < 12 else "오후"
    return f"{at.year}년 {at.month}월 {at.day}일 {half} {(at.hour - 1) % 12 + 1}:{at.minute:02}"
