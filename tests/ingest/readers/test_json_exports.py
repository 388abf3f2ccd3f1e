"""What was written into an export of JSON is read, whole, cut off or damaged; nothing is lost."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chatbot.ingest.readers import read_messages
from chatbot.ingest.readers.account import Account
from tests.ingest.readers.json_exports import FORMATS, KST, conversations

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
