"""Choices between replies: stored in a chat, listed, shown, deleted, forgotten."""

from chatbot.corpus.preferences import Preference, add_preferences, preferences_path
from chatbot.inference.feedback import speakers_digest
from chatbot.inference.loading import run_model_path
from chatbot.model.bundle import read_bundle
from chatbot.privacy.vault import private_files
from tests.conftest import TINY

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


def store_ruled_pairs(project, n):
    """Store choices of a rule: "ㅇㅇ" is better than whatever else."""
    about = read_bundle(run_model_path(project.config())).about
    rows = [
        preference(
            i,
            context=[(1, f"질문 {i}")],
            chosen="ㅇㅇ",
            rejected=f"글쎄 {i} 모르겠는데",
            speakers=speakers_digest(about),
        )
        for i in range(n)
    ]
    add_preferences(rows, project.config())


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_too_few_pairs_are_refused_with_a_hint(trained, capsys):
    store_ruled_pairs(trained, 3)
    assert trained.run("prefer") == 2
    shown = capsys.readouterr().err
    assert "3 pairs are stored, 20 are needed" in shown and "preferences.store" in shown
    assert not (trained.root / "checkpoints/main-preferred").exists()


def test_pairs_of_other_speakers_train_nothing(trained, capsys):
    add_preferences([preference(i, speakers="others") for i in range(30)], trained.config())
    assert trained.run("prefer") == 2
    assert "0 pairs are stored (30 of other speakers)" in capsys.readouterr().err


def test_a_rule_is_learned_in_a_new_run_and_the_old_one_stays(trained, capsys):
    store_ruled_pairs(trained, 25)
    before = contents(trained.root / "checkpoints/main")
    learning = ("preferences.learning_rate=0.01", "preferences.max_worse=1")
    assert trained.run("prefer", settings=(*TINY, *learning)) == 0
    shown = capsys.readouterr()
    assert "moved towards the chosen reply" in shown.out and "the new run is better" in shown.err
    assert contents(trained.root / "checkpoints/main") == before
    model = "checkpoints/main-preferred/model.safetensors"
    assert read_bundle(trained.root / model).about.parent.run_name == "main"
    assert trained.run("reply", "안녕", "--set", f"dialogue.model={model}") == 0
    assert trained.run("prefer") == 2  # the name is taken
    assert "main-preferred already exists" in capsys.readouterr().err


def test_a_run_that_forgets_the_room_is_refused(trained, capsys):
    store_ruled_pairs(trained, 25)
    learning = ("preferences.learning_rate=0.3", "preferences.replay_weight=0.001")
    assert trained.run("prefer", "--run", "worse", settings=(*TINY, *learning)) == 2
    shown = capsys.readouterr().err
    assert "run worse is not better: " in shown and "bits per byte are +" in shown
    assert run_model_path(trained.config()).parent.name == "main"
