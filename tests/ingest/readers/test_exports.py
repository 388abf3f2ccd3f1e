"""The law of reading: what was written into an export of any dialect is read, and nothing else.

`make test-faults` draws many more examples (N_FUZZ), and a million lines.
"""

import os
import re
import unicodedata

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from chatbot.ingest.readers import KST, read_messages
from chatbot.ingest.readers.account import Account
from tests.ingest.readers.exports import DIALECTS, rooms

N = int(os.environ.get("N_FUZZ", "10"))
PHONES = {"ko", "en", "old", "dot", "iso", "clock"}
RECORD = re.compile(r'\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2},|,"",')


def continued(event):
    return event.text.split("\n")[1:]


def is_bracketed(dialect):
    return dialect.family.startswith("[]")


# What the formats themselves cannot tell. `is_told` below leaves these out; nothing else is.
UNTOLD = {
    "a name that holds the mark behind names": (
        "' : ' ends a name on phones, and '] [' on PCs",
        lambda dialect, event: (
            (dialect.family in PHONES and " :" in f" {event.speaker}")
            or (is_bracketed(dialect) and "] [" in event.speaker)
        ),
    ),
    "a name of nothing but space": (
        "an empty user column is a system row",
        lambda dialect, event: dialect.family == "csv" and not clean(event.speaker),
    ),
    "a line under day lines in the file's own form": (
        "a clock without a date fits any day",
        lambda dialect, event: (
            dialect.family == "clock"
            and any(re.match(r"(오전|오후) \d+:\d\d, ", line) for line in continued(event))
        ),
    ),
    "a later date in the form of day lines without dashes": (
        "it is a day line if a message follows",
        lambda dialect, event: (
            (dialect.family == "clock" or dialect.name.startswith("copied"))
            and "2031년 1월 1일 수요일" in continued(event)
        ),
    ),
    "quotes that nobody escaped": (
        "two in a row may be an escaped one, and those at an end are the field's",
        lambda dialect, event: (
            (dialect.name == "csv unescaped" and '""' in event.text)
            or (dialect.name == "csv unquoted" and event.text.startswith('"'))
            or (
                dialect.name in ("csv unescaped", "csv unquoted")
                and any(mark in event.speaker for mark in '",')
            )
        ),
    ),
    "a row of a table inside a message of a table that escapes nothing": (
        "it is written as a row of its own would be",
        lambda dialect, event: (
            dialect.name in ("csv unescaped", "csv unquoted")
            and any(RECORD.match(line) for line in continued(event))
        ),
    ),
}
# Untold as well, and never drawn: an event sentence at the end of a message of a PC (drawn with a
# line behind it); a line pasted from the file's own dialect at a moment that fits (drawn years
# back, on PCs not at all); a first line of somebody that is an event sentence (all say hello
# first); a media word that was typed; '\r', control characters and U+FEFF.


def clean(name):
    return unicodedata.normalize("NFC", re.sub("[\u200b\u200e\u200f\u2060]", "", name)).strip()


def is_told(dialect, event):
    return event.speaker is None or not any(test(dialect, event) for _, test in UNTOLD.values())


def readable(dialect, event):
    """What a format keeps of an event: minutes, names without hidden marks, no blank end."""
    at = event.at if dialect.has_seconds else event.at.replace(second=0)
    text = unicodedata.normalize("NFC", event.text).rstrip("\n")
    return clean(event.speaker or ""), text, at.replace(tzinfo=KST), event.kind


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
