"""The text rules of a model, and the shield of its replies, as data for the page's JavaScript."""

import re
from collections.abc import Mapping
from typing import Any

from chatbot.ingest.cleaning.normalization import Normalizer, TextRules
from chatbot.ingest.masking.detectors.find import kinds
from chatbot.ingest.masking.detectors.kind import NEAR_CHARS, Beside, Kind
from chatbot.ingest.masking.detectors.spelled import digit_tables, spelled_patterns
from chatbot.ingest.masking.masker import shield_patterns
from chatbot.ingest.qna.prompts import QuestionForm
from chatbot.publishing.page.patterns import js_pattern
from chatbot.settings.schema import PreprocessConfig

_SPACE = re.compile(r"\s")


def text_rules(rules: TextRules | PreprocessConfig) -> dict[str, Any]:
    """Return what `Normalizer` does by these settings, and how questions are asked.

    `mask` is null where links stay.
    """
    question = rules.question if isinstance(rules, TextRules) else QuestionForm()
    return {
        **_translated(Normalizer(rules).patterns()),
        "space": js_pattern(_SPACE),
        "mask": rules.url_mask if rules.mask_urls else None,
        "max_run": rules.max_run,
        "prefix": question.prefix,
        "label": QuestionForm(question.label).prefix,
    }


def shield_rules() -> dict[str, Any]:
    """Return what `shielded` does.

    Tests that are more than words nearby are left out: the page stars everything that a pattern
    matches, which is more than we do, and never less.
    """
    return {
        **_translated(shield_patterns()),
        **_translated(spelled_patterns()),
        **digit_tables(),
        "near_chars": NEAR_CHARS,
        "kinds": [_rule(kind) for kind in kinds()],
    }


def _rule(kind: Kind) -> dict[str, Any]:
    """Return a rule; `beside`: words of which one must be near its match."""
    beside = kind.is_one.words if isinstance(kind.is_one, Beside) else None
    return {
        "pattern": js_pattern(kind.pattern),
        "words": kind.words and js_pattern(kind.words),
        "beside": beside and js_pattern(beside),
        "n_digits": kind.n_digits,
    }


def _translated(patterns: Mapping[str, re.Pattern[str]]) -> dict[str, tuple[str, str]]:
    return {name: js_pattern(pattern) for name, pattern in patterns.items()}
