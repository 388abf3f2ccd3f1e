"""Style between two references, and who wrote a bag of messages."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.evaluation.authorship import NOBODY, PERSONA, fit_authors, score_bags, shuffled
from chatbot.evaluation.style import compare_styles, distance, features, place_between
from tests.evaluation.speakers import NOUNS, speak

VALUES = st.floats(0, 1)
TURNS = st.lists(st.text("가요다감ㅋㅠ .\n", min_size=1, max_size=9), min_size=1, max_size=20)


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


def sessions(turns: list[str], n: int = 5) -> list[list[str]]:
    return [turns[begin : begin + n] for begin in range(0, len(turns), n)]


def test_a_bot_like_the_persona_is_placed_above_a_bot_like_the_other():
    polite, later, plain = (sessions(speak(*who)) for who in (("아요", 1), ("아요", 2), ("자", 3)))
    for bot, place in ((speak("아요", 4), 1), (speak("자", 5), 0)):
        scores = {s.feature: s for s in compare_styles(polite, later, plain, sessions(bot))}
        ends = scores["ends in 요"]
        assert ends.place.value == place and ends.is_certain and scores["emoji"].place is None
    assert compare_styles(polite, later, plain, []) == []


def test_few_replies_have_no_certain_place():
    """A habit of every third message: three replies do not show it, three hundred do."""
    rng = random.Random(3)  # noqa: S311

    def mixed(share: float, n: int) -> list[list[str]]:
        return sessions([rng.choice(NOUNS) + "ㅋㅋ" * (rng.random() < share) for _ in range(n)], 2)

    persona, later, other = mixed(0.4, 2000), mixed(0.4, 800), mixed(0.1, 800)
    few, many = (
        {s.feature: s for s in compare_styles(persona, later, other, mixed(0.4, n))}["ㅋㅋ"]
        for n in (6, 600)
    )
    assert not few.is_certain and many.is_certain
    assert many.place.low <= 1 <= many.place.high


@pytest.mark.slow
def test_intervals_of_places_cover_in_simulation():
    """The bot laughs half as much more than the other as the persona: its place is 0.5."""
    rng, n_held = random.Random(5), 0  # noqa: S311
    for _ in range(15):
        groups = []
        for share, n in ((0.5, 600), (0.5, 300), (0.1, 300), (0.3, 100)):
            groups.append([["응" + "ㅋㅋ" * (rng.random() < share)] for _ in range(n)])
        scores = {score.feature: score for score in compare_styles(*groups)}
        place = scores["ㅋㅋ"].place
        n_held += place is not None and place.low <= 0.5 <= place.high
    assert n_held >= 12


@given(st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=9))
def test_the_distance_of_samples_is_a_metric(rows):
    a, b, c = (sorted(column) for column in zip(*rows, strict=True))
    assert distance(a, a) == 0 and distance(a, b) == distance(b, a)
    assert distance(a, c) <= distance(a, b) + distance(b, c) + 1e-9


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
