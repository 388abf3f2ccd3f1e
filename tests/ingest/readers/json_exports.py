"""Writers of the exports that are JSON, for tests: what a messenger would write of a conversation."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from hypothesis import strategies as st

KST = timezone(timedelta(hours=9))
PEOPLE = ("가람", "나래", "Mina K.", "라온 [총무]")


@dataclass(frozen=True)
class Said:
    """What somebody said; `reply_to` is the index of an earlier message, -1 for none."""

    speaker: str
    text: str
    at: datetime
    media: str = ""
    reply_to: int = -1


@dataclass(frozen=True)
class Format:
    """A messenger's format: how to write it, and what it cannot tell."""

    write: callable
    name: str = "result.json"
    seconds: timedelta = timedelta(seconds=1)
    has_ids: bool = True
    media: dict = field(default_factory=dict)


TEXTS = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\0\r"), min_size=1, max_size=40
)


@st.composite
def conversations(draw, texts=TEXTS, max_size=12):
    """Conversations in the order of time, with replies and pictures."""
    at = datetime(2026, 10, 2, 9, 0, tzinfo=KST)
    told = []
    for number in range(draw(st.integers(1, max_size))):
        at += timedelta(seconds=draw(st.integers(1, 4000)))
        media = draw(st.sampled_from(["", "", "", "photo"]))
        text = "" if media else draw(texts)
        reply_to = draw(st.integers(-1, number - 1))
        told.append(Said(draw(st.sampled_from(PEOPLE)), text, at, media, reply_to))
    return told


def telegram_item(number, said, people):
    """A message of Telegram's result.json."""
    item = {
        "id": number + 1,
        "type": "message",
        "date": said.at.replace(tzinfo=None).isoformat(),
        "date_unixtime": str(int(said.at.timestamp())),
        "from": said.speaker,
        "from_id": f"user{people.index(said.speaker)}",
    }
    if said.reply_to >= 0:
        item["reply_to_message_id"] = said.reply_to + 1
    if said.media:
        item["photo"] = "(File not included. Change data exporting settings to download.)"
    half = len(said.text) // 2
    pieces = [said.text[:half], {"type": "bold", "text": said.text[half:]}]
    item["text"] = pieces if number % 3 == 1 else said.text
    item["text_entities"] = [{"type": "plain", "text": said.text}]
    return item


def telegram_chat(told, name="등산", number=7, kind="private_group"):
    """A chat of Telegram, as it stands alone or in an account."""
    people = list(dict.fromkeys(said.speaker for said in told))
    items = [telegram_item(index, said, people) for index, said in enumerate(told)]
    return {"name": name, "type": kind, "id": number, "messages": items}


def write_telegram(told, indent=1):
    """A chat that Telegram Desktop exported."""
    return json.dumps(telegram_chat(told), ensure_ascii=False, indent=indent).encode()


FORMATS = {
    "telegram": Format(write_telegram),
    "telegram in one line": Format(lambda told: write_telegram(told, indent=None)),
}
