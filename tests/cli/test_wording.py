"""Whatever a message tells its reader to type exists, for each program and way to call it."""

import ast
import re
import shlex
import sys
from operator import attrgetter
from pathlib import Path

import pytest

from chatbot.cli.caller import VARIABLE, speller
from chatbot.cli.main import COMMANDS
from chatbot.cli.main import OURS as OUR_PROGRAM
from chatbot.errors import ConfigError
from chatbot.settings.aliases import load_sft_config, sft_naming
from chatbot.settings.naming import FILES, own_naming, schema_settings
from chatbot.sft_ops import SFT as SFT_PROGRAM
from chatbot.wording import OURS, SFT, Wording, spelled_out
from tests.package import MODULES, name_of

OUR_SETTINGS, SFT_SETTINGS = own_naming().settings, sft_naming("sft").settings
ALIASES = sft_naming("sft").aliases
SCHEMA = schema_settings()
# Marks that name what is neither: other programs' commands, the reader's own words.
OTHER = (
    "age -d",
    "hf auth login",
    "key: value",
    "export",
    "export --to hf",
    "train",
    "publish.privacy",
    *("reply", "chat", "serve"),
    *("qna.source", "qna.source.columns", "qna.prepare", "qna.prepare.{}", "qna.answering"),
    "[^",  # of a pattern
)
OF_A_BASE = re.compile(
    r"chatbot\.(cli\.commands\.sft\.|sft_|settings\.aliases|(training|cli\.plans)\.pretrained|model\.pretrained|corpus\.(hf_|chat_template)|inference\.tuned|publishing\.tuned)"
)
OURS_ONLY = re.compile(
    r"chatbot\.(cli\.commands\.(demo|_qna_demo|privacy|forget|import|publish|export)$|(model|training|cli\.plans)\.gpt|training\.recipe|evaluation|privacy)"
)


