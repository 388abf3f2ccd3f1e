"""The doctor on every format, whole and damaged: it names the format and never gives up."""

import json

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chatbot.ingest.doctor.examination import examine
from chatbot.settings.load import load_config
from tests.conftest import NO_CONFIGS
from tests.faults.mutations import mutations
from tests.ingest.doctor.broken import PLANTED, android, chat, telegram, windows
from tests.ingest.readers import json_exports, text_exports

DRAWN = settings(max_examples=8, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
CONFIG = load_config(NO_CONFIGS, ())
READERS = {"instagram": "meta", "messenger": "meta"}


def written(path, content):
    path.write_bytes(content)
    return examine(path, CONFIG)


def aware():
    return [
        json_exports.Said(said.speaker, said.text, said.at.replace(tzinfo=json_exports.KST))
        for said in chat(30)
    ]


def write_slack(_messages):
    return json_exports.write_slack(aware())


@pytest.mark.parametrize("name", json_exports.FORMATS)
@DRAWN
@given(data=st.data())
def test_a_format_of_json_is_named_and_counted(tmp_path_factory, name, data):
    form = json_exports.FORMATS[name]
    told = data.draw(json_exports.conversations())
    (examined,) = written(tmp_path_factory.mktemp("json") / form.name, form.write(told))
    report = examined.report
    first = name.split()[0]
    assert report.format.startswith(READERS.get(first, first)) and report.unit == "items"
    if not form.has_marks:
        assert sum(report.speakers.values()) == len(told)


@pytest.mark.parametrize("write", [android, windows, telegram, write_slack])
@settings(max_examples=40)
@given(data=st.data())
def test_any_damage_is_reported_never_raised(tmp_path_factory, write, data):
    damaged = data.draw(mutations(write(chat(30))))
    for examined in written(tmp_path_factory.mktemp("damaged") / "chat.txt", damaged):
        assert sum(examined.report.lines.values()) == examined.report.n_lines
        # A damaged line may take what was written for a name.
        shown = [examined.report.unknown_shapes, [f.values for f in examined.report.findings]]
        assert PLANTED not in str(shown)


def test_each_room_of_a_zip_is_a_report_of_its_own(tmp_path):
    days = json_exports.slack_days([json_exports.Said("가람", "안녕", said.at) for said in aware()])
    entries = {f"{room}/{day}.json": items for room in "ab" for day, items in days.items()}
    users = {"users.json": json_exports.SLACK_USERS, "channels.json": [{"name": "a"}]}
    reports = [
        each.report
        for each in written(tmp_path / "slack.zip", json_exports.zipped({**users, **entries}))
    ]
    assert [report.name for report in reports] == ["slack.zip [1]", "slack.zip [2]"]
    assert [report.amount.n_messages for report in reports] == [30, 30]


def test_the_rooms_of_an_account_are_counted_and_judged_by_no_order(tmp_path):
    rooms = [json_exports.telegram_chat(aware(), number=n) for n in (1, 2, 3)]
    content = json.dumps({"about": "", "chats": {"about": "", "list": rooms}}).encode()
    (examined,) = written(tmp_path / "result.json", content)
    codes = {finding.code: finding for finding in examined.report.findings}
    assert codes["several_rooms"].values == {"n": 3} and "steps_back" not in codes


@pytest.mark.parametrize(
    ("name", "origin"),
    [
        ("whatsapp iphone ko", ("whatsapp", "iphone", "ko")),
        ("whatsapp android zh", ("whatsapp", "android", "zh")),
        ("line ja", ("line", "phone", "ja")),
        ("line en", ("line", "phone", "en")),
    ],
)
@DRAWN
@given(data=st.data())
def test_the_device_and_the_language_are_named(tmp_path_factory, name, origin, data):
    form = text_exports.FORMATS[name]
    events = data.draw(text_exports.chats(form))
    content = form.write(events, "등산").encode()
    report = written(tmp_path_factory.mktemp("text") / "chat.txt", content)[0].report
    assert (report.format, report.device, report.language) == origin
