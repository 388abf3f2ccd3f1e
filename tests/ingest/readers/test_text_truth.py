"""Real sentences in every text format (all with N_FUZZ), and a room of each from end to end."""

import json
import os
import re
from datetime import datetime, timedelta

import pytest

from chatbot.ingest.readers import KST, read_messages
from chatbot.ingest.readers.account import Account
from tests.conftest import SHARED
from tests.ingest.readers.exports import Event
from tests.ingest.readers.text_exports import FORMATS, readable

MESSENGERS = {
    "whatsapp iphone us": "WhatsApp Chat - 산책.txt",
    "line ja": "[LINE] 산책とのトーク.txt",
    "signal_md seconds": "chat.md",
    "imessage read": "+821000000000.txt",
    "csv_table commas": "chat.csv",
}
# What a user sets for a format; dates show their own order.
SETTINGS = {
    "csv_table commas": tuple(
        f"raw.columns.{role}={name}"
        for role, name in (("speaker", "from"), ("text", "body"), ("time", "date"))
    )
}


def invented_room():
    begin = datetime(2026, 1, 10, 9)
    texts = ("저녁 뭐 먹을까: {}번", "응 좋아 {}", "여기서 {}분 걸려\n천천히 와", "ㅋㅋㅋ 그래 {}")
    return [
        Event(
            ("Me", "나래")[n % 2],
            texts[n % 4].format(n),
            begin + timedelta(hours=n // 6 * 5, minutes=n % 6),
        )
        for n in range(240)
    ]


@pytest.mark.parametrize("name", MESSENGERS)
def test_a_room_of_each_messenger_is_organized_and_preprocessed(project, capsys, name):
    form, events = FORMATS[name], invented_room()
    project.add_export(MESSENGERS[name], form.write(events, "나래").encode())
    settings = ("processed.preprocess.vocab_size=400", *SETTINGS.get(name, ()))
    assert project.run("organize", settings=settings) == 0
    assert project.run("preprocess", settings=settings) == 0
    shown = capsys.readouterr().err
    assert "240 messages: 240 kept" in shown
    assert project.run("preprocess", settings=(*settings, "processed.preprocess.persona=Me")) == 0


def real_sentences():
    """Sentences of the shared data: pairs of songys, dialogues of xpersona in two languages."""
    lines = (SHARED / "data/songys/ChatbotData.csv").read_text(encoding="utf-8").splitlines()[1:]
    yield from (cell.strip('"') for line in lines for cell in line.split(",")[:2])
    for path in sorted((SHARED / "data/xpersona").glob("*.json")):
        for item in json.loads(path.read_text(encoding="utf-8")):
            yield from (turn for pair in item["dialogue"] for turn in pair)


@pytest.fixture(scope="module")
def real_events():
    if not (SHARED / "data/songys").is_dir():
        pytest.skip("the shared folder is not here")
    begin = datetime(2024, 1, 1, 9)
    texts = (text for text in map(str.strip, real_sentences()) if re.search(r"\w", text))
    return [
        Event(("Me", "나래", "다온")[n % 3], text, begin + timedelta(minutes=7 * n))
        for n, text in enumerate(texts)
    ][:: 1 if "N_FUZZ" in os.environ else 20]


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_real_sentences_are_read_back_equal(tmp_path, real_events, name):
    form = FORMATS[name]
    told = [event for event in real_events if form.is_told(event)]
    assert len(told) > 0.99 * len(real_events) > 1000
    path = tmp_path / f"a.{form.ending}"
    path.write_text(form.write(told, "산책"), encoding="utf-8", newline="")
    account = Account()
    messages = [
        (m.speaker, m.text, m.sent_at, m.kind)
        for m in read_messages(path, account=account, raw=form.settings)
    ]
    assert messages == [readable(form, event) for event in told]
    assert account.lines["unparsed"] == 0 and messages[0][2].tzinfo == KST
