"""The house rules: layers, lengths, and that help, Makefile, scripts and README tell the same."""

import argparse
import ast
import re
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace

from chatbot.cli.main import COMMANDS, OURS, build_parser
from chatbot.settings.aliases import STAGES, load_sft_config, sft_naming
from chatbot.settings.load import load_config
from chatbot.settings.naming import own_naming
from chatbot.settings.schema import Config
from chatbot.sft_ops import SFT
from tests.conftest import NO_CONFIGS, REPOSITORY
from tests.package import MODULES, PACKAGE, name_of

# Top to bottom: a stage imports what stands above it, never what stands below.
# `families` is where a plug-in keeps a whole family in one folder: only the registry names it.
LAYERS = (
    "errors", "conversation", "wording", "listener", "settings", "storage", "crypto", "ingest", "corpus", "retrieval", "model",
    "training",
    "inference", "evaluation", "privacy", "publishing", "serving", "cli", "families", "ops", "sft_ops", "__main__",
)  # fmt: skip
READMES = ("README.md", "README.ko.md")
PAGES = ("docs/settings.md", "docs/settings.ko.md")


def read(path: str) -> str:
    return (REPOSITORY / path).read_text(encoding="utf-8")


def imports_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                is_module = (REPOSITORY / inner.replace(".", "/")).with_suffix(".py").exists()
                names.add(inner if is_module else node.module)
    return names


def layer_of(module: str) -> str:
    return module.split(".")[1] if "." in module else "errors"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_stage_imports_only_what_stands_above_it(path):
    own = LAYERS.index(layer_of(name_of(path)))
    for name in imports_of(path):
        if name.startswith("chatbot.") and layer_of(name) in LAYERS:
            assert LAYERS.index(layer_of(name)) <= own, f"{name_of(path)} imports {name}"


def test_no_file_imports_in_a_circle():
    known = {name_of(path) for path in MODULES}
    graph = {name_of(path): (imports_of(path) & known) - {name_of(path)} for path in MODULES}
    assert list(TopologicalSorter(graph).static_order())


def test_no_test_module_is_imported_by_another():
    """What tests share stands in a module of its own: a moved test breaks no other."""
    borrowed = [
        f"{path.name} imports {name}"
        for folder in ("tests", "benchmarks")
        for path in (REPOSITORY / folder).rglob("*.py")
        for name in imports_of(path)
        if re.match(r"tests\.(\w+\.)*test_", name)
    ]
    assert not borrowed


def test_files_are_at_most_400_lines():
    long = [
        path
        for folder in ("chatbot", "tests", "benchmarks")
        for path in (REPOSITORY / folder).rglob("*.py")
        if len(path.read_text(encoding="utf-8").splitlines()) > 400
    ]
    assert not long


def test_functions_are_at_most_60_lines():
    long = [
        f"{name_of(path)}.{node.name}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= 60
    ]
    assert not long


def test_every_public_function_has_a_docstring():
    bare = [
        f"{name_of(path)}.{node.name}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and ast.get_docstring(node) is None
        and not _is_nested(path, node)
    ]
    assert not bare


def _is_nested(path: Path, node: ast.AST) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(
        isinstance(outer, ast.FunctionDef)
        and any(
            getattr(inner, "lineno", 0) == node.lineno
            for inner in ast.walk(outer)
            if inner is not outer
        )
        for outer in ast.walk(tree)
    )


def test_commands_are_the_modules_of_the_folder():
    files = {path.stem for path in (PACKAGE / "cli/commands").glob("[!_]*.py")}
    assert {name.replace("-", "_") for name in COMMANDS} == files


def test_the_table_for_a_base_is_a_part_of_all_commands():
    assert set(SFT.commands) <= set(COMMANDS)


def test_help_imports_no_torch_and_lists_every_command():
    code = "import sys, chatbot.cli.main as o; print(o.build_parser().format_help()); print('torch' in sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert shown.endswith("False\n")
    assert all(re.search(rf"^    {name}\b", shown, re.MULTILINE) for name in COMMANDS)


