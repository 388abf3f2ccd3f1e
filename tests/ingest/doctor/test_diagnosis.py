"""What the doctor finds in files that are broken in known ways, and what it never shows."""

import contextlib
import json
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.cli.doctor_screen import Words
from chatbot.ingest.doctor.diagnosis import diagnose
from chatbot.ingest.doctor.examination import examine
from chatbot.ingest.organize.inbox import file_exports, plan_filing
from tests.conftest import make_project
from tests.ingest.doctor.broken import (
    BEGIN,
    BROKEN,
    PLANTED,
    Said,
    android,
    android_line,
    chat,
    telegram,
    windows,
)


@contextlib.contextmanager
def quiet(_path):
    yield lambda _n_bytes: None


@pytest.fixture
def write(tmp_path):
    def write(files):
        paths = [tmp_path / name for name in files]
        for path, content in zip(paths, files.values(), strict=True):
            path.write_bytes(content)
        return paths

    return write


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return make_project(tmp_path_factory.mktemp("doctor") / "project").config()


@pytest.fixture
def report(write, config):
    def report(content, name="chat.txt"):
        return examine(write({name: content})[0], config)[0].report

    return report


def findings_of(diagnosis):
    return [finding for each in diagnosis.files for finding in each.findings] + diagnosis.across


def codes_of(report):
    return {finding.code for finding in report.findings}


def found(report, code):
    return next(finding for finding in report.findings if finding.code == code)


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_is_named_by_its_finding(what, write, config):
    make, code = BROKEN[what]
    diagnosis = diagnose(write(make()), config, [], quiet)
    assert code in {finding.code for finding in findings_of(diagnosis)}
    needing = [finding.code for finding in findings_of(diagnosis) if finding.level == "attention"]
    assert needing in ([code], [])


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("what", BROKEN)
def test_no_text_of_a_message_is_in_any_output(what, language, write, config):
    diagnosis = diagnose(write(BROKEN[what][0]()), config, [], quiet)
    words = Words.read(language)
    sentences = [words.sentence(finding) for finding in findings_of(diagnosis)]
    assert all(sentences) and PLANTED not in "".join(sentences)
    assert PLANTED not in msgspec.json.encode(diagnosis).decode()


@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=4).map(str.strip))
def test_planted_words_never_come_out(tmp_path_factory, config, text):
    planted = f"{PLANTED}{text}"
    path = tmp_path_factory.mktemp("planted") / "chat.txt"
    path.write_bytes(f"{planted}\n".encode() + android([Said(BEGIN, "가람", planted)] * 5))
    diagnosis = diagnose([path], config, [], quiet)
    assert PLANTED not in msgspec.json.encode(diagnosis).decode()


@given(n_kept=st.integers(400, 4000))
def test_a_text_that_is_cut_anywhere_is_named_unless_a_line_ends_there(
    tmp_path_factory, config, n_kept
):
    content = android(chat(60))[:n_kept]
    path = tmp_path_factory.mktemp("cut") / "chat.txt"
    path.write_bytes(content)
    is_named = bool(codes_of(examine(path, config)[0].report) & {"cut_file", "no_line_end"})
    assert is_named != content.endswith(b"\n")


@given(n_kept=st.integers(1000, 14000))
def test_json_that_is_cut_anywhere_is_named(tmp_path_factory, config, n_kept):
    content = telegram(chat(60))
    path = tmp_path_factory.mktemp("cut") / "result.json"
    path.write_bytes(content[: min(n_kept, len(content) - 3)])
    assert "cut_file" in codes_of(examine(path, config)[0].report)


@given(numbers=st.sets(st.integers(1, 40), min_size=1, max_size=30))
def test_lines_before_the_first_message_are_listed_by_number(tmp_path_factory, config, numbers):
    lines = [PLANTED if number in numbers else "" for number in range(1, 41)]
    content = "\n".join([*lines, *map(android_line, chat(5))]).encode()
    path = tmp_path_factory.mktemp("lines") / "chat.txt"
    path.write_bytes(content)
    finding = found(examine(path, config)[0].report, "unread_lines")
    assert finding.values["n"] == len(numbers)
    assert finding.lines == sorted(numbers)[:20]


@given(place=st.integers(5, 55), minutes=st.integers(11, 10**6))
def test_a_step_back_in_time_is_at_its_item(tmp_path_factory, config, place, minutes):
    messages = chat(60)
    back = [
        Said(said.at - timedelta(minutes=5 + minutes), said.speaker, said.text)
        for said in messages[place:]
    ]
    path = tmp_path_factory.mktemp("steps") / "result.json"
    path.write_bytes(telegram([*messages[:place], *back]))
    assert found(examine(path, config)[0].report, "steps_back").lines == [place + 1]


def test_every_line_is_counted_once(report):
    content = android(chat())
    counted = report(content)
    assert sum(counted.lines.values()) == counted.n_lines == content.count(b"\n")


