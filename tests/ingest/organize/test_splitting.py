"""An export of several rooms is filed room by room; each is what the messenger writes of one."""

import json
from datetime import datetime, timedelta

import pytest

from chatbot.ingest.organize.inbox import file_exports, plan_filing
from chatbot.ingest.readers import read_messages
from tests.ingest.readers import json_exports as forms
from tests.ingest.readers.json_exports import KST, Said

BEGIN = datetime(2026, 3, 2, 9, tzinfo=KST)
ROOMS = {
    name: [
        Said(people[number % 2], f"{name} {number} 번", BEGIN + timedelta(minutes=number))
        for number in range(12)
    ]
    for name, people in {"등산": ("가람", "나래"), "독서": ("가람", "Mina K.")}.items()
}


def telegram_account():
    chats = [forms.telegram_chat(told, name) for name, told in ROOMS.items()]
    empty = {"name": "빈 방", "type": "private_group", "id": 9, "messages": []}
    account = {"about": "invented", "chats": {"about": "x", "list": [*chats, empty]}}
    return json.dumps(account, ensure_ascii=False, indent=1).encode()


def slack_workspace():
    days = {
        f"{name}/{day}.json": items
        for name, told in ROOMS.items()
        for day, items in forms.slack_days(told).items()
    }
    return forms.zipped({"users.json": forms.SLACK_USERS, "channels.json": [], **days})


def instagram_download():
    return forms.zipped(
        {
            f"messages/inbox/{number}/message_1.json": {
                "participants": [],
                "messages": forms.meta_items(told),
                "title": forms.mojibake(name),
            }
            for number, (name, told) in enumerate(ROOMS.items())
        }
    )


def katok_lines():
    lines = [
        forms.write_katok(told).replace(b'"chat_id": 7', f'"chat_id": {number}'.encode())
        for number, told in enumerate(ROOMS.values())
    ]
    return b"".join(
        line
        for pair in zip(*(text.splitlines(True) for text in lines), strict=True)
        for line in pair
    )


ACCOUNTS = {
    "result.json": telegram_account,
    "slack.zip": slack_workspace,
    "instagram.zip": instagram_download,
    "katok.jsonl": katok_lines,
}


@pytest.mark.parametrize("name", ACCOUNTS)
def test_each_room_is_filed_with_its_own_messages(project, name):
    config = project.config()
    project.add_export(name, ACCOUNTS[name]())
    plan = plan_filing(config)
    file_exports(plan, config)
    texts = {
        tuple(message.text for message in read_messages(config.path(entry.path)))
        for _, entry in plan.filed
    }
    assert texts == {tuple(said.text for said in told) for told in ROOMS.values()}
    assert [split.n_rooms for split in plan.split] == [2]
    assert not list(config.path("data/raw").glob(".rooms*"))
    assert len(list(config.path("data/archive/split").iterdir())) == 1


def test_the_same_account_again_is_no_new_room(project):
    config = project.config()
    for _ in range(2):
        project.add_export("result.json", telegram_account())
        plan = plan_filing(config)
        file_exports(plan, config)
    assert len(plan.entries) == 2 and not plan.filed


def test_a_damaged_item_of_an_account_is_still_counted(project):
    config = project.config()
    content = telegram_account().decode()
    project.add_export("result.json", content.replace('"id": 3,', '"id": 3 3,', 1).encode())
    plan = plan_filing(config)
    assert sorted(entry.signatures.get("no JSON", 0) for _, entry in plan.filed) == [0, 1]
    assert sorted(entry.n_messages for _, entry in plan.filed) == [11, 12]
