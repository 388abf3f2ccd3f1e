"""Organized exports become clean sessions, whoever asks: no command, no terminal."""

from contextlib import contextmanager

from chatbot.corpus.pipeline import build_corpus
from chatbot.corpus.store import read_stats
from chatbot.ingest.pipeline import read_sessions


class Recorder:
    """A listener that counts steps."""

    def __init__(self):
        self.sentences, self.totals, self.n_steps = [], {}, {}

    def say(self, sentence):
        self.sentences.append(sentence)

    warn = say

    @contextmanager
    def progress(self, total, what):
        self.totals[what], self.n_steps[what] = total, 0

        def advance():
            self.n_steps[what] += 1

        yield advance


def test_sessions_hold_every_message_that_is_kept(processed):
    config = processed.config("processed.preprocess.merge_same_speaker=false")
    with read_sessions(config) as rooms:
        n_messages = sum(len(session.messages) for spool in rooms.spools for session in spool)
        assert n_messages == rooms.account.messages["kept"] == rooms.account.messages["turns"]
        assert rooms.n_said.total() == rooms.account.n_learned


def test_nothing_is_left_on_disk(processed):
    config = processed.config()
    with read_sessions(config) as rooms:
        assert rooms.n_sessions > 0 and list(config.processed_dir.parent.glob("*.part"))
    assert not list(config.processed_dir.parent.glob("*.part"))


def test_a_corpus_is_built_in_silence_and_is_that_of_the_command(processed, capsys):
    before = read_stats(processed.config().processed_dir)
    assert build_corpus(processed.config()) == before
    assert capsys.readouterr() == ("", "")


def test_a_listener_hears_of_every_step(processed):
    listener = Recorder()
    stats = build_corpus(processed.config(), listener=listener)
    assert listener.n_steps["reading messages"] == stats.messages["seen"]
    assert set(listener.totals) == {"reading messages", "writing sessions"}
    assert any(sentence.startswith("persona: ") for sentence in listener.sentences)
