"""The running program as a wheel: what pip installs elsewhere is this program."""

import base64
import hashlib
import zipfile
from importlib.metadata import version
from types import SimpleNamespace

import pytest

from chatbot.errors import ConfigError
from chatbot.publishing import wheel
from tests.package import PACKAGE


def test_the_wheel_holds_every_file_and_its_record_fits(tmp_path):
    with zipfile.ZipFile(wheel.write_wheel(tmp_path, "serve")) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    own = {p.relative_to(PACKAGE.parent).as_posix() for p in PACKAGE.rglob("*") if p.is_file()}
    assert {name for name in own if "__pycache__" not in name} <= set(content)
    assert not any("__pycache__" in name for name in content)
    (record,) = (name for name in content if name.endswith("/RECORD"))
    rows = [line.rsplit(",", 2) for line in content[record].decode().splitlines()]
    assert {row[0] for row in rows} == set(content)
    metadata = content[record.replace("RECORD", "METADATA")].decode()
    assert (
        f"\nVersion: {version('chatbot')}\n" in metadata and "Requires-Dist: starlette" in metadata
    )
    for name, digest, size in rows:
        if name != record:
            stated = base64.urlsafe_b64encode(hashlib.sha256(content[name]).digest()).decode()
            assert (digest, int(size)) == (f"sha256={stated.rstrip('=')}", len(content[name]))


def test_the_same_program_gives_the_same_wheel(tmp_path):
    (tmp_path / "again").mkdir()
    first = wheel.write_wheel(tmp_path, "serve").read_bytes()
    assert wheel.write_wheel(tmp_path / "again", "serve").read_bytes() == first


def test_versions_are_those_installed_of_all_that_the_server_needs():
    pinned = dict(line.split("==") for line in wheel.required_versions("serve"))
    assert {"numpy", "starlette", "uvicorn", "h11"} <= set(pinned)
    assert not {"torch", "transformers", "ruff", "chatbot"} & set(pinned)
    assert pinned["starlette"] == version("starlette")


def test_an_installation_without_the_extra_is_said(monkeypatch):
    older = SimpleNamespace(requires=["numpy>=2.0"], version="0.0.1")
    monkeypatch.setattr(wheel, "distribution", lambda name: older)
    with pytest.raises(ConfigError, match="newer than its installation"):
        wheel.required_versions("serve")


def test_an_installation_older_than_the_source_is_said(monkeypatch):
    requires = ["numpy>=2.0", 'starlette>=1.0; extra == "serve"']
    older = SimpleNamespace(requires=requires, version="0.0.1")
    monkeypatch.setattr(wheel, "distribution", lambda name: older)
    with pytest.raises(ConfigError, match="newer than its installation"):
        wheel.required_versions("serve")
