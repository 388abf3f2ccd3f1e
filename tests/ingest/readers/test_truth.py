"""Real sentences in every dialect, held against the truth; skipped where shared/ is absent."""

import json
import subprocess
import sys

import pytest

from chatbot.ingest.readers import read_messages
from chatbot.ingest.readers.account import Account
from tests.conftest import SHARED

pytestmark = pytest.mark.skipif(
    not (SHARED / "tools/make_exports.py").exists(), reason="the shared folder is not here"
)


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports")
    subprocess.run([sys.executable, SHARED / "tools/make_exports.py", folder], check=True)
    return folder


@pytest.mark.slow
def test_all_thirty_exports_equal_the_truth_and_every_line_is_counted(exports):
    files = sorted(path for path in exports.iterdir() if path.suffix in (".txt", ".csv"))
    assert len(files) == 30
    for path in files:
        room, dialect = path.name.split(".")[:2]
        account = Account()
        got = [
            (m.speaker, m.text, m.kind, _time(m.sent_at, dialect))
            for m in read_messages(path, account=account)
            if m.kind != "system"
        ]
        assert got == list(_truth(exports / f"{room}.truth.jsonl", dialect)), path.name
        with path.open("rb") as file:
            assert account.n_lines == sum(1 for _ in file)
        assert account.lines["unparsed"] == 0


def _truth(path, dialect):
    for line in path.read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        if item["kind"] != "system":
            text = item["text"]
            if dialect == "win_ko_cp949":
                text = text.encode("cp949", "replace").decode("cp949")
            yield (
                item["speaker"],
                text,
                item["kind"],
                item["sent_at"][: 19 if dialect == "csv" else 16],
            )


def _time(at, dialect):
    return at.replace(tzinfo=None).isoformat(timespec="seconds")[: 19 if dialect == "csv" else 16]
