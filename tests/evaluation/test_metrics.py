"""Metrics of held-out replies: those of the trainer, exact on a known model."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from chatbot.corpus.store import open_corpus
from chatbot.corpus.template import Turn
from chatbot.evaluation.held_out import HeldOutReply
from chatbot.evaluation.intervals import ratio_of_sums
from chatbot.evaluation.metrics import (
    calibration_error,
    end_calibration,
    likelihood,
    ranking,
    scorer_of,
)
from chatbot.inference.loading import open_model, open_network, run_model_path
from chatbot.inference.scoring import Item
from chatbot.settings.schema import ObjectiveConfig
from chatbot.training.batches import BatchSource
from chatbot.training.families import run_folder
from chatbot.training.folder import start_loss
from chatbot.training.loop import Compute, evaluate
from tests.corpus.texts import tokenizer

COUNTS = st.tuples(st.floats(0, 9), st.floats(1, 9))


class _Cache:
    def __init__(self):
        self.tokens = []

    def cut(self, length):
        del self.tokens[length:]


class Echo:
    """A network that expects any token that was read before, and nothing else."""

    context_length = 256

    def new_cache(self):
        return _Cache()

    def __call__(self, tokens, cache=None):
        cache = cache or _Cache()
        logits = np.zeros((1, tokens.shape[1], 400), dtype=np.float32)
        for place, token in enumerate(tokens[0].tolist()):
            cache.tokens.append(token)
            logits[0, place, cache.tokens] = 5
        return logits


@given(st.lists(COUNTS, min_size=2, max_size=30))
def test_an_interval_of_a_ratio_holds_the_ratio_of_all(pairs):
    estimate = ratio_of_sums(np.array(pairs), np.random.default_rng(0))
    total = np.array(pairs).sum(axis=0)
    assert estimate.value == pytest.approx(total[0] / total[1])
    ratios = [a / b for a, b in pairs]
    assert min(ratios) - 1e-9 <= estimate.low <= estimate.high <= max(ratios) + 1e-9


def test_intervals_cover_in_simulation():
    """Sessions of different lengths, their tokens alike: 95 % of the intervals hold the truth."""
    rng, n_held = np.random.default_rng(1), 0
    for _ in range(200):
        sizes = rng.integers(1, 30, 60)
        nats = sizes * rng.normal(2.0, 0.5, 60)
        estimate = ratio_of_sums(np.stack([nats, sizes], axis=1), rng)
        n_held += estimate.low <= 2.0 <= estimate.high
    assert n_held >= 180


def test_a_model_that_uses_the_past_ranks_the_true_reply_first():
    pairs = [("밥 먹었어?", "밥"), ("hello", "hello")]
    replies = [HeldOutReply(0, 1, [Turn(1, asked)], Turn(0, said)) for asked, said in pairs]
    pool = [f"{a}{b}" for a in "ㅋ안녕뭐해응😀" for b in "xyzw"]
    first, *others = ranking(scorer_of(Echo(), tokenizer()), replies, pool)
    assert (first.n_distractors, first.hits_at_1.value, first.hits_at_1.n) == (20, 1.0, 2)
    assert not others  # there are not 100


@given(st.lists(st.floats(0, 1), min_size=1))
def test_calibration_errors_are_those_of_certain_outcomes(chances):
    error = calibration_error(np.array(chances), np.ones(len(chances)))
    assert error == pytest.approx(1 - np.mean(chances))


def test_ends_are_expected_as_often_as_the_probabilities_say():
    eos = tokenizer().eos_id
    report = end_calibration(Echo(), [Item([40, 41, eos], [50, eos], "a")])
    norm = [(3 * math.exp(5) + 397), (4 * math.exp(5) + 396)]
    assert report.expected_per_end.value == pytest.approx(sum(math.exp(5) / n for n in norm))


def test_bits_per_byte_are_those_of_the_trainer(trained):
    config = trained.config()
    corpus = open_corpus(config.processed_dir)
    network = open_network(open_model(run_model_path(config), config), config)
    objective = ObjectiveConfig(loss_mode="response_only", speaker_weight=0.0)
    source = BatchSource(corpus.val, corpus.tokenizer, objective, 64, 512)
    compute = Compute(torch.device("cpu"), torch.float32, 0)
    expected = evaluate(network, source, corpus.tokenizer, compute, 1 << 40)
    measured = likelihood(network, corpus, 64)
    assert measured.reply_bpb.value == pytest.approx(expected.bits_per_byte, rel=1e-5)
    assert measured.perplexity.value == pytest.approx(math.exp(expected.loss), rel=1e-5)


def test_the_command_prints_numbers_and_no_text(trained, capsys):
    assert trained.run("eval", "main", "--replies", "2", "--json") == 0
    report, *baselines = json.loads(capsys.readouterr().out)
    assert [each["model"] for each in baselines] == ["retrieval", "bigram", "chance"]
    assert not report["is_baseline"] and all(each["is_baseline"] for each in baselines)
    bpb = report["likelihood"]["reply_bpb"]
    assert bpb["low"] <= bpb["value"] <= bpb["high"] and report["run_name"] == "main"
    assert report["n_replies"] == 2 and report["rankings"][0]["n_distractors"] == 20
    imitation = report["imitation"]
    assert imitation["n_replies"] == 2 and len(imitation["styles"]) == 15
    assert {bag["group"] for bag in imitation["bags"]} >= {"persona, later", "others, later"}
    features = {style["feature"] for style in imitation["styles"]}
    shown = json.dumps([report, *baselines], ensure_ascii=False)
    for feature in features:
        shown = shown.replace(feature, "")
    assert not any("가" <= letter <= "힣" for letter in shown)


def test_the_command_prints_a_table(trained, capsys):
    assert trained.run("eval", "--replies", "2") == 0
    shown = capsys.readouterr()
    assert all(name in shown.out for name in ("reply bits/byte", "retrieval", "bigram", "chance"))
    assert "taken for the persona" in shown.out
    assert "intervals: 95 %" in shown.err


def test_models_of_other_data_and_unknown_models_are_refused(trained, capsys):
    assert trained.run("eval", "nobody") == 2
    assert "neither a run with a model nor the path of one" in capsys.readouterr().err
    assert trained.run("preprocess", "--set", "processed.preprocess.min_context_turns=2") == 0
    assert trained.run("eval") == 2
    assert "was not trained on the data" in capsys.readouterr().err


@pytest.mark.slow
def test_a_model_on_a_base_is_measured_by_the_same_command(tuned, capsys):
    project = tuned("qwen2")
    assert project.run("eval", "--replies", "1", "--json") == 0
    report, base, *_ = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert base["is_baseline"] and base["model"] == "qwen2"
    # The trainer measured the base before the first step, as it is.
    start = start_loss(run_folder(project.config()))
    assert base["likelihood"]["perplexity"]["value"] == pytest.approx(math.exp(start), rel=0.02)
    assert report["likelihood"]["reply_bpb"]["value"] < base["likelihood"]["reply_bpb"]["value"]
    assert report["ends"]["expected_per_end"]["n"] == 1 and report["imitation"]["bags"]
