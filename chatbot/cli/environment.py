"""This machine and this project -> what a command needs: versions, memory, password, privacy."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from msgspec.structs import replace

from chatbot import __version__
from chatbot.cli.main import EXTRAS
from chatbot.ingest.doctor.findings import Finding, attention, fine, note
from chatbot.model.host import available_host_memory
from chatbot.serving.auth import has_password
from chatbot.settings.schema import Config
from chatbot.storage.private import private_folders

_PACKAGES = ("numpy", "tokenizers", "safetensors", "msgspec", "cryptography", "torch")
_MORE_PACKAGES = ("transformers", "peft", "starlette", "tensorboard")
_LEAST_MEMORY, _LEAST_DISK = 2e9, 2e9  # bytes: the smallest network and its checkpoints
_READABLE = stat.S_IRGRP | stat.S_IROTH
_N_NAMED = 5
_ENDINGS = ("txt", "json", "bin")


def check_environment(config: Config) -> list[Finding]:
    """Return what holds on this machine and in this project, the good as well."""
    return [
        *_programs(),
        *_extras(config),
        *_processor(),
        *_disk(Path(config.root)),
        *_password(config),
        *_readable(config),
        *_git(config),
    ]


def _programs() -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield fine("versions", chatbot=__version__, python=python)
    versions = {name: _version(name) for name in (*_PACKAGES, *_MORE_PACKAGES)}
    listed = ", ".join(f"{name} {number}" for name, number in versions.items() if number)
    yield fine("packages", listed=listed)
    missing = [name for name in _PACKAGES if not versions[name]]
    for name in missing:
        yield attention("no_package", name=name, extra=EXTRAS.get(name, "chatbot"))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _extras(config: Config) -> Iterator[Finding]:
    """Find packages that the settings ask for."""
    base, is_pretrained = config.pretrained.base, config.family == "pretrained"
    asked = [
        ("pretrained.base.base_model", ("transformers", "peft"), is_pretrained),
        ("pretrained.base.load_in_4bit", ("bitsandbytes",), is_pretrained and base.load_in_4bit),
        ("logging.tensorboard", ("tensorboard",), config.logging.tensorboard),
        ("qna.answering.index", ("kiwipiepy",), config.qna.answering.index != "ngrams"),
        ("serve.kakao.enabled", ("starlette",), config.serve.kakao.enabled),
    ]
    for setting, modules, is_asked in asked:
        for module in modules if is_asked else ():
            if find_spec(module) is None:
                extra = EXTRAS.get(module, module)
                yield attention("no_extra", setting=setting, name=module, extra=extra)


def _processor() -> Iterator[Finding]:
    yield fine(
        "threads",
        n=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
    )
    if (n_bytes := available_host_memory()) is not None:
        is_enough = n_bytes >= _LEAST_MEMORY
        values = {"gb": round(n_bytes / 1e9, 1), "least": _LEAST_MEMORY / 1e9}
        yield fine("memory", **values) if is_enough else attention("little_memory", **values)
    if find_spec("torch") is not None:
        yield from _graphics()


def _graphics() -> Iterator[Finding]:
    import torch

    for number in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(number)
        yield fine("gpu", name=properties.name, gb=round(properties.total_memory / 1e9, 1))
    if torch.backends.mps.is_available():
        yield fine("apple_gpu")
    elif not torch.cuda.device_count():
        yield note("no_gpu")


def _disk(root: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(root).free
    values = {"gb": round(free / 1e9, 1), "least": _LEAST_DISK / 1e9}
    yield fine("disk", **values) if free >= _LEAST_DISK else attention("little_disk", **values)


def _password(config: Config) -> Iterator[Finding]:
    if has_password(config):
        yield fine("password")
    elif config.security.require_password:
        yield attention("no_password", name=config.security.password_env)
    else:
        yield note("password_off")


def _readable(config: Config) -> Iterator[Finding]:
    """Find private folders and files that other users of this computer can read."""
    if os.name == "nt":
        return
    paths = [path for path in _private_paths(config) if path.exists()]
    opened = [path for path in paths if path.stat().st_mode & _READABLE]
    if opened:
        names = [str(path) for path in opened[:_N_NAMED]]
        yield replace(attention("readable", n=len(opened)), others=names)
    elif paths:
        yield fine("closed_to_others")


def _private_paths(config: Config) -> list[Path]:
    named = (config.raw.inbox_dir, config.raw.organized_dir, config.processed.dir)
    elsewhere = [Path(name) for name in named if Path(name).is_absolute()]
    return [*private_folders(config), Path(config.root) / ".env", *elsewhere]


def _git(config: Config) -> Iterator[Finding]:
    """Find private data that git holds, or would take."""
    root = Path(config.root)
    if _asked_of_git(root, "rev-parse", "--is-inside-work-tree") is None:
        return
    paths = [path for path in _private_paths(config) if root in path.parents]
    names = [path.relative_to(root).as_posix() for path in paths]
    tracked = (_asked_of_git(root, "ls-files", "--", *names) or "").splitlines()
    tracked = [name for name in tracked if not name.endswith(".gitkeep")]
    if tracked:
        yield replace(attention("tracked", n=len(tracked)), others=names[:_N_NAMED])
    probes = {name: _probes(name) for name in names}
    asked = [probe for each in probes.values() for probe in each]
    ignored = set((_asked_of_git(root, "check-ignore", *asked) or "").splitlines())
    taken = [name for name in names if not ignored.issuperset(probes[name])]
    if taken:
        yield replace(attention("not_ignored", n=len(taken)), others=taken)
    elif not tracked:
        yield fine("ignored")


def _probes(name: str) -> list[str]:
    """Return files that a private folder may hold; a file stands for itself."""
    return [name] if name == ".env" else [f"{name}/x.{ending}" for ending in _ENDINGS]


def _asked_of_git(root: Path, *arguments: str) -> str | None:
    """Return what git answers; None if it is missing, or says no."""
    try:
        result = subprocess.run(  # noqa: S603
            ["git", "-c", "core.quotepath=off", *arguments],  # noqa: S607
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return result.stdout if result.returncode == 0 else None
