"""The config files of a new project: those of the program, with comments."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from chatbot.storage.files import write_bytes


def write_configs(root: Path) -> Iterator[Path]:
    """Write the missing files of configs/; yield their paths."""
    configs = files("chatbot.settings") / "configs"
    for source in sorted(configs.iterdir(), key=lambda file: file.name):
        target = root / "configs" / source.name
        if not target.exists():
            write_bytes(target, source.read_bytes())
            yield target
