"""`chatbot status --watch`, as a user calls it."""

import contextlib
import json

from chatbot.cli.commands import status as command
from chatbot.training.families import run_folder
from chatbot.training.folder import Status, locked_run


def test_a_run_is_shown_until_it_ends(project, capsys, monkeypatch):
    folder = run_folder(project.config())
    with contextlib.ExitStack() as trainer:
        trainer.enter_context(locked_run(folder))
        folder.write_status(Status(state="running", step=1, max_steps=2))
        lines = [{"step": step, "loss": 3.0 - step} for step in (1, 2)]
        folder.metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))

        def end(_seconds):
            folder.write_status(Status(state="finished", step=2, max_steps=2))
            trainer.close()

        monkeypatch.setattr(command.time, "sleep", end)
        assert project.run("status", "--watch") == 0
    shown = capsys.readouterr().out
    assert shown.index("running") < shown.index("finished")
    assert shown.count("training    █▁  2.00 -> 1.00") == 2 and "\033" not in shown


def test_an_ended_run_is_shown_once(project, capsys):
    folder = run_folder(project.config())
    folder.path.mkdir(parents=True)
    folder.write_status(Status(state="finished"))
    assert project.run("status", "--watch") == 0
    assert capsys.readouterr().out.count("finished") == 1
