"""The privacy report: exact on known models; an overfitted model fails it, an untrained one passes."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.corpus.copying import copied_share
from chatbot.corpus.store import open_corpus
from chatbot.corpus.template import Turn
from chatbot.inference.scoring import (
    Item,
    item_of,
    messages_of,
    reply_logits,
    token_log_probabilities,
)
from chatbot.privacy.audit import DIGITS, FORMS, REPEATS, draw_canaries, split_at_random
from chatbot.privacy.memorization import attack, exposure, queries, queries_to_extract
from chatbot.privacy.page import page
from chatbot.privacy.report import quick_report
from chatbot.privacy.results import PrivacyReport, read_report
from chatbot.settings.schema import SamplingConfig
from tests.corpus.texts import tokenizer

V = 400
CONTROL = np.arange(6)


class Fixed:
    """A network that always says: the next token is the last one plus one, by so many nats."""

    context_length = 64

    def __init__(self, sure=3.0):
        self.sure = sure

    def __call__(self, tokens, cache=None):
        logits = np.zeros((*tokens.shape, V), dtype=np.float32)
        np.put_along_axis(logits, ((tokens + 1) % V)[..., None], self.sure, axis=-1)
        return logits


def test_log_probabilities_are_those_of_the_tokens():
    item = Item([1, 4, 50], [51, 52, 60], "abc")
    ((_, logits),) = reply_logits(Fixed(), [item])
    found = token_log_probabilities(logits, item.reply)
    norm = math.log(math.exp(3) + V - 1)
    np.testing.assert_allclose(found, [3 - norm, 3 - norm, -norm], rtol=1e-6)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=8))
def test_batching_changes_nothing(lengths):
    items = [Item([1, 4], list(range(100, 100 + n)), "x") for n in lengths]
    for item, logits in reply_logits(Fixed(), items):
        ((_, alone),) = reply_logits(Fixed(), [item])
        np.testing.assert_array_equal(logits, alone)


def test_queries_to_extract_are_those_of_the_real_sampler():
    item = Item([1, 4, 50], [51, 52, 2], "abc")
    greedy = SamplingConfig(temperature=0, repetition_penalty=1)
    assert queries_to_extract(Fixed(), [item], CONTROL, greedy).tolist() == [
        math.inf
    ]  # 53, not the end
    follows = Item([1, 4, 50], [51, 52, 53], "abc")
    assert queries_to_extract(Fixed(), [follows], CONTROL, greedy).tolist() == [1.0]
    plain = SamplingConfig(temperature=1, min_p=0, repetition_penalty=1)
    n_free = V - 6 + 0
    chance = (math.exp(3) / (math.exp(3) + n_free - 1)) ** 3
    (found,) = queries_to_extract(Fixed(), [follows], CONTROL, plain)
    assert found == pytest.approx(queries(chance), abs=1)
    cut = SamplingConfig(temperature=1, min_p=0.5, repetition_penalty=1)
    assert queries_to_extract(Fixed(), [follows], CONTROL, cut).tolist() == [1.0]


@given(st.floats(1e-9, 0.49))
def test_half_the_time_the_event_was_hit_by_then(probability):
    n = queries(probability)
    hit = [-math.expm1(k * math.log1p(-probability)) for k in (n - 1, n)]
    assert hit[0] <= 0.5 + 1e-9 and hit[1] >= 0.5 - 1e-9


@settings(max_examples=30)  # each draws hundreds of samples
@given(
    st.lists(st.integers(0, 9), min_size=2, max_size=30),
    st.lists(st.integers(0, 9), min_size=2, max_size=30),
)
def test_the_auc_is_the_share_of_pairs_in_order(members, others):
    found = attack(np.array(members, float), np.array(others, float), np.random.default_rng(0))
    pairs = [(m > o) + (m == o) / 2 for m in members for o in others]
    assert found.auc == pytest.approx(sum(pairs) / len(pairs))
    assert found.auc_interval[0] <= found.auc_interval[1]


def test_exposure_counts_ranks_in_bits():
    items = [Item([1, 4, 50], [51 + n], f"{n}") for n in range(8)]
    assert exposure(Fixed(), items[0], items[1:]) == 3.0
    assert exposure(Fixed(), items[1], [items[0]]) == 0.0


def test_a_reply_copies_if_so_many_characters_stand_in_a_message(processed):
    corpus = open_corpus(processed.root / "data/processed")
    some = list(messages_of(corpus.train, corpus.tokenizer, 64, 12))[:3]
    texts = [item.text for item in some]
    assert copied_share(texts, corpus.train, corpus.tokenizer, 12) == 1.0
    assert copied_share(["가" * 40], corpus.train, corpus.tokenizer, 12) == 0.0


def test_messages_keep_their_true_past():
    item = item_of([Turn(1, "밥?")], Turn(0, "먹었어"), tokenizer(), 64)
    assert tokenizer().decode(item.prompt) == "밥?" and tokenizer().decode(item.reply) == "먹었어"
    assert item.reply[-1] == tokenizer().eos_id


def test_canaries_differ_and_sessions_are_held_out_whole(processed):
    import random

    canaries = draw_canaries(random.Random(0))  # noqa: S311
    assert len({canary.secret for canary in canaries}) == len(canaries)
    assert {canary.n_repeats for canary in canaries} == set(REPEATS)
    assert all(len(canary.secret) == DIGITS for canary in canaries) and len(FORMS) >= 3
    corpus = open_corpus(processed.root / "data/processed")
    parts = split_at_random(corpus.train, corpus.tokenizer, random.Random(0))  # noqa: S311
    assert sum(len(part.tokens) for part in parts) == len(corpus.train.tokens)
    assert all(part.tokens[0] == corpus.tokenizer.bos_id for part in parts)


OVERFIT = (
    "optimization.max_steps=120", "optimization.learning_rate=0.01", "model.n_embd=64", "model.dropout=0",
    "model.input_masking=0", "optimization.weight_decay=0", "logging.eval_interval=120", "logging.save_interval=120",
    "logging.snapshot_interval=0", "optimization.patience=0", "publish.privacy.check=refuse",
)  # fmt: skip


@pytest.mark.slow
def test_an_overfitted_model_fails_and_is_not_published(processed, capsys):
    some = tuple(part for setting in OVERFIT for part in ("--set", setting))
    assert processed.run("train", *some) == 0
    capsys.readouterr()
    assert processed.run("publish", *some) == 2
    assert "remembers more of its chat than" in capsys.readouterr().err
    assert not list((processed.root / "artifacts").glob("model*"))
    assert processed.run("publish", *some, "--set", "publish.privacy.check=warn") == 0
    assert "privacy: " in capsys.readouterr().err


def test_an_untrained_model_passes(trained, capsys):
    assert trained.run("publish", "--set", "publish.privacy.check=refuse") == 0
    assert "(publish.privacy." not in capsys.readouterr().err


@pytest.mark.slow
def test_the_report_has_every_part_and_no_secret(trained, capsys):
    assert trained.run("privacy", "--audit") == 0
    folder = trained.root / "checkpoints/main"
    report = json.loads((folder / "privacy.json").read_text())
    assert set(report["canaries"]) == {str(n) for n in REPEATS}
    assert report["membership"] and report["extraction"]["train"]
    stats = open_corpus(trained.config().processed_dir).stats
    assert report["data"]["context only, not trained"] == stats.context_only
    shown = (folder / "privacy.html").read_text(encoding="utf-8")
    assert shown == page(read_report(folder / "privacy.json"))
    assert shown.count("<svg") >= 3 and "도윤" not in shown
    assert not any(form.format("").strip() in shown for _, form in FORMS[:1])


def test_a_model_of_other_data_is_not_measured(trained, capsys):
    assert trained.run("preprocess", "--set", "processed.preprocess.min_context_turns=2") == 0
    assert trained.run("privacy") == 2
    assert "was not trained on the data" in capsys.readouterr().err
    assert trained.run("publish") == 0
    assert "not measured" in capsys.readouterr().err
    assert trained.run("publish", "--set", "publish.privacy.check=refuse") == 2


@pytest.mark.slow
def test_what_privacy_flagged_publish_says_too(trained, capsys):
    assert trained.run("publish") == 0
    assert "`chatbot privacy` also measures" in capsys.readouterr().err
    assert trained.run("privacy") == 0
    path = trained.root / "checkpoints/main/privacy.json"
    report = json.loads(path.read_text())
    report["verbatim"] = {"train": 0.9, "held_out": 0.0, "n_replies": 10.0}
    path.write_text(json.dumps(report))
    capsys.readouterr()
    assert trained.run("publish") == 0
    assert "publish.privacy.max_copied" in capsys.readouterr().err
    assert trained.run("publish", "--set", "publish.privacy.check=refuse") == 2
    report["settings"]["step"] += 1  # of another model: it says nothing about this one
    path.write_text(json.dumps(report))
    assert trained.run("publish", "--set", "publish.privacy.check=refuse") == 0


@pytest.mark.parametrize(
    ("warnings", "n_messages", "verdict"),
    [
        ([], 200, "looks fine"),
        (["copies"], 200, "Do not share it yet"),
        ([], 3, "cannot be said"),
        (["copies"], 3, "Do not share it yet"),
    ],
)
def test_the_page_says_in_words_whether_sharing_is_fine(warnings, n_messages, verdict):
    report = PrivacyReport(
        n_messages={"train": n_messages, "held_out": 200}, min_chars=20,
        extraction={}, membership={}, warnings=warnings,
    )  # fmt: skip
    shown = page(report)
    verdicts = ("looks fine", "Do not share it yet", "cannot be said")
    assert [text for text in verdicts if text in shown] == [verdict]
    assert "only to somebody who may read the chat" in shown


def test_a_report_tells_of_every_message_that_it_computes(trained):
    corpus = open_corpus(trained.root / "data/processed")
    rows: list[int] = []
    report = quick_report(Fixed(), corpus, SamplingConfig(), 20, rows.append)
    assert sum(rows) == 2 * sum(report.n_messages.values()) > 0
