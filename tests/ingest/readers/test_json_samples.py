"""What a format holds besides texts: notices, attachments, bots, deleted people, unknown shapes."""

import json

import pytest

from chatbot.errors import ExportError
from chatbot.ingest.organize.inbox import plan_filing
from chatbot.ingest.readers import read_messages
from chatbot.ingest.readers.account import Account
from chatbot.settings.schema import ColumnsConfig, RawConfig
from tests.ingest.readers.json_exports import json_lines, zipped

AT = "2026-10-02T09:01:05"
UNIX = "1790899265"


def telegram(*items):
    items = [
        {"id": number, "type": "message", "date": AT, "date_unixtime": UNIX, "from": "가람"}
        | {"from_id": "user1", "text": "", "text_entities": []}
        | item
        for number, item in enumerate(items, 1)
    ]
    return json.dumps(
        {"name": "등산", "type": "private_group", "id": 7, "messages": items}, indent=1
    )


def discord(*items):
    author = {"id": "5", "name": "garam", "nickname": "가람", "isBot": False}
    base = {"id": "1", "type": "Default", "timestamp": f"{AT}+09:00", "content": ""}
    items = [base | {"author": author} | item for item in items]
    guild, channel = {"id": "1", "name": "Direct Messages"}, {"id": "2", "name": "나래"}
    return json.dumps({"guild": guild, "channel": channel, "messages": items})


def meta(*items):
    items = [{"sender_name": "Mina", "timestamp_ms": int(UNIX) * 1000} | item for item in items]
    return json.dumps({"participants": [{"name": "Mina"}], "messages": items, "title": "Mina"})


def aihub(*texts):
    dialogues = [
        {
            "id": f"d{number}",
            "annotations": {
                "lines": [
                    {"id": 1, "speaker": {"id": "1", "age": "20대"}, "text": f"1 : {text}"},
                    {"id": 2, "speaker": {"id": "2", "age": "20대"}, "text": "2 : 응"},
                ]
            },
        }
        for number, text in enumerate(texts)
    ]
    return json.dumps({"dataset": {"name": "x"}, "info": dialogues}, ensure_ascii=False)


RICH = {"blocks": [{"type": "paragraph", "text": ["할 일", {"type": "bold", "text": "!"}]}]}
RICH["blocks"].append({"type": "list", "items": [{"text": {"text": "물"}}, {"text": "간식"}]})
SPOKEN = {
    "telegram text in pieces": (
        telegram({"text": ["보자 ", {"type": "link", "text": "https://example.com"}, "\\x07"]}),
        [("가람", "보자 https://example.com\\x07", "")],
    ),
    "telegram escapes of its own": (
        telegram({"text": "a@b"}).replace("a@b", r"a\x0ab \\x0a"),
        [("가람", "a\nb \\x0a", "")],
    ),
    "telegram rich message": (
        telegram({"rich_message": RICH}),
        [("가람", "할 일!\n물\n간식", "")],
    ),
    "telegram people who left": (
        telegram({"from": None, "text": "1"}, {"from": None, "from_id": "user2", "text": "2"}),
        [("user1", "1", ""), ("user2", "2", "")],
    ),
    "telegram two of one name": (
        telegram({"text": "1"}, {"from_id": "user2", "text": "2"}, {"text": "3"}),
        [("가람", "1", ""), ("가람 (2)", "2", ""), ("가람", "3", "")],
    ),
    "telegram what is no text": (
        telegram(
            {"media_type": "sticker", "file": "a.webp"},
            {"photo": "a.jpg", "text": "정상!"},
            {"text": "남의 말", "forwarded_from": "나래"},
            {"type": "service", "action": "phone_call", "actor": "나래", "actor_id": "user2"},
            {"type": "service", "action": "invite_members"},
        ),
        [
            ("가람", "", "emoticon"),
            ("가람", "정상!", ""),
            ("가람", "남의 말", "forward"),
            ("나래", "", "call"),
            ("", "invite_members", ""),
        ],
    ),
    "discord what is no text": (
        discord(
            {"content": "안녕"},
            {"attachments": [{"fileName": "a.mp4"}]},
            {"stickers": [{"id": "1"}]},
            {"type": "Call"},
            {"type": "ChannelPinnedMessage", "content": "Pinned a message."},
            {"author": {"id": "6", "name": "bot", "isBot": True}, "content": "삐"},
            {"forwardedMessage": {"content": "남의 말"}},
        ),
        [
            ("가람", "안녕", ""),
            ("가람", "", "video"),
            ("가람", "", "emoticon"),
            ("가람", "", "call"),
            ("", "Pinned a message.", ""),
            ("", "삐", ""),
            ("가람", "", "forward"),
        ],
    ),
    "meta what is no text": (
        meta(
            {"content": "caf\u00e9"},
            {"content": "\u00ed\u0095\u009c"},
            {"content": "Liked a message"},
            {"content": "x", "is_unsent": True},
            {"share": {"link": "https://example.com"}},
            {"call_duration": 12, "content": "Mina called you."},
        ),
        [
            ("Mina", "café", ""),
            ("Mina", "한", ""),
            ("", "Liked a message", ""),
            ("Mina", "", "deleted"),
            ("Mina", "", "link"),
            ("Mina", "", "call"),
        ],
    ),
    "aihub marks": (
        aihub("#@이름#아 키키키 와라#@이모티콘#하트#", "#@시스템#동영상#", "몽키키링 #@URL#"),
        [
            ("P01", "○○아 ㅋㅋㅋ 와라", ""),
            ("P02", "응", ""),
            ("P01", "", "video"),
            ("P02", "응", ""),
            ("P01", "몽키키링 (링크)", ""),
            ("P02", "응", ""),
        ],
    ),
}


