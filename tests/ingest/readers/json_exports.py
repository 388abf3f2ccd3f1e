"""Writers of the exports that are JSON, for tests: what a messenger would write of a conversation."""

import io
import json
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

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
    has_ids: bool = True
    newest_first: bool = False
    has_marks: bool = False  # which a text may contain by chance
    media_text: str = ""


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


def write_discord(told):
    """A channel as DiscordChatExporter writes it."""
    items = [
        {
            "id": str(100 + number),
            "type": "Reply" if said.reply_to >= 0 else "Default",
            "timestamp": said.at.isoformat(timespec="milliseconds"),
            "timestampEdited": None,
            "isPinned": False,
            "content": said.text,
            "author": {
                "id": str(PEOPLE.index(said.speaker)),
                "name": "x",
                "nickname": said.speaker,
                "isBot": False,
                "roles": [{"id": "1", "name": "r", "color": None, "position": 1}],
            },
            "attachments": [{"id": "1", "url": "u", "fileName": "a.png"}] if said.media else [],
            "embeds": [],
            "stickers": [],
            "reactions": [],
            "mentions": [],
        }
        | ({"reference": {"messageId": str(100 + said.reply_to)}} if said.reply_to >= 0 else {})
        for number, said in enumerate(told)
    ]
    root = {
        "guild": {"id": "1", "name": "모임"},
        "channel": {"id": "2", "type": "GuildTextChat", "name": "등산"},
        "messages": items,
        "messageCount": len(items),
    }
    return json.dumps(root, ensure_ascii=False, indent=2).encode()


def mojibake(text):
    """A text as Instagram writes it: each byte of UTF-8 as a character."""
    return text.encode().decode("latin-1")


def meta_items(told):
    """The messages of a thread of Instagram, the newest first."""
    items = [
        {
            "sender_name": mojibake(said.speaker),
            "timestamp_ms": int(said.at.timestamp() * 1000),
            **({"photos": [{"uri": "a.jpg"}]} if said.media else {"content": mojibake(said.text)}),
            "is_geoblocked_for_viewer": False,
        }
        for said in told
    ]
    return items[::-1]


def write_meta(told):
    """A thread of Instagram."""
    people = [{"name": mojibake(name)} for name in PEOPLE]
    root = {"participants": people, "messages": meta_items(told), "title": mojibake("등산")}
    return json.dumps(root, indent=2).encode()


def write_e2ee(told):
    """A thread of Messenger's encrypted chats."""
    items = [
        {
            "isUnsent": False,
            "media": [{"uri": "./media/a.jpg"}] if said.media else [],
            "reactions": [],
            "senderName": said.speaker,
            "text": said.text,
            "timestamp": int(said.at.timestamp() * 1000),
            "type": "media" if said.media else "text",
        }
        for said in told
    ]
    root = {"participants": list(PEOPLE), "threadName": "등산_15", "messages": items}
    return b"\xef\xbb\xbf" + json.dumps(root, ensure_ascii=False, indent=2).encode()


def json_lines(items):
    """Items, one a line."""
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items).encode()


def write_signal(told):
    """The data.json of signal-export."""
    return json_lines(
        {
            "date": said.at.replace(tzinfo=None).isoformat(" "),
            "sender": said.speaker,
            "body": said.text,
            "quote": "",
            "sticker": "",
            "reactions": [],
            "attachments": [{"name": "a.jpg", "path": "media/a.jpg"}] if said.media else [],
        }
        for said in told
    )


def write_katok(told):
    """The messages of a room as katok prints them."""
    return json_lines(
        {
            "chat_id": 7,
            "message_id": 100 + number,
            "sender_id": PEOPLE.index(said.speaker),
            "sender_nickname": said.speaker,
            "timestamp": said.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "text": "사진" if said.media else said.text,
            "message_type": 2 if said.media else 1,
            "reply_to_message_id": 100 + said.reply_to if said.reply_to >= 0 else None,
        }
        for number, said in enumerate(told)
    )


def write_aihub(told):
    """A corpus of messengers, as AI-Hub publishes it."""
    body = [
        {
            "utteranceID": f"U{number + 1}",
            "turnID": f"T{number + 1}",
            "participantID": said.speaker,
            "date": f"{said.at:%Y-%m-%d}",
            "time": f"{said.at:%H:%M:%S}",
            "utterance": "#@시스템#사진#" if said.media else said.text,
        }
        for number, said in enumerate(told)
    ]
    header = {"dialogueInfo": {"dialogueID": "d1", "topic": "여가"}, "participantsInfo": []}
    root = {"numberOfItems": 1, "data": [{"header": header, "body": body}]}
    return json.dumps(root, ensure_ascii=False, indent=4).encode()


def zipped(entries):
    """A zip of texts by their names."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, entry in entries.items():
            archive.writestr(name, entry if isinstance(entry, bytes) else json.dumps(entry))
    return content.getvalue()


def slack_days(told):
    """The days of a channel of Slack; the texts that it escapes are escaped."""
    days = {}
    for number, said in enumerate(told):
        item = {
            "type": "message",
            "user": f"U{PEOPLE.index(said.speaker)}",
            "ts": _ts(told, number),
        }
        text = said.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        item |= {"text": text, "files": [{"name": "a.png"}] if said.media else []}
        if said.reply_to >= 0:
            item["thread_ts"] = _ts(told, said.reply_to)
        days.setdefault(f"{said.at:%Y-%m-%d}", []).append(item)
    return days


def _ts(told, number):
    return f"{int(told[number].at.timestamp())}.{number:06}"


SLACK_USERS = [
    {"id": f"U{number}", "name": "x", "profile": {"display_name": name}}
    for number, name in enumerate(PEOPLE)
]


def write_slack(told):
    """A workspace of one channel."""
    days = {f"등산/{day}.json": items for day, items in slack_days(told).items()}
    return zipped({"users.json": SLACK_USERS, "channels.json": [{"name": "등산"}], **days})


def write_meta_zip(told):
    """A download of Instagram of one thread, in files of five messages, the newest first."""
    folder = "your_instagram_activity/messages/inbox/mina_7"
    items = meta_items(told)
    files = [items[start : start + 5] for start in range(0, len(items), 5)]
    threads = {
        f"{folder}/message_{number}.json": {"participants": [], "messages": part, "title": "Mina"}
        for number, part in enumerate(files, 1)
    }
    return zipped({"ads/ads.json": {"a": 1}, **threads})


FORMATS = {
    "telegram": Format(write_telegram),
    "telegram in one line": Format(lambda told: write_telegram(told, indent=None)),
    "discord": Format(write_discord),
    "instagram": Format(write_meta, "message_1.json", has_ids=False, newest_first=True),
    "messenger encrypted": Format(write_e2ee, "mina_15.json", has_ids=False),
    "signal": Format(write_signal, "data.json", has_ids=False),
    "slack": Format(write_slack, "export.zip"),
    "instagram in a zip": Format(write_meta_zip, "export.zip", has_ids=False),
    "katok": Format(write_katok, "katok.jsonl", media_text="사진"),
    "aihub": Format(write_aihub, "TL1.json", has_ids=False, has_marks=True),
}
