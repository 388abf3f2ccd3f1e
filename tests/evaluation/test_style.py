"""Style between two references, and who wrote a bag of messages."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.evaluation.authorship import NOBODY, PERSONA, fit_authors, score_bags, shuffled
from chatbot.evaluation.style import compare_styles, features, place_between

VALUES = st.floats(0, 1)
TURNS = st.lists(st.text("가요다감ㅋㅠ .\n", min_size=1, max_size=9), min_size=1, max_size=20)
NOUNS = ("점심", "회의", "사진", "영화", "주말", "버스", "시험", "커피", "강아지", "날씨", "운동")
VERBS = ("보", "찾", "기다리", "고르", "바꾸", "말하", "버리")


def speak(ending: str, seed: int, n: int = 400) -> list[str]:
    """Messages of a person whose only mark is how sentences end."""
    rng = random.Random(seed)  # noqa: S311
    return [f"{rng.choice(NOUNS)} {rng.choice(VERBS)}{ending}" for _ in range(n)]


@given(VALUES, VALUES, VALUES)
def test_the_references_have_their_own_places(persona, ceiling, floor):
    if abs(floor - persona) > abs(ceiling - persona):
        assert place_between(persona, ceiling, floor, ceiling) == 1
        assert place_between(persona, ceiling, floor, floor) == 0
    else:
        assert place_between(persona, ceiling, floor, ceiling) is None


@given(TURNS)
def test_rates_are_shares_and_endings_exclude_each_other(turns):
    values = features(turns)
    assert all(0 <= value <= 1 for name, value in values.items() if " a " not in name)
    assert sum(value for name, value in values.items() if name.startswith("ends in")) <= 1 + 1e-9


def test_known_turns_have_known_features():
    values = features(["네 갔어요\nㅋㅋ", "진짜? 😀", "네 갔어요\nㅋㅋ", "지금 감"])
    assert values["bubbles a turn"] == 1.5 and values["self-repetition"] == 0.25
    assert values["ㅋㅋ"] == pytest.approx(2 / 6) and values["ends in 요"] == pytest.approx(2 / 6)
    assert values["emoji"] == values["punctuation"] == values["ends in 음"] == pytest.approx(1 / 6)


def test_a_bot_like_the_persona_is_placed_above_a_bot_like_the_other():
    polite, later, plain = speak("아요", 1), speak("아요", 2), speak("자", 3)
    for bot, place in ((speak("아요", 4), 1), (speak("자", 5), 0)):
        scores = {s.feature: s.place for s in compare_styles(polite, later, plain, bot)}
        assert scores["ends in 요"] == place and scores["emoji"] is None
    assert compare_styles(polite, later, plain, []) == []


def test_bags_tell_two_people_apart_and_nobody_from_both():
    rng = random.Random(0)  # noqa: S311
    authors = fit_authors({PERSONA: speak("아요", 1), "member 1": speak("자", 2)}, rng)
    later = speak("아요", 3, 80)
    groups = {
        PERSONA: later,
        "member 1": speak("자", 4, 80),
        NOBODY: [shuffled(text, rng) for text in later],
        "few": later[:7],
    }
    scores = {(s.group, s.n_messages): s.as_persona for s in score_bags(authors, groups, rng)}
    assert scores[PERSONA, 20].value == 1 and scores["member 1", 20].value == 0
    assert scores[NOBODY, 20].value == 0 and scores[PERSONA, 20].n == 4
    assert ("few", 5) in scores and ("few", 10) not in scores
