"""The index of a desk and its promise belong together, and to their rows and settings."""

import pytest
from msgspec.structs import replace

from chatbot.errors import CorpusError
from chatbot.retrieval.desk import index_desk, open_desk, read_desk_table
from chatbot.settings.load import load_config
from tests.conftest import NO_CONFIGS
from tests.retrieval.desks import SETTINGS, desk_rows, write_desk


@pytest.fixture
def config(tmp_path):
    write_desk(tmp_path)
    return replace(load_config(NO_CONFIGS, SETTINGS), root=str(tmp_path))


def test_rows_are_in_time_order_without_labels(config):
    table = read_desk_table(config)
    assert table.has_times
    assert [(row.id, row.text, row.answer) for row in table.rows] == [
        row[:3] for row in desk_rows(500)
    ]


def test_the_latest_rows_measure_and_are_not_indexed(config):
    desk = index_desk(config)
    assert (desk.about.n_rows, desk.warranty.n_questions) == (400, 100)
    assert desk.warranty.threshold is not None and desk.warranty.n_wrong == 0


def test_a_desk_answers_cites_and_hands_over(config):
    index_desk(config)
    desk = open_desk(config)
    answer = desk.answer("주차 문의 드려요!")
    assert answer is not None and answer.text == "지하에 자리가 있어요."
    assert 1 <= len(answer.citations) <= 5 and all(100 <= int(c) < 500 for c in answer.citations)
    assert desk.answer("오늘 날씨 좋네") is None


def test_without_a_promise_everything_is_handed_over_unless_a_threshold_is_set(config):
    write_desk(config.path("."), 40)
    assert index_desk(config).warranty.threshold is None
    question = desk_rows(1)[0][1]
    assert open_desk(config).answer(question) is None
    chosen = replace(config.qna.answering, threshold=0.01)
    own = replace(config, qna=replace(config.qna, answering=chosen))
    assert open_desk(own).answer(question) is not None


def test_changed_rows_make_the_index_stale(config):
    index_desk(config)
    write_desk(config.path("."), 480)
    with pytest.raises(CorpusError, match="of other data"):
        open_desk(config)


def test_without_the_rows_the_index_alone_answers(config):
    index_desk(config)
    config.path(config.qna.prepare.csv_path).unlink()
    assert open_desk(config).answer("주차 문의드려요") is not None


@pytest.mark.parametrize("change", [{"max_wrong": 0.1}, {"confidence": 0.9}, {"index": "both"}])
def test_other_settings_need_another_measurement(config, change):
    index_desk(config)
    answering = replace(config.qna.answering, **change)
    with pytest.raises(CorpusError, match="other settings") as error:
        open_desk(replace(config, qna=replace(config.qna, answering=answering)))
    assert "chatbot qna index" in error.value.hint


def test_a_promise_that_was_never_measured_is_no_promise(config):
    index_desk(config)
    (config.path(config.qna.answering.index_dir) / "warranty.json").unlink()
    with pytest.raises(CorpusError, match="no measured promise"):
        open_desk(config)


def test_too_few_or_no_rows_are_an_error(config):
    write_desk(config.path("."), 9)
    with pytest.raises(CorpusError, match="9 rows are too few"):
        index_desk(config)
    config.path(config.qna.prepare.csv_path).unlink()
    with pytest.raises(CorpusError, match="no prepared rows"):
        index_desk(config)
