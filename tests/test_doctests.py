"""The examples in docstrings are true."""

import doctest
import importlib

import pytest

from tests.package import MODULES, name_of

WITH_EXAMPLES = [path for path in MODULES if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=name_of)
def test_examples_give_what_they_say(path):
    result = doctest.testmod(importlib.import_module(name_of(path)))
    assert result.attempted and not result.failed


def test_the_examples_are_not_lost():
    assert len(WITH_EXAMPLES) >= 10
