"""The law of reading: what was written into an export of any dialect is read, and nothing else.

`make test-faults` draws many more examples (N_FUZZ), and a million lines.
"""

import os
import unicodedata

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from chatbot.ingest.readers import read_messages
from chatbot.ingest.readers.account import Account
from tests.ingest.readers.exports import DIALECTS, is_told, readable, rooms

N = int(os.environ.get("N_FUZZ", "10"))


def read(path, dialect):
    """Read an export; a time is read as None where a notice of a table has none."""
    account = Account()
    messages = list(read_messages(path, account=account))
    assert account.lines["unparsed"] == 0
    return [
        (m.speaker, unicodedata.normalize("NFC", m.text).rstrip("\n"), m.sent_at, m.kind)
        for m in messages
    ], account


def speech(things):
    return [thing for thing in things if thing[3] != "system"]


def notices(things):
    """The lines of notices: a file may tell one notice in two."""
    return [
        line for thing in things if thing[3] == "system" for line in thing[1].split("\n") if line
    ]


@pytest.mark.parametrize("name", DIALECTS)
@settings(max_examples=N, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_was_written_is_read(tmp_path_factory, name, data):
    dialect = DIALECTS[name]
    events = data.draw(rooms(dialect))
    assume(all(is_told(dialect, event) for event in events))
    text = dialect.write(events, "나래")
    path = tmp_path_factory.mktemp("exports") / ("a.csv" if dialect.family == "csv" else "a.txt")
    end = data.draw(st.sampled_from(["\n", "\r\n"]))
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    path.write_bytes(text.replace("\n", end).encode(encoding))

    things, account = read(path, dialect)

    written = [readable(dialect, event) for event in events]
    assert speech(things) == speech(written)
    assert notices(things) == notices(written)
    assert account.n_lines == text.count("\n")
