"""Choices between replies: stored in a chat, listed, shown, deleted, forgotten."""

from chatbot.corpus.preferences import Preference, add_preferences, preferences_path
from chatbot.privacy.vault import private_files

STORED = ("--set", "preferences.store=true", "--set", "sampling.seed=1")


def chat(project, monkeypatch, *lines):
    typed = iter([*lines, "/exit"])
    monkeypatch.setattr("builtins.input", lambda _prompt: next(typed))
    assert project.run("chat", *STORED) == 0


def preference(number, **more):
    values = {"kind": "retry", "context": [(1, f"질문 {number}")], "speaker": 0, "model": "main 1"}
    values |= {"chosen": "응", "rejected": f"아니 {number}", "speakers": "", "at": "2025-03-01"}
    return Preference(**values | more)


def test_a_chat_stores_edits_that_are_listed_shown_and_deleted(trained, monkeypatch, capsys):
    chat(trained, monkeypatch, "뭐해", "/edit 나 지금 밥 먹어", "그렇구나", "/undo")
    assert "are stored here, encrypted" in capsys.readouterr().err
    assert trained.run("prefer", "--list") == 0
    listed = capsys.readouterr().out
    assert "edit" in listed and "undo" in listed and "밥 먹어" not in listed
    assert trained.run("prefer", "--show") == 0
    assert "나 지금 밥 먹어" in capsys.readouterr().out
    assert preferences_path(trained.config()) in private_files(trained.config())
    assert trained.run("prefer", "--delete") == 0
    assert not [*(trained.root / "data/raw").glob("preferences*")]


def test_forgetting_takes_the_choices_along(processed, capsys):
    add_preferences([preference(1)], processed.config())
    assert processed.run("forget", "--before", "2025-03-08") == 0
    assert "stored choices" in capsys.readouterr().err
    assert not preferences_path(processed.config()).exists()


def ruled_pairs(n):
    """A rule: "ㅇㅇ" is better than whatever else."""
    return [
        preference(i, context=[(1, f"질문 {i}")], chosen="ㅇㅇ", rejected=f"글쎄 {i} 모르겠는데")
        for i in range(n)
    ]


def test_too_few_pairs_are_refused_with_a_hint(trained, capsys):
    add_preferences(ruled_pairs(3), trained.config())
    assert trained.run("prefer") == 2
    shown = capsys.readouterr().err
    assert "3 pairs are stored" in shown or "of other speakers" in shown
    assert (
        "preferences.store" in shown and not (trained.root / "checkpoints/main-preferred").exists()
    )
