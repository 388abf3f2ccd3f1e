"""Text of a model, an export or a file is shown, never obeyed by the terminal."""

import contextlib
import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.cli.main import explain, main
from chatbot.cli.screen import display, say
from tests.corpus.texts import tokenizer
from tests.inference.parrot import make_bot

DIRECTIONS = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
HOSTILE = {
    "title": "\x1b]0;owned\x07",
    "clipboard": "\x1b]52;c;cm0gLXJmIH4=\x1b\\",
    "cursor": "가\x1b[2J\x1b[1;1H\x08\x08",
    "overwritten": "rm -rf ~\rls",
    "c1": "\x9b31m\x90\x9c",
    "bidi": "abc\u202egpj.exe\u2066",
}
INTACT = "👩‍❤️‍👨 🏳️‍🌈 1️⃣ 각힣 ㅋㅋ ㅠ 각"  # joiners, selectors, Hangul whole and in parts


def obeyed(text):
    """Return what a terminal obeys in a text instead of showing it."""
    return [
        char
        for char in text
        if (unicodedata.category(char) in ("Cc", "Cs") and char != "\n") or char in DIRECTIONS
    ]


@given(st.text(st.characters()))
def test_no_control_character_but_a_line_break_is_shown(text):
    shown, said = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(said):
        display(text)
        display(text, end="", colour=32)
        say(text)
        explain(text, text)
    assert not obeyed(shown.getvalue() + said.getvalue())
    visible = "".join(c for c in text.replace("\t", " " * 4) if not obeyed(c))
    assert shown.getvalue().replace("\x1b[32m", "").count(visible) >= 2


def test_emoji_korean_and_tabs_stay(capsys):
    display(f"{INTACT}\tb")
    assert capsys.readouterr().out == f"{INTACT}    b\n"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("command", ["reply", "chat", "smoke", "bridge"])
def test_what_a_vocabulary_spells_is_shown(tmp_path, capsys, monkeypatch, command, text):
    bot, _ = make_bot(tokenizer().encode(text), {"max_new_tokens": 60}, leak_guard=False)
    monkeypatch.setattr(bot, "wants_to_reply", lambda: True)
    monkeypatch.setattr(f"chatbot.cli.commands.{command}.open_bot", lambda _config: bot)
    monkeypatch.setattr("sys.stdin", io.StringIO("가람: 안녕\n"))
    lines = iter(["안녕", "/exit"])
    monkeypatch.setattr("builtins.input", lambda _prompt: next(lines))
    more = {"reply": ["안녕"], "bridge": ["--dry"]}.get(command, [])
    assert main([command, "--root", str(tmp_path), *more]) == 0
    shown = "".join(capsys.readouterr())
    assert not obeyed(shown) and text.translate(dict.fromkeys(range(32)))[:3][-1:] in shown


def test_names_in_errors_are_shown(capsys):
    name = HOSTILE["title"] + HOSTILE["bidi"]
    explain(f"the model was trained on {name}", f"set model.base_model to {name}")
    assert not obeyed("".join(capsys.readouterr()))
