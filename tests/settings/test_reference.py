"""docs/settings*.md: generated, current, complete."""

import runpy

import pytest

from chatbot.settings.aliases import STAGES, sft_naming
from chatbot.settings.naming import own_naming
from tests.conftest import REPOSITORY

SCRIPT = runpy.run_path(str(REPOSITORY / "scripts/settings_reference.py"))
NAMINGS = [own_naming(), *map(sft_naming, STAGES)]


@pytest.mark.parametrize(("language", "page"), SCRIPT["PAGES"].items())
def test_the_reference_is_current_and_complete(language, page):
    text = (REPOSITORY / "docs" / page).read_text(encoding="utf-8")
    assert text == SCRIPT["reference"](language), "`make docs` writes it"
    for name in {name for naming in NAMINGS for name in naming.settings}:
        assert f"| `{name}` | " in text


def test_every_meaning_is_of_a_setting_and_in_both_languages():
    names = {name for naming in NAMINGS for name in naming.settings}
    targets = {t for naming in NAMINGS for s in naming.settings.values() for t in s.targets}
    for name, meaning in SCRIPT["descriptions"]().items():
        assert name in names | targets
        assert meaning.keys() == {"en", "ko"} and all(meaning.values())
