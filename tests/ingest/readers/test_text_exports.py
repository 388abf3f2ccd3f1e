"""The law of reading for messengers that write text: what was written is read, nothing else."""

import os
import unicodedata

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from chatbot.ingest.readers import find_parts, read_messages
from chatbot.ingest.readers.account import Account
from tests.ingest.readers.text_exports import FORMATS, chats, readable

N = int(os.environ.get("N_FUZZ", "5"))
relaxed = settings(max_examples=N, suppress_health_check=list(HealthCheck))


def composed(thing):
    name, text, at, kind = thing
    return unicodedata.normalize("NFC", name), unicodedata.normalize("NFC", text), at, kind


@pytest.mark.parametrize("name", FORMATS)
@relaxed
@given(data=st.data())
def test_what_was_written_is_read(tmp_path_factory, name, data):
    form = FORMATS[name]
    events = data.draw(chats(form))
    assume(events and any(event.kind == "message" for event in events))
    text = form.write(events, "산책")
    path = tmp_path_factory.mktemp("exports") / f"a.{form.ending}"
    end = data.draw(st.sampled_from(["\n", "\r\n"]))
    path.write_bytes(
        text.replace("\n", end).encode(data.draw(st.sampled_from(["utf-8", "utf-16"])))
    )
    account = Account()

    messages = list(read_messages(path, raw=form.settings, account=account))

    things = [
        (m.speaker, m.text.rstrip("\n").lstrip("\u200e"), m.sent_at, m.kind) for m in messages
    ]
    written = [readable(form, event) for event in events]
    assert list(map(composed, things)) == [
        composed((name, text.lstrip("\u200e"), at, kind)) for name, text, at, kind in written
    ]
    assert account.n_lines == text.count("\n")
    assert account.lines["unparsed"] == 0
    assert find_parts(path, form.settings)[0].reader.name == name.split()[0]
