"""Answers to blind tests: each is counted once, for its own test, and adds up by the truth."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.errors import CheckpointError, ConfigError
from chatbot.evaluation.blind.code import Answer, Sheet
from chatbot.evaluation.blind.records import (
    add_sheet,
    draw_seed,
    new_test,
    read_tests,
    seeded,
    write_test,
)
from chatbot.evaluation.blind.score import of_latest_model, score_tests
from chatbot.model.bundle import About

ABOUT = About(run_name="main", step=7, data_fingerprint="f" * 64)


def judged(test, judge, rng, skill):
    """The sheet of a friend who tells a bot with a chance of `skill`."""
    answers = []
    for second_is_bot in test.second_is_bot:
        shows_second, is_right = rng.random() < 0.5, rng.random() < skill
        is_bot = shows_second == second_is_bot
        answers.append(Answer(shows_second, is_bot == is_right))
    return Sheet(test.id, judge, tuple(answers))


def one_test(n=20):
    return new_test(draw_seed(), ABOUT, [bool(i % 3) for i in range(n)])


@pytest.fixture
def stored(trained):
    config, test = trained.config(), one_test()
    write_test(test, config)
    return config, test


def test_a_code_counts_once(stored):
    config, test = stored
    sheet = judged(test, "0001", seeded(1), 1.0)
    add_sheet(sheet, config)
    with pytest.raises(ConfigError, match="already counted"):
        add_sheet(sheet, config)
    assert read_tests(config)[0].sheets == [sheet]


def test_answers_to_a_test_of_another_run_are_refused(stored):
    config, test = stored
    strange = Sheet("00ff00" if test.id != "00ff00" else "ff00ff", "0001", (Answer(True, True),))
    too_long = Sheet(test.id, "0001", (Answer(True, True),) * (len(test.second_is_bot) + 1))
    for sheet in (strange, too_long):
        with pytest.raises(ConfigError, match="no blind test of run"):
            add_sheet(sheet, config)


def test_tests_of_an_earlier_model_are_not_added():
    old, new = one_test(), new_test(1, About(run_name="main", step=9), [True])
    assert of_latest_model([old, new]) == [new] and of_latest_model([]) == []


@settings(max_examples=20)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=4), st.integers(0, 99))
def test_friends_add_up(skills, seed):
    rng, test = seeded(seed), one_test()
    sheets = [judged(test, f"{i:04x}", rng, skill) for i, skill in enumerate(skills)]
    score = score_tests([with_sheets(test, sheets)])
    assert score.all_answers.n == 20 * len(skills) == sum(friend.n for friend in score.friends)
    assert score.all_answers.n_right == sum(friend.n_right for friend in score.friends)
    assert score.bot_as_real.n + score.real_as_real.n == score.all_answers.n


def test_friends_who_guess_alike_on_one_test_are_not_taken_for_more_evidence():
    """Each is shown texts drawn anew: their answers agree, whether they are right does not."""
    rng, n_shown = seeded(3), 0
    for _ in range(200):
        test = one_test(25)
        said = [rng.random() < 0.7 for _ in range(25)]
        sheets = [
            Sheet(test.id, f"{i:04x}", tuple(Answer(rng.random() < 0.5, is_bot) for is_bot in said))
            for i in range(4)
        ]
        n_shown += score_tests([with_sheets(test, sheets)]).all_answers.verdict == "can tell"
    assert n_shown <= 10


def test_a_damaged_record_is_told(stored):
    config, test = stored
    (config.run_dir / "blind" / f"{test.id}.json").write_text("{")
    with pytest.raises(CheckpointError, match="damaged"):
        read_tests(config)


def test_a_friend_who_sees_through_all_takes_no_bot_for_real():
    test = one_test()
    score = score_tests([with_sheets(test, [judged(test, "0001", seeded(2), 1.0)])])
    assert (score.bot_as_real.value, score.real_as_real.value, score.place) == (0, 1, 0)
    assert score.all_answers.verdict == "can tell"


def with_sheets(test, sheets):
    return type(test)(**{**{f: getattr(test, f) for f in test.__struct_fields__}, "sheets": sheets})
