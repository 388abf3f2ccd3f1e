"""The shape of the package's code: `python benchmarks/shape.py [--at REV ...]`.

Prints one column for every git revision named, and for the working tree when none is.
"""

import argparse
import ast
import io
import re
import statistics
import subprocess
import tarfile
import tempfile
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = "chatbot"
# A question about which network is trained: a family's own folder may ask, nobody else.
FAMILY_FOLDERS = ("chatbot/model/gpt/", "chatbot/model/pretrained/")
FAMILY_BRANCH = re.compile(
    r"\bpretrained is (?:not )?None\b"
    r"|\bfamily (?:[!=]=|(?:not )?in) \(?[\"']|\bmatch [\w.]*family\b"
)


@dataclass(frozen=True)
class Module:
    """One file of the package."""

    path: Path  # relative to the repository
    text: str

    @property
    def name(self) -> str:
        """Return the name to import it by: `chatbot.model.device`."""
        return ".".join(self.path.with_suffix("").parts).removesuffix(".__init__")

    @property
    def n_lines(self) -> int:
        """Count all lines, empty ones too."""
        return len(self.text.splitlines())

    @cached_property
    def tree(self) -> ast.Module:
        """Parse the text."""
        return ast.parse(self.text)

    @property
    def function_lengths(self) -> list[int]:
        """Count the lines of each function, from `def` to its last line."""
        return [
            node.end_lineno - node.lineno + 1
            for node in ast.walk(self.tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
        ]

    @property
    def n_comment_lines(self) -> int:
        """Count the lines that hold a comment, docstrings excluded."""
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return sum(token.type == tokenize.COMMENT for token in tokens)

    @property
    def imports(self) -> set[str]:
        """Name every module or attribute that an import statement asks for, lazily or not."""
        names = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        return names


@dataclass(frozen=True)
class Package:
    """The package at one revision."""

    modules: tuple[Module, ...]

    @cached_property
    def graph(self) -> dict[str, set[str]]:
        """Map each module to the modules of the package that it imports."""
        names = {module.name for module in self.modules} - {PACKAGE}
        graph = {}
        for module in self.modules:
            imports = module.imports & names
            # `from a.b import c` names a.b too; where a.b.c is a module, only that one counts.
            packages = {name for name in imports if any(i.startswith(f"{name}.") for i in imports)}
            graph[module.name] = imports - packages - {module.name}
        return graph

    def reach(self, names: set[str]) -> set[str]:
        """Return these modules and all that they import, and so on."""
        reached: set[str] = set()
        while names:
            reached |= names
            names = {other for name in names for other in self.graph[name]} - reached
        return reached

    def count(self, pattern: str | re.Pattern[str], outside: tuple[str, ...] = ()) -> int:
        """Count the places where a pattern occurs, outside some folders."""
        return sum(
            len(re.findall(pattern, module.text))
            for module in self.modules
            if not module.path.as_posix().startswith(outside)
        )

    @property
    def command_modules(self) -> dict[str, set[str]]:
        """Map each command to its modules: one, and one more if a program has its own."""
        files = [module.path for module in self.modules if "commands" in module.path.parts]
        own = [path for path in files if path.parent.name == "commands"]
        commands = {path.stem for path in own if not path.stem.startswith("_")}
        return {
            command: {Module(path, "").name for path in files if path.stem == command}
            for command in sorted(commands)
        }

    @property
    def command_line_modules(self) -> set[str]:
        """Name the modules of the folders that only the command line uses."""
        return {
            module.name
            for module in self.modules
            if {"cli", "commands"} & set(module.path.parts) or module.path.stem.endswith("ops")
        }


def package_at(revision: str | None) -> Package:
    """Read the package of a revision, or of the working tree."""
    if revision is None:
        return read_package(REPOSITORY)
    command = ["git", "archive", revision, PACKAGE]
    archive = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
        return read_package(Path(folder))


def read_package(root: Path) -> Package:
    """Read every module of the package below a folder."""
    paths = sorted((root / PACKAGE).rglob("*.py"))
    return Package(
        tuple(Module(path.relative_to(root), path.read_text(encoding="utf-8")) for path in paths)
    )


def distribution(values: list[int]) -> str:
    """Format the median, the 90th percentile and the largest.

    >>> distribution([1, 2, 3, 4, 50])
    '3 / 32 / 50'
    """
    p90 = statistics.quantiles(values, n=10, method="inclusive")[-1]
    return f"{statistics.median(values):.0f} / {p90:.0f} / {max(values)}"


def measurements(package: Package) -> Iterator[tuple[str, str]]:
    """Yield the rows of the table: what is counted, and the number."""
    modules, graph = package.modules, package.graph
    n_lines = sum(module.n_lines for module in modules)
    yield "lines", f"{n_lines:,}"
    yield "files", str(len(modules))
    yield (
        "branches on the family, outside its folder",
        str(package.count(FAMILY_BRANCH, FAMILY_FOLDERS)),
    )
    yield "`dict[str, Any]`", str(package.count(r"\bdict\[str, Any\]"))
    yield (
        "modules importing `_terminal`",
        str(
            sum(any(name.endswith("._terminal") for name in imports) for imports in graph.values())
        ),
    )
    yield from command_measurements(package)
    yield "lines of a file, median / p90 / max", distribution([m.n_lines for m in modules])
    lengths = [length for module in modules for length in module.function_lengths]
    yield "lines of a function, median / p90 / max", distribution(lengths)
    comments = sum(module.n_comment_lines for module in modules)
    yield "lines with a comment", f"{comments / n_lines:.1%}"
    n_imports = sum(len(imports) for imports in graph.values())
    yield "imports inside the package, per module", f"{n_imports / len(modules):.1f}"


def command_measurements(package: Package) -> Iterator[tuple[str, str]]:
    """Yield the rows about the command line."""
    commands, own = package.command_modules, package.command_line_modules
    yield "commands", str(len(commands))
    yield "files of the command line", str(len(own))
    reached = [package.reach(names) & own for names in commands.values()]
    yield (
        "files of the command line a command uses, median / p90 / max",
        distribution([len(names) for names in reached]),
    )


def main() -> None:
    """Print the table, one column for each revision."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at", nargs="+", default=[None], metavar="REV", help="git revisions")
    revisions = parser.parse_args().at
    tables = [dict(measurements(package_at(revision))) for revision in revisions]
    print("| | " + " | ".join(revision or "working tree" for revision in revisions) + " |")
    print("|---" * (len(revisions) + 1) + "|")
    for row in tables[0]:
        print("| " + " | ".join([row, *(table[row] for table in tables)]) + " |")


if __name__ == "__main__":
    main()