def literals(path):
    """Every text of a module that is no docstring; "{}" for what is filled in."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    skipped = inner | docs
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
            )
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in skipped
        ):
            yield node.value


def marks():
    for path in MODULES:
        if path.name == "wording.py":
            continue
        for text in literals(path):
            for mark in re.findall(r"`([^`\n]+)`", text):
                yield name_of(path), mark


def command_in(mark):
    for program, table in ((SFT, SFT_PROGRAM.commands), (OURS, COMMANDS)):
        if mark.startswith(f"{program} "):
            return mark.removeprefix(f"{program} ").split()[0], table
    return None


def test_every_mark_names_a_command_or_a_setting_that_exists():
    n_commands = n_settings = 0
    for module, mark in marks():
        if (found := command_in(mark)) is not None:
            assert found[0] in found[1], (module, mark)
            n_commands += 1
        elif mark.startswith("configs/"):
            assert mark.removeprefix("configs/") in FILES, (module, mark)
        elif mark not in OTHER and not mark.startswith("{}"):
            settings = SCHEMA.keys()
            settings |= SFT_SETTINGS.keys() if OF_A_BASE.match(module) else set()
            assert mark.partition(":")[0] in settings, (module, mark)
            n_settings += 1
    assert n_commands > 40 and n_settings > 15


def any_of(names):
    """A pattern of any of the names, each whole."""
    return re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, names))})(?![\w.])")


def test_a_setting_that_a_base_calls_otherwise_is_marked_where_both_programs_come():
    renamed = any_of(name for name, alias in ALIASES.items() if "." in name and name != alias)
    own = any_of(
        name
        for name in OUR_SETTINGS
        if "." in name and name not in ALIASES and name not in SFT_SETTINGS
        if not name.startswith("qna.")  # of both programs
    )
    for path in MODULES:
        if OF_A_BASE.match(name_of(path)) or OURS_ONLY.match(name_of(path)):
            continue
        for text in literals(path):
            if text in SCHEMA:
                continue  # a name alone is no message
            plain = re.sub(r"`[^`]*`", "", text)
            assert not renamed.search(plain), (path, text)
            assert not own.search(text), (path, text)  # a base has nothing like it


PROBES = (
    True, False, 3, 7, 100, 0.25, 0.015, 0.00001, 1.5, "sessions", "all", "persona", "cosine", "constant",
    "adamw", "muon", "cpu", "float32", "group", "full", "chat", "eager", "probe", ["probe"],
)  # fmt: skip
NOT_ONE_TO_ONE = (
    "processed.preprocess.targets",
    "processed.preprocess.corpus_mode",
    "objective.loss_mode",
)


@pytest.mark.parametrize("name", sorted(set(ALIASES) - set(NOT_ONE_TO_ONE)))
def test_an_alias_is_the_same_setting(name, tmp_path):
    default = attrgetter(name)(load_sft_config(tmp_path))
    seen = []
    for probe in PROBES:
        try:
            found = attrgetter(name)(load_sft_config(tmp_path, (f"{ALIASES[name]}={probe}",)))
        except ConfigError:
            continue
        seen.append(found != default)
    assert any(seen)


@pytest.mark.parametrize(("stage", "name"), [("cpt", "cpt_training"), ("sft", "training")])
def test_an_error_speaks_of_the_setting_that_was_typed(tmp_path, stage, name):
    with pytest.raises(ConfigError) as caught:
        load_sft_config(tmp_path, (f"{name}.min_lr=1", f"{name}.learning_rate=0.5"), stage)
    assert str(caught.value).startswith(f"`{name}.min_lr` is above `{name}.learning_rate`")
    assert caught.value.hint == f"lower `{name}.min_lr`"


@pytest.mark.slow
def test_a_base_without_a_password_is_told_of_the_program_that_makes_one(tuned, capsys):
    project = tuned("qwen2")
    (project.root / ".env").unlink()
    assert project.run("reply", "안녕") == 2
    assert "hint: `chatbot password` makes one" in capsys.readouterr().err


WAYS = {
    "make": (["make"], ["make sft"]),
    "scripts/run.sh": (["scripts/run.sh"], ["scripts/run.sh sft"]),
    "": (
        [f"{Path(sys.executable)} -m chatbot", "python -m chatbot"],
        [f"{Path(sys.executable)} -m chatbot.sft_ops", "python -m chatbot.sft_ops"],
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_command_is_written_as_it_is_called(way, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    spell = speller("/x/chatbot/__main__.py", {VARIABLE: way} if way else {})
    for program, begins in zip((OURS, SFT), WAYS[way], strict=True):
        line = spell(program, "organize --dry")
        assert any(line.startswith(begin) for begin in begins), line
        assert shlex.split(line)  # a shell reads it


def test_what_is_not_on_the_path_is_named_by_its_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin")
    spell = speller(str(tmp_path / ".venv/bin/chatbot"), {})
    assert spell(OURS, "train") == ".venv/bin/chatbot train"
    monkeypatch.setenv("PATH", str(tmp_path / ".venv/bin"))
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/chatbot").touch(0o755)
    assert speller(str(tmp_path / ".venv/bin/chatbot"), {})(OURS, "train") == "chatbot train"


def test_make_is_given_arguments_as_make_takes_them():
    spell = speller("x", {VARIABLE: "make"})
    assert spell(OURS, "train") == "make train"
    assert spell(OURS, "chat --root data/demo") == "make chat ROOT=data/demo"
    assert spell(OURS, "train --resume PATH") == "make train ARGS='--resume PATH'"
    assert spell(OURS, 'reply "오늘 뭐함"') == 'make reply TEXT="오늘 뭐함"'
    assert spell(SFT, "export --merged DIR") == "make sft CMD=export ARGS='--merged DIR'"


def test_each_program_names_its_own_commands_and_settings():
    text = (
        "`chatbot train`, `chatbot password`, `processed.rooms` in `configs/paths.yaml`, `age -d`"
    )
    assert OUR_PROGRAM.wording(spelled_out).render(text) == text
    assert SFT_PROGRAM.wording(spelled_out).render(text) == (
        "`python -m chatbot.sft_ops train`, `chatbot password`, `data.rooms` in `configs/sft.yaml`, `age -d`"
    )
    assert Wording().render("a `b") == "a `b"
