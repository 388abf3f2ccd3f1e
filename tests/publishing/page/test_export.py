"""`chatbot export --to page`: the passphrase is shown once, and what is refused leaves no file."""

import gzip
import json

import pytest

from chatbot.crypto.age_keys import DRAWN
from chatbot.publishing.export import Refusal, exports_of
from chatbot.publishing.page.lock import unlock
from tests.publishing.page.models import content_of

OWN = "an invented phrase of seven words here 태풍"


@pytest.fixture
def target(trained, monkeypatch):
    monkeypatch.delenv("CHATBOT_PAGE_PASSPHRASE", raising=False)
    return trained.root / "artifacts/page.html"


def test_the_drawn_passphrase_is_shown_once_and_opens_the_file(trained, target, capsys):
    assert trained.run("export", "--to", "page") == 0
    shown = capsys.readouterr()
    phrase = shown.out.strip()
    assert DRAWN.fullmatch(phrase) and phrase not in shown.err
    assert f"written to {target}" in shown.err and "not encrypted" not in shown.err
    payload = unlock(content_of(target), phrase)
    description = json.loads(
        gzip.decompress(payload[4 : 4 + int.from_bytes(payload[:4], "little")])
    )
    assert description["personas"] == [{"id": "0", "name": "도윤"}]
    assert "도윤" not in target.read_text(encoding="utf-8")


def test_a_file_that_exists_is_not_replaced(trained, target, capsys):
    target.parent.mkdir(exist_ok=True)
    target.write_text("mine")
    assert trained.run("export", "--to", "page") == 2
    assert "already exists" in capsys.readouterr().err and target.read_text() == "mine"


def test_an_own_passphrase_is_taken_and_not_shown(trained, target, capsys, monkeypatch):
    monkeypatch.setenv("CHATBOT_PAGE_PASSPHRASE", OWN)
    assert trained.run("export", "--to", "page", "--dtype", "fp16") == 0
    shown = capsys.readouterr()
    assert shown.out == "" and OWN not in shown.err
    assert unlock(content_of(target), OWN)


def test_a_passphrase_that_can_be_guessed_is_refused(trained, target, capsys, monkeypatch):
    monkeypatch.setenv("CHATBOT_PAGE_PASSPHRASE", "12345678")
    assert trained.run("export", "--to", "page") == 2
    shown = capsys.readouterr().err
    assert "can be guessed" in shown and "--weak-key" not in shown and not target.exists()


@pytest.mark.parametrize("is_merged", [True, False])
def test_a_base_is_refused_with_what_to_do_instead(is_merged):
    refusal = exports_of("pretrained")["page", is_merged]
    assert isinstance(refusal, Refusal)
    assert "gigabytes" in refusal.message and "`chatbot serve`" in refusal.hint
