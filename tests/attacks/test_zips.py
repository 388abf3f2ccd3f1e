"""Zips and documents that unpack to more than any chat: refused at once, whatever hides the size."""

import io
import time
import zipfile

import pytest

from chatbot.ingest.organize.inbox import plan_filing

ZEROS = bytes(15 << 20)


def zipped(*entries):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, entry in entries:
            archive.writestr(name, entry)
    return content.getvalue()


def copies(name, content, n_copies):
    """Return a zip whose entries are all the same bytes of the file, as in the bomb of Fifield."""
    packed = zipped((name.format(0), content))
    begin = packed.index(b"PK\x01\x02")
    local, directory = packed[:begin], packed[begin : packed.index(b"PK\x05\x06")]
    names = [name.format(f"{n:05}").encode() for n in range(n_copies)]
    first = name.format(0).encode()
    entries = [
        directory[:28] + len(n).to_bytes(2, "little") + directory[30:46] + n + directory[46 + len(first) :]
        for n in names
    ]  # fmt: skip
    whole = b"".join(entries)
    counts = len(names).to_bytes(2, "little") * 2
    sizes = len(whole).to_bytes(4, "little") + begin.to_bytes(4, "little")
    return local + whole + b"PK\x05\x06" + bytes(4) + counts + sizes + bytes(2)


BOMBS = {
    "many": lambda: zipped(*((f"{n}.txt", ZEROS) for n in range(40))),
    "overlapping": lambda: copies("{}.csv", ZEROS, 4000),
    "nested": lambda: zipped(
        *((f"{n}.zip", zipped(*((f"{m}.txt", ZEROS) for m in range(4)))) for n in range(4))
    ),
    "texts": lambda: zipped(*((f"{n}.txt", b"") for n in range(6_000))),
    "docx": lambda: zipped(("word/document.xml", ZEROS), ("word/a.txt", ZEROS), ("b.txt", ZEROS)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_keeps_nobody_busy(project, name):
    project.add_export("bomb.zip", BOMBS[name]())
    began = time.monotonic()
    plan = plan_filing(project.config())
    assert time.monotonic() - began < 5
    assert not plan.filed and "too much" in plan.unrecognized[0].reason


def test_an_export_with_pictures_and_a_long_chat_is_filed(project, export):
    photos = ((f"{n}.jpg", b"\xff\xd8" + bytes(1000)) for n in range(3_000))
    project.add_export("chat.zip", zipped(("KakaoTalkChats.txt", export * 20), *photos))
    assert len(plan_filing(project.config()).filed) == 1
