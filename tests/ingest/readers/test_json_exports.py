"""What was written into an export of JSON is read, whole, cut off or damaged; nothing is lost."""

import csv
import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chatbot.ingest.readers import read_messages
from chatbot.ingest.readers.account import Account
from tests.conftest import SHARED
from tests.ingest.readers.json_exports import FORMATS, KST, PEOPLE, Said, conversations

BEGIN = datetime(2026, 3, 2, 9, tzinfo=KST)
SETTINGS = settings(
    max_examples=8, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


def read(path):
    account = Account()
    return list(read_messages(path, account=account)), account


def told_of(messages):
    """What messages say, with replies as indexes."""
    places = {message.id: index for index, message in enumerate(messages)}
    return [
        (m.speaker, m.text, m.sent_at, m.media, places.get(m.reply_to, -1) if m.reply_to else -1)
        for m in messages
    ]


def written(told, form):
    return [
        (
            s.speaker,
            form.media_text if s.media else s.text,
            s.at,
            s.media,
            s.reply_to if form.has_ids else -1,
        )
        for s in told
    ]


@pytest.mark.parametrize("name", FORMATS)
@SETTINGS
@given(told=conversations())
def test_what_was_written_is_read(tmp_path_factory, name, told):
    form = FORMATS[name]
    path = tmp_path_factory.mktemp("exports") / form.name
    path.write_bytes(form.write(told))
    messages, account = read(path)
    assert told_of(messages) == written(told, form)
    assert {m.sent_at.tzinfo for m in messages} == {KST}
    assert not account.lines["unparsed"] and not account.is_cut


@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].name != "export.zip"])
@SETTINGS
@given(told=conversations(), share=st.floats(0.3, 0.99))
def test_before_a_cut_everything_is_read_and_the_cut_is_told(tmp_path_factory, name, told, share):
    form = FORMATS[name]
    told = repeated(told, 8)
    content = form.write(told)
    path = tmp_path_factory.mktemp("exports") / form.name
    path.write_bytes(content[: int(share * len(content))])
    messages, account = read(path)
    texts = [message.text for message in messages]
    all_texts = [form.media_text if said.media else said.text for said in told]
    whole = all_texts[-len(texts) :] if form.newest_first else all_texts[: len(texts)]
    assert texts == (whole if texts else [])
    assert len(texts) >= share * len(told) * 0.5 - 3
    assert account.is_cut or content[: int(share * len(content))].endswith((b"}", b"}\n"))


def repeated(told, n_times):
    """A conversation that is held again on later days."""
    return [
        replace(said, at=said.at + timedelta(days=n), reply_to=-1)
        for n in range(n_times)
        for said in told
    ]


MUTATIONS = (b"{", b"}", b"[", b"]", b'"', b",", b"\\", b"\xff", b"\n", b"0", b"null", b"")


@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].name != "export.zip"])
def test_damage_costs_little_and_is_told(tmp_path, name):
    """Bytes are changed at 40 places, one after the other; reading always ends."""
    form, rng = FORMATS[name], random.Random(len(name))  # noqa: S311
    told = [Said(PEOPLE[n % 2], f"{n} 번 메시지", BEGIN + timedelta(minutes=n)) for n in range(30)]
    content = form.write(told)
    start = content.index("번".encode()) if "번".encode() in content else len(content) // 5
    path = tmp_path / form.name
    for _ in range(40):
        at = rng.randrange(start, len(content) - 40)
        path.write_bytes(content[:at] + rng.choice(MUTATIONS) + content[at + 1 :])
        messages, account = read(path)
        texts = {message.text for message in messages}
        n_lost = sum(said.text not in texts for said in told)
        assert n_lost <= 2 or account.is_cut
        assert n_lost == 0 or account.lines["unparsed"] or len(messages) >= 29
        assert account.n_lines >= len(messages)


@pytest.mark.skipif(not (SHARED / "data").exists(), reason="the shared folder is not here")
@pytest.mark.parametrize("name", FORMATS)
def test_real_sentences_are_read_as_they_were_written(tmp_path, name):
    form = FORMATS[name]
    with (SHARED / "data/songys/ChatbotData.csv").open(encoding="utf-8", newline="") as file:
        texts = [text for row in list(csv.reader(file))[1:400] for text in row[:2]]
    told = [Said(PEOPLE[n % 2], text, BEGIN + timedelta(minutes=n)) for n, text in enumerate(texts)]
    path = tmp_path / form.name
    path.write_bytes(form.write(told))
    messages, account = read(path)
    assert told_of(messages) == written(told, form)
    assert not account.lines["unparsed"]


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_a_room_is_organized_and_preprocessed(project, name, capsys):
    form = FORMATS[name]
    texts = [f"{n} 번 버스는 {n * 7 % 60} 분에 와" for n in range(300)]
    told = [Said(PEOPLE[n % 2], text, BEGIN + timedelta(minutes=n)) for n, text in enumerate(texts)]
    project.add_export(form.name, form.write(told))
    assert project.run("organize") == 0
    assert project.run("preprocess") == 0
    assert "300 messages: 300 kept" in capsys.readouterr().err
