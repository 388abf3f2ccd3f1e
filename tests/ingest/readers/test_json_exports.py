"""What was written into an export of JSON is read, whole, cut off or damaged; nothing is lost."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatbot.ingest.readers import read_messages
from chatbot.ingest.readers.account import Account
from tests.ingest.readers.json_exports import FORMATS, conversations

SETTINGS = settings(max_examples=15, suppress_health_check=list(HealthCheck))


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
    return [(s.speaker, s.text, s.at, s.media, s.reply_to if form.has_ids else -1) for s in told]


@pytest.mark.parametrize("name", FORMATS)
@SETTINGS
@given(told=conversations())
def test_what_was_written_is_read(tmp_path_factory, name, told):
    form = FORMATS[name]
    path = tmp_path_factory.mktemp("exports") / form.name
    path.write_bytes(form.write(told))
    messages, account = read(path)
    assert told_of(messages) == written(told, form)
    assert not account.lines["unparsed"] and not account.is_cut


@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].name != "export.zip"])
@SETTINGS
@given(told=conversations(), share=st.floats(0.3, 0.99))
def test_before_a_cut_everything_is_read_and_the_cut_is_told(tmp_path_factory, name, told, share):
    form = FORMATS[name]
    content = form.write(told * 8)
    path = tmp_path_factory.mktemp("exports") / form.name
    path.write_bytes(content[: int(share * len(content))])
    messages, account = read(path)
    texts = [message.text for message in messages]
    assert texts == [said.text for said in told * 8][: len(texts)]
    assert len(texts) >= int(share * 8 * len(told)) - len(told) - 2
    assert account.is_cut
