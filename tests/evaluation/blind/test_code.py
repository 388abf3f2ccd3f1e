"""The code of a blind test: it carries the answers, and no mistyped one is taken."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.errors import ConfigError
from chatbot.evaluation.blind.code import MOST_QUESTIONS, Answer, Sheet, read_code, write_code

ANSWERS = st.builds(Answer, st.booleans(), st.booleans(), st.integers(0, 3))
SHEETS = st.builds(
    Sheet,
    st.binary(min_size=3, max_size=3).map(bytes.hex),
    st.binary(min_size=2, max_size=2).map(bytes.hex),
    st.lists(ANSWERS, min_size=1, max_size=MOST_QUESTIONS).map(tuple),
)
LETTERS = string.ascii_lowercase + string.digits


def is_refused(text):
    try:
        read_code(text)
    except ConfigError:
        return True
    return False


@settings(max_examples=40)
@given(SHEETS)
def test_a_code_carries_the_answers_however_it_is_written(sheet):
    code = write_code(sheet)
    for text in (code, code.upper(), code.replace("-", ""), f" {code.replace('-', ' ')}\n"):
        assert read_code(text) == sheet
    assert len(code.replace("-", "")) <= 89  # what the checksum is for


@settings(max_examples=10)
@given(SHEETS, st.randoms())
def test_every_single_wrong_letter_is_refused(sheet, rng):
    code = write_code(sheet).replace("-", "")
    for place, right in enumerate(code):
        wrong = [*rng.sample([c for c in LETTERS if c != right], 4), rng.choice("가!.é_")]
        assert all(is_refused(code[:place] + letter + code[place + 1 :]) for letter in wrong)


def test_all_single_typos_of_a_code_are_refused():
    sheet = Sheet("5eed5e", "beef", tuple(Answer(i % 3 == 0, i % 2 == 0, i % 4) for i in range(30)))
    code = write_code(sheet).replace("-", "")
    places = range(len(code))
    typos = {code[:i] + letter + code[i + 1 :] for i in places for letter in LETTERS}
    typos |= {code[:i] + letter + code[i:] for i in places for letter in LETTERS}
    typos |= {code[:i] + code[i + 1 :] for i in places}
    typos |= {code[:i] + code[i + 1] + code[i] + code[i + 2 :] for i in places[:-1]}
    assert len(typos) > 3000 and all(is_refused(typo) for typo in typos - {code})


@settings(max_examples=30)
@given(st.text(f"{LETTERS} -가É", max_size=60))
def test_other_texts_are_refused_with_a_hint(text):
    with pytest.raises(ConfigError) as caught:
        read_code(text)
    assert "copy it again" in caught.value.hint
