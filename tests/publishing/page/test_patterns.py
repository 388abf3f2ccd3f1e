"""A translated pattern finds in JavaScript what it finds in Python."""

import re

import pytest
from hypothesis import HealthCheck, example, given, settings

from chatbot.publishing.page.patterns import js_pattern
from tests.publishing.page.texts import texts

PATTERNS = [
    r"\s+", r"[^\S\n]+", r"[^\w\s]", r"\d{2}", r"[\d\-]+", r"\w+\W", r"(?P<a>[ㄱ-ㅣ])\1{1,}", r"a.b", r"가$", r"[^\W_ㄱ-ㅣ]", r"\-\"\/",
    "[\ud7a3\u2800]|[\\u3164\\U0001d7ce-\\U0001d7ff]", r"(?<![A-Za-z0-9])[^A-Za-z\n]{0,3}",
]  # fmt: skip
_FIND = """([source, flags, lines]) => {
  const pattern = new RegExp(source, flags);
  return lines.map((line) => [...line.matchAll(pattern)].map((match) => match[0]));
}"""


@pytest.mark.parametrize("ignore_case", [0, re.IGNORECASE], ids=["case", "any case"])
def test_matches_are_the_same(new_page, ignore_case):
    page = new_page()

    @settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(texts)
    @example(
        ["가\n", "가", "가\n\n", "a\rb a\u2028b", "k\u212a ſ", "\x1c \x85\ufeff", "ㅋㅋㅋ", "1٣𝟎"]
    )
    def check(lines):
        for source in PATTERNS:
            pattern = re.compile(source, ignore_case)
            ours = [[match[0] for match in pattern.finditer(line)] for line in lines]
            assert page.evaluate(_FIND, [*js_pattern(pattern), lines]) == ours, source

    check()


@pytest.mark.parametrize("source", [r"\bword", r"[\S\W]", r"a\Z", r"(?s:.)\A"])
def test_what_is_not_translated_is_refused(source):
    with pytest.raises(ValueError, match="not translated"):
        js_pattern(re.compile(source))


def test_a_flag_that_is_not_translated_is_refused():
    with pytest.raises(ValueError, match="flag"):
        js_pattern(re.compile("a.b", re.DOTALL))
