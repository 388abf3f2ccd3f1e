"""The law of reading for messengers that write text: what was written is read, nothing else."""

import os
import sys
import unicodedata
from collections import Counter, deque
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from chatbot.errors import ExportError
from chatbot.ingest.readers import find_parts, read_messages
from chatbot.ingest.readers.account import Account
from tests.ingest.readers.exports import Event
from tests.ingest.readers.text_exports import FORMATS, chats, readable

N = int(os.environ.get("N_FUZZ", "4"))
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


@pytest.mark.parametrize("name", FORMATS)
@relaxed
@given(data=st.data())
def test_damaged_lines_crash_nothing_and_are_counted(tmp_path_factory, name, data):
    form = FORMATS[name]
    events = data.draw(chats(form))
    assume(events)
    lines = form.write(events, "산책").split("\n")[:-1]
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(lines) - 1))
        lines[place : place + 1] = data.draw(_damage(lines[place]))
        assume(lines)
    path = tmp_path_factory.mktemp("damaged") / f"a.{form.ending}"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    account = Account()
    try:
        messages = list(read_messages(path, raw=form.settings, account=account))
    except ExportError:
        return
    assert account.n_lines == len(lines)
    kinds = Counter(message.kind for message in messages)
    assert all(account.lines[kind] == kinds[kind] for kind in ("message", "media", "system"))


def _damage(line):
    """Cut, double, swap, drop or change a line as broken copies do."""
    middle = len(line) // 2
    noise = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=9)
    return st.one_of(
        st.just([line[:middle]]),
        st.just([line, line]),
        st.just([line[:middle], line[middle:]]),
        st.just([]),
        st.just([line.replace(":", "").replace("\t", " ")]),
        noise.map(lambda text: [line[:middle] + text + line[middle:]]),
        noise.map(lambda text: [text + line]),
        st.just(['"' + line]),
    )


@pytest.mark.parametrize(
    "name",
    ["whatsapp iphone", "line ja", "signal_md seconds", "imessage plain", "csv_table commas"],
)
def test_twice_the_lines_take_twice_the_steps(tmp_path, name):
    """Also where every time steps back and every text is the worst of its kind."""
    few, many = (_n_steps(tmp_path, FORMATS[name], n_lines) for n_lines in (700, 1400))
    assert many < 2.5 * few


def _n_steps(folder, form, n_events):
    begin = datetime(2026, 1, 13)
    worst = (
        "가: " * 60,
        '"' * 60,
        "[" * 60,
        "12:3" * 30,
        "a" * 60 + " (file attached",
        "\u200e<" * 30,
    )
    events = [
        Event("나래" if n % 3 else "Me", worst[n % 6], begin - timedelta(minutes=20 * n * (n % 5)))
        for n in range(n_events)
    ]
    path = folder / f"{n_events}.{form.ending}"
    path.write_text(form.write(events, "산책"), encoding="utf-8")
    n_steps = 0

    def count(_frame, _event, _argument):
        nonlocal n_steps
        n_steps += 1

    sys.setprofile(count)
    try:
        deque(read_messages(path, raw=form.settings), maxlen=0)
    finally:
        sys.setprofile(None)
    return n_steps
