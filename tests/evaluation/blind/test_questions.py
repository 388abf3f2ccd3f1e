"""Questions of a blind test: both texts are treated alike, and none gives another away."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.corpus.template import Turn
from chatbot.evaluation.blind.questions import (
    N_SHOWN_TURNS,
    apart,
    as_shown,
    draw_questions,
)
from chatbot.evaluation.blind.records import seeded
from chatbot.evaluation.held_out import HeldOutReply, held_out_replies
from chatbot.inference.loading import find_model, load_model, trained_corpus
from chatbot.settings.schema import PreprocessConfig

PLACES = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 40)), unique=True)


@pytest.fixture
def drawn(trained):
    config = trained.config("sampling.seed=3", "output.max_bubbles=2")
    loaded = load_model(find_model(config), config)
    corpus = trained_corpus(loaded, config)
    return loaded, corpus, draw_questions(loaded, corpus, 50, seeded(5))


@given(PLACES, st.integers(0, 99))
def test_no_question_shows_the_reply_of_another(places, seed):
    replies = [HeldOutReply(session, place, (), Turn(0, "")) for session, place in places]
    chosen = list(apart(replies, seeded(seed)))
    shown = {
        (r.session, place) for r in chosen for place in range(r.place - N_SHOWN_TURNS, r.place)
    }
    assert not shown & {(reply.session, reply.place) for reply in chosen}
    assert {reply.session for reply in chosen} == {session for session, _ in places}


@settings(max_examples=20)
@given(st.text("가나ㅋ 1290@.\n-", max_size=40))
def test_what_is_shown_stays_what_it_is(text):
    rules = PreprocessConfig()
    shown = as_shown(text, rules)
    assert as_shown("\n".join(shown), rules) == shown and all(map(str.strip, shown))


def test_each_question_has_the_real_reply_and_the_bots(drawn):
    loaded, corpus, draft = drawn
    own = (reply for reply in held_out_replies(corpus) if reply.turn.speaker == loaded.speaker)
    real = {tuple(reply.turn.text.split("\n")) for reply in own}
    assert len(draft.questions) >= 2
    for question, second_is_bot in zip(draft.questions, draft.second_is_bot, strict=True):
        assert tuple(question.texts[0 if second_is_bot else 1]) in real
        assert all(1 <= len(bubbles) <= 2 for bubbles in question.texts)
        assert 1 <= len(question.past) <= N_SHOWN_TURNS


def test_a_word_that_the_bot_may_not_say_gives_no_reply_away(trained, drawn):
    loaded, corpus, draft = drawn
    word = draft.questions[0].texts[0 if draft.second_is_bot[0] else 1][0][-1]
    config = trained.config(f"sampling.forbidden_words=[{word!r}]", "output.max_bubbles=2")
    loaded = load_model(find_model(config), config)
    questions = draw_questions(loaded, corpus, 50, seeded(5)).questions
    assert not any(
        word in line for question in questions for text in question.texts for line in text
    )


def test_the_seed_decides_order_and_coins(trained, drawn):
    config = trained.config("sampling.seed=3", "output.max_bubbles=2")
    loaded = load_model(find_model(config), config)
    _, corpus, draft = drawn
    assert draw_questions(loaded, corpus, 50, seeded(5)) == draft
    assert draw_questions(loaded, corpus, 50, seeded(6)).questions != draft.questions
