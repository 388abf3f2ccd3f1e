"""Old processed data, checkpoints and artifacts <-> data/archive/<stamp>/."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from chatbot.errors import ConfigError
from chatbot.settings.schema import Config
from chatbot.storage.files import move, sha256_of, write_json
from chatbot.training.folder import stale_mark

_KEPT = (".gitkeep",)


@dataclass(frozen=True)
class Moved:
    """A file or folder to archive: source and target (inside the project), and size in bytes."""

    source: Path
    target: Path
    size_bytes: int


def plan_archive(config: Config, now: datetime) -> list[Moved]:
    """List what would be moved: the contents of the processed, checkpoint and artifact folders."""
    stamp = now.strftime("%Y-%m-%d_%H%M%S")
    target = config.path(config.storage.archive_dir) / stamp
    plan = []
    names = [config.processed.dir, config.storage.checkpoints_dir, config.storage.artifacts_dir]
    if config.pretrained.cpt_dir is not None:
        names.append(config.pretrained.cpt_dir)
    for name in names:
        folder = config.path(name)
        for path in sorted(folder.glob("*")) if folder.is_dir() else []:
            if path.name not in _KEPT:
                size = sum(file.stat().st_size for file in _files(path))
                plan.append(Moved(path, target / Path(name).name / path.name, size))
    return plan


def archive(plan: list[Moved], config: Config) -> Path | None:
    """Write the manifest first, then move, so that nothing is lost in a crash."""
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


def restore(config: Config, stamp: str) -> int:
    """Move an archive's files back to where they were; return how many.

    `stamp`: the archive's folder, "" for the latest. Raises ConfigError, and moves nothing, if
    there is none or a target exists. A killed call continues when it is run again.
    """
    folder = config.path(config.storage.archive_dir)
    stamps = sorted(path.parent.name for path in folder.glob("*/manifest.json"))
    if not stamps or (stamp and stamp not in stamps):
        hint = f"there are: {', '.join(stamps)}" if stamps else "`chatbot archive` makes one"
        raise ConfigError(f"no archive {stamp or 'yet'} in {folder}", hint=hint)
    target = folder / (stamp or stamps[-1])
    if stale_mark(target).exists():
        raise ConfigError(
            f"{target} holds messages that are now forgotten",
            hint="`chatbot forget --purge` deletes it",
        )
    files = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["files"]
    pairs = [(config.path(file["to"]), config.path(file["from"])) for file in files]
    pairs = [(source, final) for source, final in pairs if source.exists()]
    if taken := sum(final.exists() for _, final in pairs):
        raise ConfigError(
            f"{taken} of {len(pairs)} files of {target.name} are in use by newer ones",
            hint="`chatbot archive` sets the newer ones aside first",
        )
    for source, final in pairs:
        move(source, final)
    (target / "manifest.json").unlink()
    for empty in sorted(target.rglob("*"), reverse=True):
        if empty.is_dir() and not any(empty.iterdir()):
            empty.rmdir()
    if not any(target.iterdir()):
        target.rmdir()
    return len(pairs)


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    else:
        yield from (file for file in sorted(path.rglob("*")) if file.is_file())
