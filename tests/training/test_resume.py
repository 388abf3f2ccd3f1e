"""Stopped and continued is never stopped: bit for bit on a CPU."""

import json
import shutil
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.corpus.store import open_corpus
from chatbot.errors import CheckpointError
from chatbot.model.bundle import About
from chatbot.training import loop
from chatbot.training.checkpoint import (
    check_resumable,
    read_checkpoint,
    read_newest,
    record_checksum,
)
from chatbot.training.folder import RunFolder
from chatbot.training.interface import TrainingHooks
from chatbot.training.loop import averaged, evaluate
from chatbot.training.prepare import prepare
from chatbot.training.run import Training
from tests.conftest import Project, make_project
from tests.training.runs import N_STEPS, assert_equal, content, train_until


@pytest.fixture(scope="module")
def whole(tmp_path_factory, _processed):
    root = tmp_path_factory.mktemp("whole") / "project"
    shutil.copytree(_processed, root)
    return content(train_until(Project(root)))


@pytest.mark.slow
@settings(max_examples=8)
@given(st.lists(st.integers(1, N_STEPS - 1), min_size=1, max_size=3).map(sorted))
def test_stopped_at_random_steps_equals_never_stopped(tmp_path_factory, _processed, whole, stops):
    root = tmp_path_factory.mktemp("cut") / "project"
    shutil.copytree(_processed, root)
    for stop in [*stops, N_STEPS]:
        folder = train_until(Project(root), until=stop)
    assert_equal(content(folder), whole)


def test_killed_after_logging_continues_without_doubled_metrics(processed, whole):
    folder = train_until(processed, until=6)
    with folder.metrics.open("a") as file:
        file.write(json.dumps({"step": 7, "loss": 1}) + '\n{"step": 8, "lo')
    assert_equal(content(train_until(processed)), whole)


def test_every_checkpoint_trains_on_to_the_same_end(processed, whole):
    folder = train_until(processed)
    snapshot = folder.snapshot(6)
    shutil.copy(snapshot, folder.latest)
    assert_equal(content(train_until(processed)), whole)


@pytest.mark.parametrize(("override", "message"), [
    ("model.n_layer=3", "`model.n_layer` is 3, the checkpoint has 2"), ("model.block_size=32", "`model.block_size` is 32, the checkpoint has 64"),
    ("optimization.optimizer=adamw", "`optimization.optimizer` has changed"),
])  # fmt: skip
def test_changed_constants_are_named(processed, override, message):
    train_until(processed, until=2)
    with pytest.raises(CheckpointError, match=message):
        train_until(processed, override)


def test_a_changed_size_is_named_and_not_the_numbers_that_follow_it():
    data = {"tokenizer_sha256": "a", "data_fingerprint": "b"}
    small, nano = (About(**data, size=size) for size in ("small", "nano"))
    saved = SimpleNamespace(about=nano, shape={"n_layer": 4, "n_embd": 256})
    with pytest.raises(CheckpointError, match=r"`model\.size` is small, the checkpoint has nano"):
        check_resumable(saved, small, {"n_layer": 6, "n_embd": 384})
    check_resumable(saved, small, saved.shape)  # the same all the same


def test_data_with_holes_of_an_older_version_still_trains_with_a_hint(processed, capsys):
    path = processed.config().processed_dir / "stats.json"
    stats = json.loads(path.read_text(encoding="utf-8"))
    assert stats.pop("context_only") is not None
    path.write_text(json.dumps(stats), encoding="utf-8")
    assert processed.run("train", "--set", "optimization.max_steps=1") == 0
    assert "dropped repeated messages" in capsys.readouterr().err


def test_changed_data_is_refused(processed, export):
    train_until(processed, until=2)
    assert processed.run("preprocess", "--set", "processed.preprocess.min_context_turns=2") == 0
    with pytest.raises(CheckpointError, match="training data has changed"):
        train_until(processed)


def test_changed_vocabulary_is_refused(processed):
    train_until(processed, until=2)
    assert processed.run("preprocess", "--set", "processed.preprocess.vocab_size=410") == 0
    with pytest.raises(CheckpointError, match="vocabulary has changed"):
        train_until(processed)


def test_auto_resume_off_never_overwrites(processed):
    train_until(processed, until=2)
    with pytest.raises(CheckpointError, match="`auto_resume` is off"):
        train_until(processed, "auto_resume=false")


def damage(path, how):
    content = path.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]
    path.write_bytes(flipped if how == "flip" else content[:how])


@pytest.mark.parametrize(
    "how", ["flip", *(pytest.param(n, marks=pytest.mark.slow) for n in (0, 1, 5000, -1))]
)
def test_a_damaged_checkpoint_gives_way_to_the_one_before(whole, processed, how):
    folder = train_until(processed, until=6)
    damage(folder.latest, how)
    troubles = []
    assert read_newest(folder, troubles.append).step == 4
    assert "latest.pt is damaged" in troubles[0] and "previous.pt, step 4" in troubles[1]
    assert_equal(content(train_until(processed)), whole)


def test_if_every_checkpoint_is_damaged_nothing_is_trained_anew(processed):
    folder = train_until(processed, until=6)
    for path in folder.path.rglob("*.pt"):
        damage(path, "flip")
    with pytest.raises(CheckpointError, match="every checkpoint"):
        train_until(processed)


