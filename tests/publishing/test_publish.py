"""Published and archived: what is written is what was, and nothing is deleted."""

import json
from datetime import datetime
from pathlib import Path

from chatbot.publishing.archive import archive, plan_archive
from chatbot.storage.files import sha256_of


def test_published_model_answers_as_the_run_does(trained, capsys):
    seeded = ("--set", "sampling.seed=1")
    assert trained.run("reply", *seeded, "오늘 뭐함") == 0
    before = capsys.readouterr().out
    assert trained.run("publish") == 0
    info = json.loads((trained.root / "artifacts/model_info.json").read_text())
    path = trained.root / "artifacts" / info["file"]
    assert (info["sha256"], info["size_bytes"]) == (sha256_of(path), path.stat().st_size)
    (trained.root / "checkpoints/main/best.pt").unlink()
    capsys.readouterr()
    assert trained.run("reply", *seeded, "오늘 뭐함") == 0
    assert capsys.readouterr().out == before


def test_published_model_holds_no_name(trained):
    assert trained.run("publish") == 0
    content = (trained.root / "artifacts/model_latest.safetensors").read_bytes()
    assert "도윤".encode() not in content and str(Path.home()).encode() not in content


def test_archive_moves_everything_and_its_manifest_tells_where(trained):
    config = trained.config()
    before = {
        p.name: sha256_of(p) for p in (trained.root / "checkpoints").rglob("*") if p.is_file()
    }
    target = archive(plan_archive(config, datetime(2026, 11, 20)), config)
    moved = json.loads((target / "manifest.json").read_text())["files"]
    assert all(sha256_of(trained.root / item["to"]) == item["sha256"] for item in moved)
    assert before.items() <= {Path(item["to"]).name: item["sha256"] for item in moved}.items()
    assert not list((trained.root / "checkpoints").iterdir())
    assert (trained.root / "data/raw/manifest.json").exists()


def test_dry_archive_moves_nothing(trained):
    before = sorted(trained.root.rglob("*"))
    assert trained.run("archive", "--dry") == 0
    assert sorted(trained.root.rglob("*")) == before
