"""A blind test -> its page: one encrypted HTML file, or the HTML that a server sends.

The head and the gate are those of the messenger page; the script reads the questions. The truth is
in neither.
"""

import re
from base64 import b64encode
from pathlib import Path

import msgspec

from chatbot.evaluation.blind.questions import Draft, Question, Speech
from chatbot.publishing.page.file import SERVED, single_file, source
from chatbot.publishing.page.lock import lock
from chatbot.publishing.page.modules import WEB, bundle_modules
from chatbot.storage.files import write_bytes

STYLES = ("ui/page.css", "blind/blind.css")
ENTRY = "blind/served.js"
_MESSENGER = re.compile(r"<!-- messenger -->.*<!-- /messenger -->\n", re.DOTALL)
_TITLE = re.compile(r"<title>.*?</title>")
_NEW_TITLE = "<title>진짜일까, 봇일까? · Real or bot?</title>"


class ShownTest(msgspec.Struct, frozen=True):
    """All that a page knows of a test: its id, whose replies they are, the questions."""

    test: str
    persona: Speech
    questions: list[Question]


def questions_json(test_id: str, draft: Draft) -> bytes:
    """Return the JSON that the page reads: without the truth."""
    return msgspec.json.encode(ShownTest(test_id, draft.persona, draft.questions))


def write_blind_file(target: Path, content: bytes, passphrase: str | None) -> None:
    """Write the page with its questions; without a passphrase anybody can read them."""
    sealed = content if passphrase is None else lock(content, passphrase)
    write_bytes(target, blind_page_text(sealed).encode(), mode=0o600)


def blind_page_text(content: bytes) -> str:
    """Return the HTML of a page that holds questions."""
    style = "".join(map(source, STYLES))
    texts = {"content": b64encode(content).decode()}
    return single_file(_page(), style, bundle_modules(WEB / "blind/file.js"), texts)


def served_blind_page() -> str:
    """Return the HTML of a page that asks its server for questions."""
    links = [f'<link rel="stylesheet" href="/page/{name}">\n' for name in STYLES]
    script = f'<script type="module" src="/page/{ENTRY}"></script>\n'
    return SERVED.sub(lambda _: "".join((*links, script)), _page(), 1)


def _page() -> str:
    """Return the messenger's page with the test in the messenger's place."""
    page = _TITLE.sub(lambda _: _NEW_TITLE, source("ui/index.html"), 1)
    return _MESSENGER.sub(lambda _: source("blind/blind.html"), page, 1)
