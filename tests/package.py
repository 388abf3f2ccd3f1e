"""The modules of the package, for tests that read its source."""

from pathlib import Path

from tests.conftest import REPOSITORY

PACKAGE = REPOSITORY / "chatbot"


MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")
