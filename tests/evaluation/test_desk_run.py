"""The evaluation of a desk's rows: what is ranked, and which rows are asked about."""

from msgspec.structs import replace

from chatbot.evaluation.desk_run import evaluate_desk
from chatbot.settings.load import load_config
from tests.conftest import NO_CONFIGS
from tests.retrieval.desks import SETTINGS, desk_rows, write_desk


def evaluated(folder, reply=None):
    write_desk(folder)
    config = replace(load_config(NO_CONFIGS, SETTINGS), root=str(folder))
    return evaluate_desk(config, 30, reply, lambda: None)


def test_the_latest_rows_are_asked_and_answers_are_ranked_once(tmp_path):
    rows = evaluated(tmp_path).systems[0]
    latest = [(row[1], row[2]) for row in desk_rows(500)[-30:]]
    assert [(case.question, case.truth) for case in rows.examples] == latest[:20]
    assert all(len(set(case.ranked)) == len(case.ranked) for case in rows.examples)
    assert all(case.ranked[0] == case.truth for case in rows.examples)
    assert rows.hit_at_1.value == 1


def test_a_model_is_asked_each_question_alone(tmp_path):
    asked = []
    report = evaluated(tmp_path, lambda question: asked.append(question) or "몰라요")
    assert asked == [row[1] for row in desk_rows(500)[-30:]]
    assert report.systems[-1].wrong.value == 1
