"""`chatbot doctor` as a user and as a script meets it: sentences, JSON, exit status, privacy."""

import json
import os
import re
import subprocess

import pytest

from chatbot.cli.doctor_screen import Words
from chatbot.cli.environment import check_environment
from chatbot.cli.language import LANGUAGES, language_of
from chatbot.ingest.readers import recognize
from chatbot.ingest.readers.account import LINE_CLASSES
from chatbot.ingest.readers.recognize import FileKind
from chatbot.ingest.readers.registry import READERS
from tests.ingest.doctor.broken import BROKEN, PLANTED, android, chat
from tests.package import PACKAGE

SHAPE_OF_JSON = {
    "": {"version", "is_fine", "files", "across", "environment"},
    "file": {
        *("name", "size_bytes", "format", "device", "language", "encoding", "first", "last"),
        *("speakers", "unit", "n_lines", "lines", "kinds", "unknown_shapes", "amount", "findings"),
    },
    "amount": {"n_messages", "n_sessions", "n_tokens", "persona_percent"},
    "finding": {"code", "level", "values", "lines", "others", "aliases"},
}


@pytest.fixture
def doctor(project, capfd):
    def doctor(*arguments):
        status = project.run("doctor", *map(str, arguments))
        return status, capfd.readouterr().out

    return doctor


@pytest.fixture
def file(tmp_path):
    def file(content, name="chat.txt"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return file


def codes_of(config):
    return {finding.code: finding for finding in check_environment(config)}


def test_a_good_export_is_fine(doctor, file):
    status, shown = doctor("--language", "ko", file(android(chat())))
    assert status == 0 and shown.endswith("손볼 것이 없습니다.\n")


def test_a_broken_export_needs_attention(doctor, file):
    status, shown = doctor("--language", "en", file(b""))
    assert status == 1 and shown.endswith("Needing attention: 1.\n")


def test_a_missing_file_cannot_be_examined(doctor, tmp_path):
    assert doctor(tmp_path / "gone.txt")[0] == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_ten_broken_files_at_once_show_no_text(doctor, file, language):
    for make, _ in BROKEN.values():
        for name, content in make().items():
            folder = file(content, name).parent
    status, shown = doctor("--language", language, folder)
    assert status == 1 and PLANTED not in shown


def test_json_has_a_stable_shape(doctor, file):
    document = json.loads(doctor("--json", file(android(chat(99))))[1])
    assert document["version"] == 1 and document.keys() == SHAPE_OF_JSON[""]
    (report,) = document["files"]
    assert report.keys() == SHAPE_OF_JSON["file"]
    assert report["amount"].keys() == SHAPE_OF_JSON["amount"]
    assert report["findings"] == [
        {"code": "too_few", "level": "attention", "values": {"n": 99, "least": 100}}
    ]
    assert all(finding.keys() <= SHAPE_OF_JSON["finding"] for finding in report["findings"])


def test_without_a_file_the_project_and_the_computer_are_examined(project, doctor):
    project.add_export("chat.txt", android(chat()))
    document = json.loads(doctor("--json")[1])
    assert [report["name"] for report in document["files"]] == ["chat.txt"]
    codes = {finding["code"] for finding in document["environment"]}
    assert {"versions", "threads", "disk", "password", "closed_to_others"} <= codes


def test_a_filed_export_is_examined_once(project, doctor, capfd):
    project.add_export("chat.txt", android(chat()))
    assert project.run("organize") == 0
    capfd.readouterr()
    document = json.loads(doctor("--json")[1])
    assert len(document["files"]) == 1 and document["across"] == []


def test_the_terminal_decides_the_language(doctor, monkeypatch):
    monkeypatch.setenv("LC_ALL", "ko_KR.UTF-8")
    assert "이 컴퓨터와 프로젝트" in doctor()[1]
    monkeypatch.setenv("LC_ALL", "C")
    assert "This computer and project" in doctor()[1]


@pytest.mark.parametrize(
    ("environment", "language"),
    [({"LANG": "ko_KR.UTF-8"}, "ko"), ({"LANG": "de_DE"}, "en"), ({"LC_MESSAGES": "ko"}, "ko")],
)
def test_posix_names_the_language(environment, language):
    assert language_of(environment) == language


def test_every_finding_has_a_sentence_in_both_languages():
    sources = [*PACKAGE.glob("ingest/doctor/*.py"), PACKAGE / "cli/environment.py"]
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    codes = set(re.findall(r'(?:attention|note|fine|Finding)\(\s*"(\w+)"', text))
    codes |= set(re.findall(r'code = "(\w+)" if .* else "(\w+)"', text)[0])
    written = Words.read("ko").words["findings"]
    assert codes <= written.keys() and all(each.keys() == {"ko", "en"} for each in written.values())
    for each in written.values():
        fields = [set(re.findall(r"\{(\w+)", each[language])) for language in LANGUAGES]
        assert fields[0] == fields[1]


def test_every_format_and_class_of_lines_has_a_name():
    words = Words.read("ko").words
    assert {reader.name for reader in READERS} == words["formats"].keys()
    assert set(LINE_CLASSES) == words["lines"].keys()
    assert words["labels"]["ko"].keys() == words["labels"]["en"].keys()


def test_every_kind_of_file_has_a_korean_name():
    signed = [each.kind for each in (*recognize._BINARY, *recognize._TEXT, *recognize._ZIPPED)]
    alone = [each for each in vars(recognize).values() if isinstance(each, FileKind)]
    kinds = {kind.name for kind in (*signed, *alone, *recognize._BY_ENDING.values())}
    assert kinds == Words.read("ko").words["kinds"].keys()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"abc\ndef\n", "아는 형식이 아님"),
        (b"1/2/25, 09:01 - Mina: hi\n", "순서를 알 수 없음"),
        (android(chat(5)) + android(chat(5), "다른 방"), "10번째 줄부터 다른 방"),
    ],
)
def test_what_readers_refuse_is_said_in_korean(content, reason, doctor, file):
    status, shown = doctor("--language", "ko", file(content))
    assert status == 1 and reason in shown


def test_a_project_without_a_password_needs_one(project):
    (project.root / ".env").unlink()
    assert codes_of(project.config())["no_password"].level == "attention"


@pytest.mark.skipif(os.name == "nt", reason="no permissions")
def test_folders_that_others_can_read_are_named(project):
    folder = project.root / "data"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    readable = codes_of(project.config())["readable"]
    assert readable.level == "attention" and str(folder) in readable.others


def test_private_data_that_git_would_take_is_named(project):
    git = ["git", "-C", str(project.root)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    config = project.config()
    assert "data" in codes_of(config)["not_ignored"].others
    ignored = "data/\ncheckpoints/\nartifacts/\n.env\n"
    (project.root / ".gitignore").write_text(ignored, encoding="utf-8")
    assert "ignored" in codes_of(config)
    subprocess.run([*git, "add", "--force", ".env"], check=True)
    assert codes_of(config)["tracked"].values == {"n": 1}


def test_a_package_that_a_setting_needs_is_named(project, monkeypatch):
    monkeypatch.setattr("chatbot.cli.environment.find_spec", lambda name: None)
    missing = codes_of(project.config("qna.answering.index=kiwi"))["no_extra"]
    assert missing.values == {
        "setting": "qna.answering.index",
        "name": "kiwipiepy",
        "extra": "chatbot[morphemes]",
    }