def test_makefile_has_a_target_for_every_command():
    targets = re.findall(r"^([a-z-]+):.*##", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    wanted = {"help", "demo", "test", "test-fast", "check", "bench", "clean", *COMMANDS}
    assert wanted <= set(targets)


@pytest.mark.parametrize("readme", READMES)
def test_readme_names_every_command_and_no_other(readme):
    text = read(readme)
    rows = re.findall(r"^\| `chatbot ([a-z-]+)", text, re.MULTILINE)
    assert sorted(rows) == sorted(COMMANDS)


def words_of(parser: argparse.ArgumentParser) -> set[str]:
    """Return the options of a command, and its subcommands with theirs."""
    words = {o for a in parser._actions for o in a.option_strings if o.startswith("--")}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            words |= action.choices.keys()
            words = words.union(*map(words_of, action.choices.values()))
    return words


@pytest.mark.parametrize("readme", READMES)
def test_readme_lists_every_option_of_every_command(readme):
    text = read(readme)
    rows = {
        match[1]: match[0]
        for match in re.finditer(r"^\| `chatbot ([a-z-]+).*$", text, re.MULTILINE)
    }
    subparsers = next(a for a in build_parser()._actions if a.dest == "command").choices
    for name, parser in subparsers.items():
        for word in words_of(parser) - {"--help", "--root", "--set"}:
            assert word in rows[name], f"{readme}: {name} {word}"


@pytest.mark.parametrize(("readme", "page"), [*zip(READMES, PAGES, strict=True)])
def test_readme_lists_ten_settings_as_their_reference_does(readme, page):
    rows = re.findall(r"^\| `[a-z0-9_.]+` \| `[^|]*` \|.*$", read(readme), re.MULTILINE)
    assert len(rows) == 10 and set(rows) <= set(read(page).splitlines())
    assert page in read(readme)


def test_both_readmes_list_the_same_settings():
    names = [
        re.findall(r"^\| `([a-z0-9_.]+)` \| `[^|]*` \|", read(r), re.MULTILINE) for r in READMES
    ]
    assert names[0] == names[1]


def test_configs_hold_every_setting_at_its_default(project):
    configs = project.root / "configs"
    assert load_config(project.root) == Config(root=str(project.root))
    for stage in STAGES:
        defaults = replace(load_sft_config(NO_CONFIGS, (), stage), root=str(project.root))
        assert load_sft_config(project.root, (), stage) == defaults
    for naming in (own_naming(), sft_naming("sft")):
        texts = [(configs / file).read_text(encoding="utf-8") for file in naming.files]
        written = {key: value for text in texts for key, value in yaml.safe_load(text).items()}
        for name in naming.settings:
            section = written
            for key in name.split("."):
                assert key in section, name
                section = section[key]


def test_configs_of_the_repository_are_those_that_init_writes(project):
    for path in (project.root / "configs").iterdir():
        # As git has them: those in the folder are their user's to edit.
        kept = subprocess.run(
            ["git", "show", f":configs/{path.name}"], cwd=REPOSITORY, capture_output=True
        )
        if kept.returncode:
            pytest.skip("no git repository")
        assert kept.stdout == path.read_bytes(), path.name


def test_every_command_says_in_one_line_what_it_does():
    for program in (OURS, SFT):
        for name in program.commands:
            summary = program.load_command(name).__doc__.splitlines()[0]
            assert summary.endswith((".", "end.", "it.")) and len(summary) < 100


def test_env_example_holds_no_secret():
    lines = (REPOSITORY / ".env.example").read_text().splitlines()
    assert [line for line in lines if "=" in line] == [
        "CHATBOT_PASSWORD=",
        "CHATBOT_MODEL_KEY=",
        "CHATBOT_PASSWORD_HASH=",
        "CHATBOT_KAKAO_SECRET=",
        "CHATBOT_STOCK_KEY=",
        "DB_URL=",
        "DB_USER=",
        "DB_PASSWORD=",
        "DB_HOST=",
        "DB_PORT=",
        "DB_NAME=",
    ]


def test_a_package_holds_every_file_of_the_program():
    project = tomllib.loads(read("pyproject.toml"))["tool"]["setuptools"]["package-data"]
    packed = {path for pattern in project["chatbot"] for path in PACKAGE.glob(pattern)}
    files = {path for path in PACKAGE.rglob("*") if path.is_file()} - set(MODULES)
    assert {path for path in files if "__pycache__" not in path.parts} <= packed
    assert not [path for path in files if path.name.startswith(".")]  # packages leave these out


def test_private_folders_are_ignored_by_git():
    private = [
        "data/raw/organized/x.txt",
        "data/processed/train.bin",
        ".env",
        "KakaoTalkChats.txt",
        "chat.csv",
        "export.zip",
        "checkpoints/main/latest.pt",
        "artifacts/model.safetensors",
        "mine.gguf",
        "mine.Modelfile",
        "data/raw/inbox/chat.txt",
    ]
    shown = subprocess.run(
        ["git", "check-ignore", *private], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert shown.stdout.split() == private
