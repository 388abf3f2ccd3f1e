"""Files, or all exports of a project -> one diagnosis: of each, and of what they share."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from chatbot.errors import ExportError
from chatbot.ingest.doctor.comparison import compare
from chatbot.ingest.doctor.counting import OnBytes
from chatbot.ingest.doctor.examination import Examined, examine
from chatbot.ingest.doctor.findings import FileReport, Finding, needs_attention
from chatbot.ingest.organize.inbox import find_candidates
from chatbot.ingest.organize.manifest import read_manifest
from chatbot.settings.schema import Config

Progress = Callable[[Path], AbstractContextManager[OnBytes]]

_VERSION = 1
_UNKNOWN = {"no_export", "unknown_file"}


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What `chatbot doctor` found, and what its `--json` prints."""

    version: int = _VERSION
    is_fine: bool
    files: list[FileReport]
    across: list[Finding]
    environment: list[Finding]


def diagnose(
    paths: Iterable[Path], config: Config, environment: list[Finding], progress: Progress
) -> Diagnosis:
    """Examine files one after the other, and compare them with each other and the project."""
    examined: list[Examined] = []
    for path in paths:
        with progress(path) as on_bytes:
            examined += examine(path, config, on_bytes)
    return _concluded(examined, config, environment)


def diagnose_project(config: Config, environment: list[Finding], progress: Progress) -> Diagnosis:
    """Examine every export of a project: filed, in the inbox, and in its root."""
    examined: list[Examined] = []
    for path, is_expected in _files_of(config):
        with progress(path) as on_bytes:
            results = examine(path, config, on_bytes)
        examined += [each for each in results if is_expected or _is_export(each)]
    return _concluded(examined, config, environment)


def files_in(path: Path) -> list[Path]:
    """Return a file, or the files of a folder; raises ExportError if there is none."""
    if path.is_dir():
        return [file for file in sorted(path.rglob("*")) if file.is_file()]
    if not path.exists():
        raise ExportError("no such file", hint="check the path")
    return [path]


def _files_of(config: Config) -> Iterator[tuple[Path, bool]]:
    for entry in read_manifest(config.path(config.raw.manifest_path)).exports:
        if (path := config.path(entry.path)).is_file():
            yield path, True
    yield from find_candidates(config)


def _is_export(examined: Examined) -> bool:
    return _UNKNOWN.isdisjoint(finding.code for finding in examined.report.findings)


def _concluded(examined: list[Examined], config: Config, environment: list[Finding]) -> Diagnosis:
    across = compare(examined, config)
    findings = [finding for each in examined for finding in each.report.findings]
    return Diagnosis(
        is_fine=not needs_attention([*findings, *across, *environment]),
        files=[each.report for each in examined],
        across=across,
        environment=environment,
    )
