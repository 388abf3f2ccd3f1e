"""The page normalizes text as a model's own rules do."""

import json

import pytest
from hypothesis import HealthCheck, given, settings

from chatbot.ingest.cleaning.normalization import Normalizer, TextRules
from chatbot.ingest.qna.prompts import QuestionForm
from chatbot.publishing.page.rules import text_rules
from chatbot.settings.schema import PreprocessConfig
from tests.publishing.page.texts import lines, texts

RULES = [
    PreprocessConfig(),
    PreprocessConfig(mask_urls=False, max_run=2),
    PreprocessConfig(url_mask="$1 $& (link)"),
]
_NORMALIZE = """([rules, lines]) => {
  const text = new TextRules(rules);
  return lines.map((line) => text.normalize(line));
}"""
within_a_test = settings(
    max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


def normalized_in_the_page(engine, rules, texts):
    return engine.page.evaluate(_NORMALIZE, [text_rules(rules), texts])


@pytest.mark.parametrize("rules", RULES, ids=["default", "links stay", "other mask"])
def test_any_text_is_normalized_alike(engine, rules):
    normalizer = Normalizer(rules)

    @within_a_test
    @given(texts)
    def check(texts):
        ours = [normalizer.normalize(text) for text in texts]
        assert normalized_in_the_page(engine, rules, texts) == ours

    check()


@pytest.mark.slow
def test_many_lines_are_normalized_alike(engine):
    many = lines(10_000, seed=1)
    normalizer = Normalizer(RULES[0])
    for line, theirs in zip(many, normalized_in_the_page(engine, RULES[0], many), strict=True):
        assert normalizer.normalize(line) == theirs, json.dumps(line)


def test_questions_to_a_desk_are_asked_alike(engine):
    rules = TextRules(question=QuestionForm("고객문의", "배송"))
    asked = [
        "언제 와요?",
        "[고객문의] 언제 와요?",
        "[환불] [고객문의] a",
        "[환불] a",
        "[고객문의]",
        "",
    ]
    for form in (rules, TextRules()):
        script = "([rules, lines]) => lines.map((line) => new TextRules(rules).asked(line))"
        shown = engine.page.evaluate(script, [text_rules(form), asked])
        assert shown == [form.question.asked(line) for line in asked]


def test_half_a_character_becomes_one(engine):
    shown = engine.page.evaluate(
        "(rules) => new TextRules(rules).normalize('a\\ud800b')", text_rules(RULES[0])
    )
    assert shown == "a\ufffdb"
