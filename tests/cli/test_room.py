"""`chatbot room`, as a user calls it."""

import json

import pytest

from chatbot.cli.invented_room import FRIEND
from chatbot.serving.auth import hash_password


@pytest.fixture
def organized(project, export):
    project.add_export("KakaoTalkChats.txt", export)
    assert project.run("organize") == 0
    return project


def test_a_room_is_shown_before_training_and_its_page_is_private(organized, tmp_path, capsys):
    page = tmp_path / "room.html"
    assert organized.run("room", FRIEND, "--html", str(page), settings=()) == 0
    assert page.stat().st_mode & 0o077 == 0 and FRIEND in page.read_text(encoding="utf-8")
    assert FRIEND in capsys.readouterr().out
    assert not (organized.root / "data/processed/train.bin").exists()


def test_kept_and_dropped_messages_are_all_that_were_read(organized, capsys):
    assert organized.run("room", settings=()) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    counts = {line[0]: int(line[-1].replace(",", "")) for line in lines if line[:1] == ["seen"]}
    parts = [
        int(line[-1].replace(",", "")) for line in lines if line[:1] in (["kept"], ["dropped"])
    ]
    assert counts["seen"] == sum(parts)


def test_a_stranger_sees_nothing(organized, capsys):
    line = f"CHATBOT_PASSWORD_HASH='{hash_password('b')}'\n"
    (organized.root / ".env").write_text(line, encoding="utf-8")
    capsys.readouterr()
    assert organized.run("room", settings=()) == 2
    assert FRIEND not in capsys.readouterr().out


def test_a_room_that_is_not_there_is_named_nowhere(organized, capsys):
    assert organized.run("room", "없는 방", settings=()) == 2
    assert "없는 방" not in capsys.readouterr().err


def test_the_members_talk_by_themselves_and_the_same_seed_says_the_same(trained, capsys):
    capsys.readouterr()
    said = []
    for _ in range(2):
        assert trained.run("room", "--simulate", "--turns", "3", "--speed", "0", "--seed", "1") == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] and said[0].startswith("AI simulation")


def test_the_comparison_of_a_simulation_holds_no_name_and_no_text(trained, capsys):
    capsys.readouterr()
    assert trained.run("room", "--simulate", "--turns", "2", "--topic", "저녁 뭐", "--json") == 0
    output = capsys.readouterr().out
    report = json.loads(output)
    assert report["n_messages"] >= 2 and report["label"].startswith("AI simulation")
    assert FRIEND not in output and "저녁" not in output


def test_options_of_the_simulation_need_it(organized, capsys):
    assert organized.run("room", "--turns", "3", settings=()) == 2
    assert "--turns belongs to --simulate" in capsys.readouterr().err