def read(tmp_path, content, name="x.json"):
    path, account = tmp_path / name, Account()
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_messages(path, account=account)), account


@pytest.mark.parametrize("name", SPOKEN)
def test_each_item_is_read_as_what_it_is(tmp_path, name):
    content, expected = SPOKEN[name]
    messages, account = read(tmp_path, content)
    assert [(m.speaker, m.text, m.media) for m in messages] == expected
    assert account.n_lines == len(messages) and not account.signatures


def test_what_instagram_says_in_korean_is_nobodys_message(tmp_path):
    texts = [
        "나래님이 첨부 파일을 보냈습니다.",
        "메시지를 좋아합니다",
        "메시지에 ❤ 반응을 남겼습니다.",
    ]
    said = ["사진을 보냈어", "그 메시지를 좋아합니다만", "안녕"]
    items = [{"content": text} for text in (*texts, *said)]
    messages, account = read(tmp_path, meta(*items, {"content": texts[0], "photos": [{}]}))
    assert [m.text for m in messages if m.kind == "message"] == said
    assert messages[-1].media == "photo" and account.kinds["notice"] == 3


UNKNOWN = {
    "telegram": (telegram({"text": "a"}, {"text": None, "쪽지": 1}), "from_id, id, text, text_ent"),
    "telegram rich": (telegram({"rich_message": {"v": 2}}, {"text": "a"}), "rich_message"),
    "discord": (discord({"content": "a"}, {"author": None}), "{author, content, id, timestamp"),
    "meta": (meta({"content": "a"}, {"novelty": 1}), "{novelty, sender_name, timestamp_ms}"),
    "aihub": (aihub("a").replace('"speaker"', '"who"', 1), "{id, text, who}"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_shape_is_counted_by_its_keys_and_reading_goes_on(tmp_path, name):
    content, keys = UNKNOWN[name]
    messages, account = read(tmp_path, content)
    assert len(messages) == 1 and account.lines["unparsed"] == 1
    assert keys in next(iter(account.signatures)) and "쪽지" not in str(account.signatures)


def test_dialogues_without_a_time_lie_a_day_apart(tmp_path):
    messages, account = read(tmp_path, aihub("가", "나"))
    assert [m.sent_at.day - messages[0].sent_at.day for m in messages] == [0, 0, 1, 1]
    assert account.kinds["dialogue"] == 3


def test_the_dialogues_of_the_files_of_a_corpus_lie_apart(tmp_path):
    content = zipped({f"TL/{n}.json": aihub("가", "나").encode() for n in range(3)})
    messages, _ = read(tmp_path, content, "x.zip")
    assert len(messages) == 12 and len({m.sent_at.date() for m in messages}) == 6


def test_a_slack_text_is_written_out_and_threads_are_replies(tmp_path):
    item = {"type": "message", "user": "U1", "text": "<@U2> 봐 &lt;3", "ts": f"{UNIX}.000100"}
    reply = item | {"text": "응", "ts": f"{UNIX}.000200", "thread_ts": f"{UNIX}.000100"}
    bot = {"type": "message", "subtype": "bot_message", "bot_id": "B", "text": "x", "ts": UNIX}
    gone = {"type": "message", "subtype": "tombstone", "ts": UNIX, "text": "x"}
    users = [{"id": "U2", "profile": {"display_name": "나래"}}, {"id": "U1", "real_name": "가람"}]
    dms = [{"id": "D7", "members": ["U1", "U2"]}]
    day = {"D7/2026-10-02.json": [item, reply, bot, gone]}
    content = zipped({"users.json": users, "dms.json": dms, **day})
    messages, account = read(tmp_path, content, "x.zip")
    assert [m.text for m in messages[:2]] == ["@나래 봐 <3", "응"]
    assert messages[1].reply_to == messages[0].id and account.room == "가람, 나래"
    assert [(m.kind, m.media) for m in messages[2:]] == [("system", ""), ("media", "deleted")]


def test_signals_own_export_is_counted_and_not_read(project):
    frames = [{"version": "1", "backupTimeMs": "1"}, {"recipient": {"id": "1"}}]
    frames += [{"chatItem": {"chatId": "1", "authorId": "2", "standardMessage": {}}}] * 3
    messages, account = read(project.root, json_lines(frames), "main.jsonl")
    assert not messages and account.kinds["frame: chatItem"] == 3
    assert account.signatures["{chatItem}"] == 3 and account.n_lines == 5
    project.add_export("main.jsonl", json_lines(frames))
    refused = plan_filing(project.config()).unrecognized
    assert [each.reason for each in refused] == [
        "an export of which nothing is understood (5 items of unknown shapes)"
    ]


@pytest.mark.parametrize("form", ["lines", "array"])
def test_keys_that_the_settings_name_are_read(project, form):
    rows = [{"누가": "가람", "말": "안녕", "때": AT}, {"누가": "나래", "말": "응", "때": AT}]
    content = json_lines(rows) if form == "lines" else json.dumps(rows).encode()
    path = project.add_export("x.json", content)
    with pytest.raises(ExportError, match="JSON"):
        list(read_messages(path))
    columns = [("speaker", "누가"), ("text", "말"), ("time", "때")]
    raw = project.config(*(f"raw.columns.{key}={value}" for key, value in columns)).raw
    messages = list(read_messages(path, raw=raw))
    assert [(m.speaker, m.text) for m in messages] == [("가람", "안녕"), ("나래", "응")]
    assert messages[0].sent_at.isoformat() == f"{AT}+09:00"


def test_times_of_keys_are_read_in_every_form_or_counted(tmp_path):
    raw = RawConfig(columns=ColumnsConfig(speaker="a", text="b", time="c"))
    times = [int(UNIX), UNIX, int(UNIX) * 1000, f"{UNIX}000", "아침 9시"]
    path, account = tmp_path / "x.jsonl", Account()
    path.write_bytes(json_lines([{"a": "가람", "b": "안녕", "c": time} for time in times]))
    messages = list(read_messages(path, raw=raw, account=account))
    assert [m.sent_at.timestamp() for m in messages] == [int(UNIX)] * 4
    assert account.lines["unparsed"] == 1


def test_what_stands_before_the_messages_may_be_long(tmp_path):
    people = [{"name": f"사람 {number}"} for number in range(250)]
    thread = json.loads(meta({"content": "a"})) | {"participants": people}
    assert len(read(tmp_path, json.dumps(thread, indent=2))[0]) == 1
    contacts = {"list": [{"name": f"사람 {number}"} for number in range(9000)]}
    account = {"about": "Here is the data of Telegram", "contacts": contacts}
    account |= {"chats": {"list": [json.loads(telegram({"text": "a"}))]}}
    assert len(read(tmp_path, json.dumps(account, indent=1))[0]) == 1
