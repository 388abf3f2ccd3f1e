"""A run on preferences: its reference is the model that it begins from, stored or computed."""

from types import SimpleNamespace

import numpy as np
import pytest

from chatbot.corpus.store import open_corpus
from chatbot.errors import CheckpointError
from chatbot.training.families import run_folder
from chatbot.training.interface import NO_HOOKS
from chatbot.training.preference_run import SplitPairs, preference_settings, prepare_preferences
from chatbot.training.preferences import PairSource, TokenPair, pair_log_probabilities
from chatbot.training.prepare import prepare
from chatbot.training.run import Training


def drawn(n_pairs, vocab_size, seed=0):
    rng = np.random.default_rng(seed)
    return [TokenPair(*rng.integers(5, vocab_size, (3, 6)).tolist()) for _ in range(n_pairs)]


def prepared(project, *overrides, seed=0):
    """A run of 8 pairs on the best model of a project."""
    config = project.config(*overrides)
    parent = run_folder(config).models()[0]
    corpus = open_corpus(config.processed_dir)
    pairs = SplitPairs(drawn(8, 200, seed), drawn(4, 200, seed + 1))
    config = preference_settings(config, "preferred", len(pairs.train))
    folder = run_folder(config)
    folder.path.mkdir(parents=True, exist_ok=True)
    run = prepare_preferences(config, corpus, folder, parent, pairs)
    return SimpleNamespace(run=run, pairs=pairs, corpus=corpus, config=config, folder=folder)


def likely_now(made, pairs):
    source = PairSource(pairs, np.zeros((len(pairs), 2)), made.corpus.tokenizer.pad_id)
    return pair_log_probabilities(made.run.state.model, source, made.run.compute)


def test_the_stored_reference_is_the_computed_one_and_continues(trained):
    made = prepared(trained, "preferences.epochs=4")
    assert likely_now(made, made.pairs.held_out) == pytest.approx(made.run.judge.reference)
    made.folder.stop_file.touch()
    assert Training(made.run).run(NO_HOOKS) == "STOP file"
    again = prepared(trained, "preferences.epochs=4")
    assert again.run.judge.reference.tolist() == made.run.judge.reference.tolist()
    assert Training(again.run).run(NO_HOOKS) == "done"
    moved = likely_now(again, again.pairs.train) - likely_now(made, made.pairs.train)
    assert (moved[:, 0] - moved[:, 1]).mean() > 0
    with pytest.raises(CheckpointError, match="the preferences have changed"):
        prepared(trained, "preferences.epochs=4", seed=7)


def test_the_reference_of_an_adapter_is_its_parent_and_of_a_new_one_the_base(tuned):
    project = tuned("qwen2")
    made = prepared(project)
    pairs = made.pairs.train
    wrapped = made.run.state.model.model
    with wrapped.disable_adapter():
        base = likely_now(made, pairs)
    assert np.abs(base - likely_now(made, pairs)).max() > 1e-3  # the parent has learned
    new = prepare(made.config, made.corpus, made.folder)
    made.run.state.model = new.state.model
    assert likely_now(made, pairs) == pytest.approx(base, abs=1e-4)
