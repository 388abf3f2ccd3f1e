"""Tables that no messenger wrote: read by the columns that the settings name, else explained."""

import csv

import pytest

from chatbot.errors import ExportError
from chatbot.ingest.organize.manifest import read_manifest
from chatbot.ingest.readers import find_parts
from chatbot.settings.load import load_config
from chatbot.settings.schema import ColumnsConfig, RawConfig
from tests.ingest.readers.reading import at, read_lines_of

COLUMNS = ColumnsConfig(speaker="from", text="body", time="date")
MAPPED = RawConfig(columns=COLUMNS)


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_columns_of_the_settings_are_read(tmp_path, mark):
    messages, account = read_lines_of(
        tmp_path,
        mark.join(("id", "date", "from", "body")),
        mark.join(("1", "2026-10-02 09:01:05", "나래", '"응, ""그래""')),
        '둘째 줄"',
        "",
        mark.join(("2", "2026-10-02T00:02:00Z", "다온", "좋아")),
        mark.join(("3", "1790899265", "다온", "가자")),
        mark.join(("4", "2026-10-02 09:03", "", "다온님이 나갔습니다")),
        mark.join(("5", "날짜 아님", "다온", "응")),
        "다섯",
        raw=MAPPED,
    )
    assert [(m.speaker, m.text, m.kind) for m in messages] == [
        ("나래", '응, "그래"\n둘째 줄', "message"),
        ("다온", "좋아", "message"),
        ("다온", "가자", "message"),
        ("", "다온님이 나갔습니다", "system"),
    ]
    assert [m.sent_at for m in messages][:2] == [at(2026, 10, 2, 9, 1, 5), at(2026, 10, 2, 9, 2)]
    assert messages[2].sent_at == at(2026, 10, 2, 9, 1, 5)
    assert dict(account.lines) == {
        "header": 1, "message": 3, "continuation": 1, "blank": 1, "system": 1, "unparsed": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (("2026. 10. 2. 오후 9:01", "2026. 10. 13. 오후 9:01"), at(2026, 10, 2, 21, 1)),
        (("2/10/2026 21:01", "13/10/2026 21:01"), at(2026, 10, 2, 21, 1)),
        (("10/2/2026 9:01 PM", "10/13/2026 9:01 PM"), at(2026, 10, 2, 21, 1)),
        (("1790942460000", "1790942460000"), at(2026, 10, 2, 21, 1)),
    ],
)
def test_times_of_spreadsheets_are_read(tmp_path, times, expected):
    rows = (f"{time},나래,응" for time in times)
    messages, _ = read_lines_of(tmp_path, "date,from,body", *rows, raw=MAPPED)
    assert messages[0].sent_at == expected and len(messages) == 2


def test_a_table_without_settings_is_refused_with_those_to_paste(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("날짜,보낸사람,내용,비밀\n2026-10-02 09:01:05,나래,응,1\n", encoding="utf-8")
    with pytest.raises(ExportError) as refused:
        find_parts(path)
    assert "날짜, 보낸사람, 내용" in str(refused.value) and "비밀" not in str(refused.value)
    (tmp_path / "configs").mkdir()
    pasted = refused.value.hint.partition("its columns: ")[2]
    (tmp_path / "configs/paths.yaml").write_text(f"raw:\n  {pasted}\n", encoding="utf-8")
    config = load_config(tmp_path)
    assert config.raw.columns == ColumnsConfig(speaker="보낸사람", text="내용", time="날짜")
    assert find_parts(path, config.raw)[0].reader.name == "csv_table"


def test_a_line_of_speech_with_commas_is_no_table(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("안녕, 나래야, 내일 봐\n", encoding="utf-8")
    with pytest.raises(ExportError, match="unrecognized"):
        find_parts(path)


@pytest.mark.parametrize("line", ["안녕\r그래", "긴 글" * 60_000], ids=["CR", "long"])
def test_a_first_line_that_csv_refuses_is_no_table(tmp_path, line):
    path = tmp_path / "chat.txt"
    path.write_text(f"{line}\n", encoding="utf-8", newline="")
    with pytest.raises(ExportError, match="unrecognized export"):
        find_parts(path)


def test_times_that_are_not_understood_and_open_quotes_are_refused(tmp_path):
    with pytest.raises(ExportError, match="look like 가 0"):
        read_lines_of(tmp_path, "date,from,body", "아침 9,나래,응", raw=MAPPED)
    csv.field_size_limit(1 << 30)  # as a table of long answers does
    rows = ['2026-10-02,나래,"', *("x" * 100 for _ in range(2000))]
    with pytest.raises(ExportError, match="never closes"):
        read_lines_of(tmp_path, "date,from,body", *rows, raw=MAPPED)


def test_a_table_of_several_rooms_is_filed_room_by_room(project):
    rows = [
        f"{room},13/10/2026 09:{n:02},{'나래다온'[2 * (n % 2) :][:2]},{room}의 말 {n}"
        for n in range(40)
        for room in ("산책", "독서")
    ]
    project.add_export("x.csv", "\n".join(["방,date,from,body", *rows, "빠진 칸"]).encode())
    names = {"speaker": "from", "text": "body", "time": "date", "room": "방"}
    columns = tuple(f"raw.columns.{role}={name}" for role, name in names.items())
    assert project.run("organize", settings=columns) == 0
    entries = read_manifest(project.root / "data/raw/manifest.json").exports
    assert {entry.room_name: entry.n_messages for entry in entries} == {"산책": 40, "독서": 40}
    assert sum(entry.lines.get("unparsed", 0) for entry in entries) == 1
    assert {entry.first for entry in entries} == {"2026-10-13"}


def test_milliseconds_of_a_table_of_several_rooms_are_read_in_each(project):
    rows = [f"{room},{1_790_899_265_000 + n},나래,말 {n}" for n in range(9) for room in "가나"]
    project.add_export("x.csv", "\n".join(["방,date,from,body", *rows]).encode())
    names = {"speaker": "from", "text": "body", "time": "date", "room": "방"}
    columns = tuple(f"raw.columns.{role}={name}" for role, name in names.items())
    assert project.run("organize", settings=columns) == 0
    entries = read_manifest(project.root / "data/raw/manifest.json").exports
    assert [entry.first for entry in entries] == ["2026-10-02"] * 2
