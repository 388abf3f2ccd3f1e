"""Old processed data, checkpoints and artifacts -> data/archive/<stamp>/; nothing is deleted."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from chatbot.settings import Config
from chatbot.storage.files import move, sha256_of, write_json

_KEPT = (".gitkeep",)


@dataclass(frozen=True)
class Moved:
    """One thing to archive: from, to (both inside the project), and its bytes."""

    source: Path
    target: Path
    size_bytes: int


def plan_archive(config: Config, now: datetime) -> list[Moved]:
    """List what would be moved: the contents of the processed, checkpoint and artifact folders."""
    stamp = now.strftime("%Y-%m-%d_%H%M%S")
    target = config.path(config.storage.archive_dir) / stamp
    plan = []
    names = [config.processed.dir, config.storage.checkpoints_dir, config.storage.artifacts_dir]
    if config.pretrained is not None:
        names.append(config.pretrained.cpt_dir)
    for name in names:
        folder = config.path(name)
        for path in sorted(folder.glob("*")) if folder.is_dir() else []:
            if path.name not in _KEPT:
                size = sum(file.stat().st_size for file in _files(path))
                plan.append(Moved(path, target / Path(name).name / path.name, size))
    return plan


def archive(plan: list[Moved], config: Config) -> Path | None:
    """Write the manifest first, then move; a crash in between leaves both sides findable."""
    if not plan:
        return None
    target = plan[0].target.parent.parent
    files = [
        {
            "from": os.path.relpath(file, config.root),
            "to": os.path.relpath(moved.target / file.relative_to(moved.source), config.root),
            "size_bytes": file.stat().st_size,
            "sha256": sha256_of(file),
        }
        for moved in plan
        for file in _files(moved.source)
    ]
    write_json(target / "manifest.json", {"version": 1, "files": files})
    for moved in plan:
        move(moved.source, moved.target)
    return target


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    else:
        yield from (file for file in sorted(path.rglob("*")) if file.is_file())
