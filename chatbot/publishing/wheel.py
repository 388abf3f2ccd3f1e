"""The running program -> a wheel that pip installs elsewhere, and the versions of what it needs."""

import base64
import hashlib
import re
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import chatbot
from chatbot.errors import ConfigError

_NAME = "chatbot"
_WHEEL = "Wheel-Version: 1.0\nGenerator: chatbot\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
# A requirement as in METADATA: its name, and the extra that it belongs to.
_REQUIREMENT = re.compile(r"""([\w.-]+).*?(?:extra\s*==\s*["']([\w-]+)["'].*)?$""")


def write_wheel(folder: Path, extra: str) -> Path:
    """Write the program into a folder as a wheel; return its path.

    Raises ConfigError if its installation does not know the requirements of `extra`.
    """
    installed = _installed(extra)
    files = dict(_files_of(Path(chatbot.__file__).parent))
    facts = f"{_NAME}-{installed.version}.dist-info"
    files[f"{facts}/WHEEL"] = _WHEEL.encode()
    # PKG-INFO: what a build leaves in the folder of the source, found first if run from there.
    metadata = installed.read_text("METADATA") or installed.read_text("PKG-INFO") or ""
    files[f"{facts}/METADATA"] = metadata.encode()
    files[f"{facts}/entry_points.txt"] = (installed.read_text("entry_points.txt") or "").encode()
    files[f"{facts}/RECORD"] = _record(files, f"{facts}/RECORD").encode()
    path = folder / f"{_NAME}-{installed.version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)  # without times and rights: the same program, one file
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return path


def required_versions(extra: str) -> list[str]:
    """Return the installed version of every package that the program with an extra needs."""
    versions: dict[str, str] = {}
    missing = [*_requirements(_installed(extra), extra)]
    while missing:
        name = missing.pop()
        if name in versions:
            continue
        try:
            package = distribution(name)
        except PackageNotFoundError:  # needed on another system or Python only
            continue
        versions[name] = package.version.partition("+")[0]
        missing += _requirements(package)
    return [f"{name}=={version}" for name, version in sorted(versions.items())]


def _installed(extra: str) -> Distribution:
    hint = f"pip install 'chatbot[{extra}]'; in a copy of the source, make install-{extra}"
    try:
        installed = distribution(_NAME)
    except PackageNotFoundError as error:
        raise ConfigError("the program is not installed as a package", hint=hint) from error
    own = {*_requirements(installed, extra)}
    if own == {*_requirements(installed)} or not _declared(extra) <= own:
        raise ConfigError("the program is newer than its installation", hint=hint)
    return installed


def _declared(extra: str) -> set[str]:
    """Return the names of what the program's source says it needs; none without its source.

    An editable installation runs the newest source, but knows the requirements of its own day.
    """
    source = Path(chatbot.__file__).parent.parent / "pyproject.toml"
    if not source.is_file():
        return set()
    project = tomllib.loads(source.read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"][extra]]
    return {_name_of(match) for line in lines if (match := _REQUIREMENT.match(line))}


def _requirements(package: Distribution, extra: str | None = None) -> Iterator[str]:
    """Yield the names of what a package needs, in its own extra too."""
    for line in package.requires or []:
        match = _REQUIREMENT.match(line)
        if match and match[2] in (None, extra):
            yield _name_of(match)


def _name_of(requirement: re.Match[str]) -> str:
    return requirement[1].lower().replace("_", "-")


def _files_of(package: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(package.parent).as_posix(), path.read_bytes()


def _record(files: dict[str, bytes], own_name: str) -> str:
    """Return the list of files with their digests (PEP 427)."""
    lines = []
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
        lines.append(f"{name},sha256={digest},{len(content)}\n")
    return "".join([*lines, f"{own_name},,\n"])
