"""`chatbot status --html`, as a user calls it."""

import json

from chatbot.training.families import run_folder
from chatbot.training.folder import Status
from tests.evaluation.pages import Reader, assert_loads_nothing


def test_the_page_of_a_run_has_its_curves_and_replies_as_text(project, tmp_path):
    folder = run_folder(project.config())
    folder.path.mkdir(parents=True)
    folder.write_status(Status(state="finished"))
    lines = [
        {"step": s, "loss": 3.0 / s, "val_loss": 2.0, "val_bits_per_byte": 1.5} for s in (1, 2)
    ]
    folder.metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
    folder.samples.write_text("step 2: <b>뭐해</b> -> 응\n", encoding="utf-8")
    page_path = tmp_path / "run.html"
    assert project.run("status", "--html", str(page_path)) == 0
    page = page_path.read_text(encoding="utf-8")
    reader = Reader(page)
    assert "<b>뭐해</b> -> 응" in reader.text and reader.tags.count("polyline") == 3
    assert_loads_nothing(page)
    assert page_path.stat().st_mode & 0o077 == 0


def test_the_page_of_a_trained_run_tells_what_it_learned_from(trained, tmp_path, capsys):
    page_path = tmp_path / "run.html"
    assert trained.run("status", "--html", str(page_path)) == 0
    page = page_path.read_text(encoding="utf-8")
    heads = ("Throughput", "Memory", "Tokens per session", "Turns per session", "By hour")
    assert all(head in page for head in (*heads, "By weekday", "What is kept", "Not measured yet"))
    assert_loads_nothing(page)
    assert "readable by you only; it holds replies of the model" in capsys.readouterr().err


def test_a_page_without_the_data_of_its_run_shows_no_other(trained, tmp_path):
    assert trained.run("preprocess", "--set", "processed.preprocess.min_context_turns=2") == 0
    page_path = tmp_path / "run.html"
    assert trained.run("status", "--html", str(page_path)) == 0
    page = page_path.read_text(encoding="utf-8")
    assert "Throughput" in page and "Tokens per session" not in page and "By hour" not in page
