"""AI-Hub's and the National Institute's corpora of Korean dialogues (JSON) -> messages."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from chatbot.conversation import Message
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.json_items import key_of, read_items, stamp, string
from chatbot.ingest.readers.json_stream import Path
from chatbot.ingest.readers.reader import Reader
from chatbot.ingest.readers.text import Text, clean_name

# Where the utterances of a dialogue are, in corpora of messengers, of summaries, of topics, of
# several sessions, and of the National Institute of Korean Language.
_ARRAYS: tuple[Path, ...] = (
    ("data", "*", "body", "*"),
    ("data", "*", "body", "dialogue", "*"),
    ("info", "*", "annotations", "lines", "*"),
    ("sessionInfo", "*", "dialog", "*"),
    ("document", "*", "utterance", "*"),
)
_FORMS = (
    re.compile(r'.*"dialogueInfo"\s*:.*"participantID"\s*:', re.DOTALL),
    re.compile(r'.*"annotations"\s*:.*"lines"\s*:.*"speaker"\s*:', re.DOTALL),
    re.compile(r'.*"sessionInfo"\s*:.*"dialog"\s*:', re.DOTALL),
    re.compile(r'.*"document"\s*:.*"utterance"\s*:.*"(?:original_)?form"\s*:', re.DOTALL),
)
_TEXT_KEYS = ("utterance", "original_form", "form", "norm_text", "text")
_SPEAKER_KEYS = ("participantID", "speaker_id", "speaker")
_SYSTEM = re.compile(r"#@시스템#([^#@\s]*)#?")
_EMOTICON = re.compile(r"#@이모티콘#(?:[^#@\s]{1,10}#)?")
_MARK = re.compile(
    r"#@([^#@\s]{1,10})#|&(name|company|address|online|account|tel|num)\d*&", re.IGNORECASE
)
_MEDIA = {
    "사진": "photo",
    "동영상": "video",
    "검색": "search",
    "지도": "map",
    "파일": "file",
    "송금": "money",
    "삭제": "deleted",
}
_NAME = "○○"
_NEUTRAL = {
    "이름": _NAME,
    "name": _NAME,
    "소속": _NAME,
    "company": _NAME,
    "URL": "(링크)",
    "url": "(링크)",
    "online": "(링크)",
    "기타": "",
}
_NUMBERED = re.compile(r"\A\d+ : ")  # who speaks, in corpora of topics
# Laughter that was typed as syllables: never before another syllable, as in a word.
_LAUGHTER = re.compile(r"키{2,}(?![가-힣])")
# Dialogues without a time lie a day apart, so that each is a session of its own.
_NO_DAY = datetime(2000, 1, 1)
_STEP = timedelta(seconds=1)


def recognizes(head: list[str]) -> bool:
    """Whether the first lines of a file are those of a corpus of dialogues."""
    text = "\n".join(head)
    return text.lstrip("\ufeff \t\n")[:1] == "{" and any(form.match(text) for form in _FORMS)


def read_messages(text: Text, zone: timezone, account: Account) -> Iterator[Message]:
    """Yield the utterances of all dialogues, accounting for every item.

    Speakers are called by the corpus's own ids: in each dialogue these are other people.
    """
    clock = _Clock(zone, account.kinds)
    clock.next_dialogue()  # a corpus may have a file for each

    def on_fact(path: Path, value: Any) -> None:
        del value
        if path in _BEFORE_DIALOGUES:
            clock.next_dialogue()

    return read_items(
        text.chunks(), _ARRAYS, lambda item: _message(item, clock, account), account, on_fact
    )


# What stands before the utterances of each dialogue.
_BEFORE_DIALOGUES = {
    ("data", "*", "header"),
    ("info", "*", "id"),
    ("sessionInfo", "*", "sessionID"),
    ("document", "*", "id"),
}


@dataclass
class _Clock:
    """The time of an utterance: its own, else one that keeps dialogues apart."""

    zone: timezone
    counts: Counter[str]
    n_said: int = 0

    def next_dialogue(self) -> None:
        self.counts["dialogue"] += 1
        self.n_said = 0

    def time_of(self, item: dict[str, Any]) -> datetime:
        written = f"{string(item, 'date')} {string(item, 'time')}".strip()
        self.n_said += 1
        inferred = _NO_DAY.replace(tzinfo=self.zone) + timedelta(days=self.counts["dialogue"])
        return stamp(written, self.zone) or inferred + self.n_said * _STEP


def _message(item: Any, clock: _Clock, account: Account) -> Message | None:
    if not isinstance(item, dict):
        return None
    speaker, raw = _speaker(item), string(item, *_TEXT_KEYS)
    if not speaker or not any(key in item for key in _TEXT_KEYS):
        return None
    at = clock.time_of(item)
    text, media = settled(_NUMBERED.sub("", raw, count=1))
    if media:
        account.kinds[media] += 1
        return Message(speaker, "", at, "media", media)
    return Message(speaker, text, at)


def _speaker(item: dict[str, Any]) -> str:
    for key in _SPEAKER_KEYS:
        value = item.get(key)
        if speaker := key_of(value.get("id") if isinstance(value, dict) else value):
            # A digit as a name would be masked wherever it stands in a text.
            return f"P{speaker:0>2}" if speaker.isdigit() else clean_name(speaker)
    return ""


def settled(raw: str) -> tuple[str, str]:
    """Return what somebody wrote without the corpus's marks, and the kind if it is no text.

    >>> settled("#@이름#야 키키키 뭐해#@이모티콘#하트#"), settled("#@시스템#사진#")
    (('○○야 ㅋㅋㅋ 뭐해', ''), ('', 'photo'))
    """
    if "#" not in raw and "&" not in raw and "키키" not in raw:
        return raw, ""
    kinds = [_MEDIA.get(name, "file") for name in _SYSTEM.findall(raw)]
    if _EMOTICON.search(raw):
        kinds.append("emoticon")
    text = _MARK.sub(_neutral, _EMOTICON.sub("", _SYSTEM.sub("", raw)))
    text = _LAUGHTER.sub(lambda match: "ㅋ" * len(match[0]), text)
    text = raw if text == raw else text.strip()
    return (text, "") if text or not kinds else ("", kinds[0])


def _neutral(mark: re.Match[str]) -> str:
    name = mark[1] or mark[2].lower()
    return _NEUTRAL.get(
        name, "(번호)" if name in ("전번", "번호", "계정", "금융", "전화번호") else _NAME
    )


READER = Reader("aihub", recognizes, read_messages)