@pytest.mark.parametrize(
    ("content", "device"), [(android(chat()), "android"), (windows(chat()), "pc")]
)
def test_the_device_is_that_of_the_form(content, device, report):
    counted = report(content)
    assert (counted.format, counted.device, counted.language) == ("kakaotalk", device, "ko")


def test_texts_of_exactly_500_characters_were_cut_by_a_phone(report):
    messages = [Said(said.at, said.speaker, "가" * 500) for said in chat(3)]
    assert found(report(android(messages)), "cut_texts").values == {"n": 3, "chars": 500}


def test_a_file_read_as_latin_1_and_saved_again_is_named(report):
    messages = [
        Said(said.at, said.speaker, said.text.encode().decode("latin-1")) for said in chat()
    ]
    lines = found(report(android(messages)), "mojibake").lines
    assert lines[:2] == [5, 6]


def test_a_cp949_file_is_converted_not_broken(report):
    codes = codes_of(report(windows(chat()).decode().encode("cp949")))
    assert "converted" in codes and "undecodable" not in codes


@given(numbers=st.sets(st.integers(0, 59), min_size=1))
def test_lines_that_lost_characters_are_listed(tmp_path_factory, config, numbers):
    lines = android(chat(60)).split(b"\n")
    for number in numbers:
        lines[4 + number] = lines[4 + number][:-5] + b"\xff\r"
    path = tmp_path_factory.mktemp("damage") / "chat.txt"
    path.write_bytes(b"\n".join(lines))
    finding = found(examine(path, config)[0].report, "undecodable")
    assert finding.values["n"] == len(numbers)
    assert finding.lines == [5 + number for number in sorted(numbers)][:20]


def test_a_phone_whose_clock_was_set_back_is_named(report):
    back = chat(60, BEGIN - timedelta(days=400))
    asked = found(report(android([*chat(), *back])), "clock_back")
    assert asked.values["n"] == 60 and asked.lines[:2] == [125, 126]


def test_a_quoted_line_is_no_clock_that_jumped(report):
    messages = chat()
    quote = Said(messages[60].at, "가람", f"이거 봐\n{android_line(messages[3])}")
    codes = codes_of(report(android([*messages[:60], quote, *messages[60:]])))
    assert "pasted" in codes and not codes & {"clock_back", "mixed_formats"}


def test_dates_of_the_future_are_impossible(report):
    assert "impossible_dates" in codes_of(report(telegram(chat(begin=BEGIN.replace(year=2090)))))


def test_a_long_silence_is_a_note(report):
    later = chat(begin=BEGIN + timedelta(days=100))
    silence = found(report(android([*chat(), *later])), "silence")
    assert silence.level == "note" and silence.values["days"] == 99


def test_a_room_of_two_with_a_third_name_asks_who_it_is(report):
    later = chat(begin=BEGIN + timedelta(days=3), names=("가람", "다온"))
    asked = found(report(android([*chat(), *later])), "two_names")
    assert asked.aliases == {"나래": "다온"}


def test_less_than_100_messages_are_too_few(report):
    assert "too_few" in codes_of(report(android(chat(99))))
    assert "too_few" not in codes_of(report(android(chat(100))))


def test_a_copy_of_a_filed_export_names_it(project, write):
    project.add_export("chat.txt", android(chat()))
    config = project.config()
    plan = plan_filing(config)
    file_exports(plan, config)
    diagnosis = diagnose(write({"again.txt": android(chat())}), config, [], quiet)
    assert [(f.code, f.others) for f in diagnosis.across] == [
        ("copy", ["again.txt", plan.entries[0].id])
    ]


def test_a_missing_part_is_named(write, config):
    parts = {
        f"Talk_2026.9.2 09_00-{n}.txt": android(chat(begin=BEGIN + timedelta(days=n)))
        for n in (1, 3)
    }
    diagnosis = diagnose(write(parts), config, [], quiet)
    assert [f.values for f in diagnosis.across if f.code == "missing_parts"] == [{"parts": "2"}]


def test_a_person_of_another_name_in_another_export_is_joined(write, config):
    messages = chat()
    other = [Said(m.at, "엄마" if m.speaker == "나래" else m.speaker, m.text) for m in messages]
    diagnosis = diagnose(
        write({"mine.txt": android(messages), "hers.txt": windows(other)}), config, [], quiet
    )
    joined = next(f for f in diagnosis.across if f.code == "names_joined")
    assert {*joined.aliases, *joined.aliases.values()} == {"나래", "엄마"}


def test_a_damaged_item_is_no_text(report):
    content = json.dumps(json.loads(telegram(chat()))).replace('"type": "message"', "broken", 1)
    assert found(report(content.encode(), "result.json"), "unknown_shapes").values["n"] == 1