def test_a_death_between_noting_a_checkpoint_and_renaming_it_loses_nothing(processed):
    folder = train_until(processed, until=4)
    for number in range(5):
        record_checksum(folder.latest, f"{number}")
        assert read_checkpoint(folder.latest).step == 4
    folder.latest.replace(folder.previous)  # without hard links, between two renames
    assert read_newest(folder, lambda _: None).step == 4


def test_a_save_that_fails_does_not_end_training(processed, monkeypatch):
    from chatbot.errors import ChatbotError
    from chatbot.training import keeper

    troubles, saves = [], []
    real = keeper.save_checkpoint

    def failing(path, state, about):
        saves.append(state.step)
        if state.step == 4:
            raise ChatbotError("no space left", hint="free some")
        real(path, state, about)

    monkeypatch.setattr(keeper, "save_checkpoint", failing)
    config = processed.config()
    folder = RunFolder(config.run_dir)
    folder.path.mkdir(parents=True)
    corpus = open_corpus(config.processed_dir)
    made = prepare(config, corpus, folder, None)
    hooks = TrainingHooks(lambda *_: None, lambda *_: None, troubles.append, lambda gpt: "x")
    Training(made).run(hooks)
    assert len(troubles) == 2  # the best and the latest of step 4
    assert saves[-1] == N_STEPS
    assert read_checkpoint(folder.latest).step == N_STEPS


def test_no_checkpoint_loads_code(tmp_path):
    path = tmp_path / "evil.pt"
    torch.save({"kind": "training", "format": 1, "x": make_project}, path)
    with pytest.raises(CheckpointError, match="is damaged"):
        read_checkpoint(path)


def test_full_disk_while_saving_is_a_sentence(tmp_path, monkeypatch):
    import io

    from chatbot.errors import ChatbotError
    from chatbot.storage import files
    from chatbot.training.checkpoint import _save

    class Full(io.BytesIO):
        def write(self, content):
            raise OSError(28, "No space left on device")

        def fileno(self):
            return 0

    monkeypatch.setattr(files, "open", lambda *_, **__: Full(), raising=False)
    with pytest.raises(ChatbotError, match="no space left"):
        _save(tmp_path / "latest.pt", {"x": torch.zeros(9)})
    assert not list(tmp_path.iterdir())


def test_compile_reaches_the_trained_path(processed, monkeypatch):
    calls = []

    def fake_compile(function, dynamic):
        def compiled(*args):
            calls.append(dynamic)
            return function(*args)

        return compiled

    monkeypatch.setattr(torch, "compile", fake_compile)
    train_until(processed, "runtime.compile=true", until=2)
    assert calls


def test_evaluation_is_the_same_whatever_is_trained(processed):
    losses = []
    for weight in ("1", "0.99"):
        config = processed.config(f"objective.context_weight={weight}", "run_name=w" + weight)
        corpus = open_corpus(config.processed_dir)
        made = prepare(config, corpus, RunFolder(config.run_dir), None)
        with averaged(made.state) as network:
            losses.append(evaluate(network, made.sources[1], corpus.tokenizer, made.compute, 10**9))
    assert losses[0] == losses[1]


def test_no_name_is_in_a_run_folder(processed):
    folder = train_until(processed, "raw.aliases={'회원님': '도윤'}", until=2)
    assert "도윤" not in (folder.path / "config.yaml").read_text(encoding="utf-8")


def test_cooldown_branches_off_and_the_run_goes_on_as_if_it_had_not(processed, whole):
    config = processed.config("model.dropout=0.2", "optimization.grad_accum_steps=2")
    folder = RunFolder(config.run_dir)
    folder.path.mkdir(parents=True)
    corpus = open_corpus(config.processed_dir)
    made = prepare(config, corpus, folder, None)
    steps = []

    def on_step(result, _loss):
        steps.append(result)
        if result.step == 6:
            folder.stop_file.write_text("cooldown")

    hooks = TrainingHooks(on_step, lambda *_: None, lambda error: None, lambda gpt: "x")
    Training(made).run(hooks)
    assert len(steps) == 6 + 10  # the branch is at least ten steps
    rates = [result.learning_rate for result in steps[6:]]
    assert rates == sorted(rates, reverse=True) and rates[-1] < rates[0] / 4
    assert read_checkpoint(folder.latest).step == 6
    found, metrics = content(train_until(processed))
    wanted, wanted_metrics = whole
    assert_equal(found, wanted)
    assert_equal(metrics, wanted_metrics)


def test_early_stopping_ends_training(processed, monkeypatch):
    from chatbot.training.loop import EvalResult

    losses = iter([3.0, 2.0, 2.5, 2.1, 9.0])
    monkeypatch.setattr(Training, "_measure", lambda self: EvalResult(next(losses), 1.0, 1))
    folder = train_until(
        processed,
        "optimization.patience=2",
        "optimization.max_steps=50",
        "logging.eval_interval=3",
        until=50,
    )
    status = folder.read_status()
    assert (status.state, status.reason, status.step) == ("finished", "early stopping", 12)
    assert status.best_loss == 2.0
    assert train_until(processed, "optimization.patience=2").read_status().step == 12


def test_a_full_device_is_told_with_what_to_lower(processed, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(loop, "_accumulate", full)
    with pytest.raises(CheckpointError, match="ran out of memory at step 1"):
        train_until(processed)
