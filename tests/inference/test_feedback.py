"""Retries, undos and edits of a conversation become choices, and nothing else does."""

import stat

from hypothesis import given
from hypothesis import strategies as st

from chatbot.corpus.preferences import (
    add_preferences,
    count_kinds,
    delete_preferences,
    pairs_of,
    preferences_path,
    read_preferences,
)
from chatbot.corpus.template import Turn
from chatbot.inference.feedback import Feedback, keep_choices, keep_nothing
from chatbot.model.bundle import About


class Talk:
    """A conversation of a person (1) and a bot (0) whose replies are written here."""

    def __init__(self, keep=None):
        self.choices = []
        self.feedback = Feedback(0, keep or self.choices.extend)
        self.history = []

    def say(self, text, reply):
        self.feedback.go_on(self.history)
        self.history += [Turn(1, text), Turn(0, reply)]

    def retry(self, reply):
        self.feedback.retry(self.history)
        self.history[-1] = Turn(0, reply)

    def edit(self, text):
        self.feedback.edit(self.history)
        self.history[-1] = Turn(0, text)

    def undo(self):
        self.feedback.undo(self.history)
        del self.history[-2:]

    def end(self):
        self.feedback.end(self.history)

    @property
    def pairs(self):
        return [(choice.chosen, choice.rejected) for choice in self.choices]


def test_a_retried_reply_loses_to_the_last_one_before_the_next_message():
    talk = Talk()
    talk.say("뭐해", "잔다")
    talk.retry("밥 먹어")
    talk.retry("일해")
    assert not talk.choices
    talk.say("그래", "응")
    assert talk.pairs == [("일해", "잔다"), ("일해", "밥 먹어")]
    assert all(choice.context == [(1, "뭐해")] for choice in talk.choices)


def test_a_reply_that_comes_again_is_no_rejected_one():
    talk = Talk()
    talk.say("뭐해", "잔다")
    talk.retry("일해")
    talk.retry("잔다")
    talk.say("그래", "응")
    assert talk.pairs == [("잔다", "일해")]


def test_an_edit_is_chosen_even_if_the_talk_ends_there_a_retry_is_not():
    talk = Talk()
    talk.say("뭐해", "잔다")
    talk.edit("일하는 중")
    talk.end()
    talk.say("밥은", "아니")
    talk.retry("응")
    talk.end()
    assert talk.pairs == [("일하는 중", "잔다"), (None, "아니")]


def test_an_undone_reply_is_rejected_for_none():
    talk = Talk()
    talk.say("뭐해", "잔다")
    talk.undo()
    talk.say("뭐 하니", "응")
    assert talk.pairs == [(None, "잔다")]


def test_what_was_accepted_before_is_rejected_no_more():
    talk = Talk()
    talk.say("뭐해", "잔다")
    talk.say("또", "응")
    talk.undo()
    talk.choices.clear()
    talk.retry("일해")  # of "잔다", which was answered
    talk.say("그래", "응")
    assert not talk.choices


@given(st.lists(st.sampled_from(["say", "retry", "edit", "undo"]), max_size=12))
def test_choices_hold_only_what_was_said_in_their_own_conversation(acts):
    talks = [Talk(), Talk()]
    for number, act in enumerate(acts * 2):
        index = number % 2
        talk = talks[index]
        if act == "say":
            talk.say(f"{index} 말 {number}", f"{index} 답 {number}")
        elif talk.history:
            talk.undo() if act == "undo" else getattr(talk, act)(f"{index} 또 {number}")
    for index, talk in enumerate(talks):
        talk.end()
        for choice in talk.choices:
            texts = [choice.rejected, choice.chosen or str(index), *(t for _, t in choice.context)]
            assert all(text.startswith(str(index)) for text in texts)
            assert choice.chosen != choice.rejected and choice.context


def talk_and_keep(config):
    talk = Talk(keep_choices(config, About(run_name="main", step=7)))
    talk.say("번호 뭐야", "010-2345-6789 로 해")
    talk.retry("몰라")
    talk.say("그래", "응")
    return talk


def test_nothing_is_stored_unless_the_owner_asks_for_it(project):
    config = project.config()
    assert keep_choices(config, About()) is keep_nothing
    talk_and_keep(config)
    assert not preferences_path(config).exists()


def test_what_is_stored_is_masked_encrypted_and_the_owners(project):
    config = project.config("preferences.store=true")
    talk_and_keep(config)
    path = preferences_path(config)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().startswith(b"age-encryption.org/v1")
    [row] = read_preferences(config)
    assert row.chosen == "몰라" and row.model == "main 7" and row.context == [(1, "번호 뭐야")]
    assert "2345-6789" not in row.rejected and row.rejected.endswith("로 해")


def test_deleting_leaves_nothing(project):
    config = project.config("preferences.store=true")
    talk_and_keep(config)
    path = preferences_path(config)
    before = {*path.parent.iterdir()}
    path.with_name(f"{path.name}.999999.part").write_bytes(b"of a killed process")
    delete_preferences(config)
    assert not read_preferences(config)
    assert before - {*path.parent.iterdir()} >= {path}
    assert not [p for p in path.parent.iterdir() if p.name.startswith("preferences")]


def test_pairs_are_those_with_two_replies_each_once(project):
    config = project.config("preferences.store=true")
    talk = talk_and_keep(config)
    talk_and_keep(config)
    talk.undo()
    rows = read_preferences(config)
    assert len(rows) == 3 and len(pairs_of(rows)) == 1
    assert count_kinds(rows) == {"retry": (2, 0), "undo": (0, 1)}
    add_preferences([], config)
    assert read_preferences(config) == rows
