"""Fine-tuning a base in the one loop: what changes, what continues, what is refused."""

import json
import shutil
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from chatbot.corpus.store import open_corpus
from chatbot.errors import CheckpointError, ConfigError, CorpusError
from chatbot.training.checkpoint import read_checkpoint
from chatbot.training.families import run_folder
from chatbot.training.folder import RunFolder
from chatbot.training.interface import TrainingHooks
from chatbot.training.loop import averaged, evaluate, train_steps
from chatbot.training.prepare import prepare
from chatbot.training.run import Training
from tests.bases import KINDS_IN_TURN, make_base
from tests.sft import SftProject
from tests.training.runs import numbers_of

N_STEPS = 12


def prepared(project: SftProject, *more: str, parent=None):
    config = project.config(*more)
    corpus = open_corpus(config.processed_dir)
    folder = run_folder(config)
    folder.path.mkdir(parents=True, exist_ok=True)
    return prepare(config, corpus, folder, None, parent=parent), corpus, folder


def train(project: SftProject, *more: str, until: int | None = None) -> RunFolder:
    made, _, folder = prepared(project, *more)

    def stop(result, _loss):
        if until is not None and result.step == until:
            folder.stop_file.touch()

    hooks = TrainingHooks(
        stop, lambda *_: None, lambda error: pytest.fail(str(error)), lambda _: "x"
    )
    Training(made).run(hooks)
    return folder


def content(folder: RunFolder):
    payload = read_checkpoint(folder.latest)
    left_out = ("seconds", "about", "best_loss")  # every stop is measured too
    kept = {name: value for name, value in vars(payload).items() if name not in left_out}
    return kept, [line for line in numbers_of(folder) if "end" not in line]


def assert_equal(one, other):
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert_equal(one[name], other[name])
    elif isinstance(one, list | tuple):
        for a, b in zip(one, other, strict=True):
            assert_equal(a, b)
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    else:
        assert one == other


@pytest.mark.parametrize("tuning", ["lora", "full"])
@pytest.mark.parametrize("kind", KINDS_IN_TURN)
def test_loss_falls_and_only_what_is_trained_changes(on_base, kind, tuning):
    rate = "0.01" if tuning == "lora" else "0.003"
    made, corpus, _ = prepared(
        on_base(kind),
        f"model.tuning={tuning}",
        f"training.learning_rate={rate}",
        "training.max_steps=40",
    )
    state = made.state
    before = {name: p.detach().clone() for name, p in state.model.named_parameters()}
    with averaged(state) as network:
        first = evaluate(network, made.sources[1], corpus.tokenizer, made.compute, 10**6).loss
    for result in train_steps(state, made.sources[0], made.plan.optimization, made.compute):
        float(result.loss)
    with averaged(state) as network:
        last = evaluate(network, made.sources[1], corpus.tokenizer, made.compute, 10**6).loss
    assert last < first - 0.3
    changed = {n for n, p in state.model.named_parameters() if not torch.equal(p, before[n])}
    trained = {n for n, p in state.model.named_parameters() if p.requires_grad}
    assert changed <= trained
    if tuning == "lora":
        assert changed == trained and all("lora_" in n or "trainable_tokens" in n for n in trained)
    else:
        assert trained == set(before)


@pytest.mark.slow
@settings(max_examples=6, deadline=None)
@given(stop=st.integers(1, N_STEPS - 1), kind=st.sampled_from(["qwen2", "gpt2"]))
def test_stopped_and_continued_is_never_stopped(_tokens_of_bases, tmp_path_factory, stop, kind):
    folders = []
    for stops in ([stop, None], [None]):
        root = tmp_path_factory.mktemp("run") / "project"
        project = _tokens_of_bases(kind).copy(root)
        for until in stops:
            folder = train(project, "lora.dropout=0.1", "training.grad_accum_steps=2", until=until)
            folder.stop_file.unlink(missing_ok=True)
        folders.append(folder)
    assert_equal(content(folders[0]), content(folders[1]))


@pytest.mark.slow
def test_a_run_goes_on_from_checkpoint_n_where_the_latest_is_damaged(on_base):
    project = on_base("qwen2")
    folder = train(project, until=8)
    whole = folder.latest.read_bytes()
    folder.latest.write_bytes(whole[: len(whole) // 2])
    folder.stop_file.unlink(missing_ok=True)
    made, _, _ = prepared(project)
    assert made.state.step == 8
    said = " ".join(made.sentences)
    assert "is damaged" in said and "continuing from checkpoint-8/trainer.pt" in said


@pytest.mark.slow
def test_checkpoints_are_pruned_and_every_folder_is_whole(on_base):
    project = on_base("qwen2")
    folder = train(project, "training.save_total_limit=2")
    snapshots = [path.parent for path in folder.snapshots()]
    assert [path.name for path in snapshots] == ["checkpoint-12", "checkpoint-8"]
    for path in (folder.latest.parent, folder.best.parent, *snapshots):
        names = {file.name for file in path.iterdir()}
        assert {
            "adapter_model.safetensors",
            "adapter_config.json",
            "trainer.pt",
            "run_meta.json",
            "tokenizer.json",
            "form.json",
        } <= names
        meta = json.loads((path / "run_meta.json").read_text())
        assert meta["stage"] == "sft" and meta["parent"] is None and meta["step"] > 0
        assert str(project.root) not in (path / "adapter_config.json").read_text()


@pytest.mark.slow
def test_eos_is_learned_even_where_pad_is_eos(on_base):
    project = on_base("gpt2")  # its pad, bos and eos are one token
    made, corpus, _ = prepared(project, "training.max_steps=40")
    source = made.sources[0]
    eos, at_end = corpus.tokenizer.eos_id, []
    for index in range(source.n_batches(0)):
        batch = source.batch(0, index)
        at_end.append(batch.weights[batch.targets == eos])
    assert corpus.tokenizer.pad_id == eos and (np.concatenate(at_end) > 0).any()

    def chance_of_end(network):
        batch = made.sources[1].batch(0, 0)
        places = np.flatnonzero((batch.targets == eos) & (batch.weights == 1))
        from chatbot.training.loss import token_losses

        with torch.no_grad():
            return float(token_losses(network, batch, places).mean())

    first = chance_of_end(made.state.model)
    for _ in train_steps(made.state, source, made.plan.optimization, made.compute):
        pass
    assert chance_of_end(made.state.model.eval()) < first - 1


@pytest.mark.slow
def test_what_is_trained_is_the_label_mode(on_base):
    project = on_base("qwen2")
    shares = {}
    for mode in ("all", "response_only", "persona_only", "last_turn"):
        options = (f"data.label_mode={mode}", f"data.dir=data/{mode}")
        assert project.run("preprocess", settings=options) == 0
        made, corpus, _ = prepared(project, *options, f"project.run_name={mode}")
        source = made.sources[0]
        weights = [source.batch(0, index).weights for index in range(source.n_batches(0))]
        shares[mode] = sum(int((w > 0).sum()) for w in weights) / sum(w.size for w in weights)
        targets = np.asarray(corpus.train.tokens)[np.asarray(corpus.train.loss_mask) == 1]
        assert (targets == corpus.tokenizer.eos_id).any()
    assert shares["all"] > shares["response_only"] > shares["persona_only"] > shares["last_turn"]


def test_long_sessions_keep_every_target_and_its_end(on_base):
    project = on_base("qwen2")
    wanted = None
    for length in ("256", "48"):
        made, corpus, _ = prepared(
            project, f"training.max_seq_len={length}", f"project.run_name=r{length}"
        )
        source = made.sources[0]
        trained = [source.batch(0, i) for i in range(source.n_batches(0))]
        tokens = np.sort(np.concatenate([b.targets[b.weights > 0] for b in trained]))
        wanted = tokens if wanted is None else wanted
        assert np.array_equal(tokens, wanted)
        assert (tokens == corpus.tokenizer.eos_id).sum() > 10


@pytest.mark.parametrize(
    ("option", "error", "problem"),
    [
        ("training.max_seq_len=512", ConfigError, "more than the base's context of 256"),
        ("lora.target_modules=[no_such_layer]", ConfigError, "matches no layer"),
    ],
)
def test_settings_that_cannot_work_are_refused(on_base, option, error, problem):
    with pytest.raises(error, match=problem) as caught:
        prepared(on_base("qwen2"), option)
    assert caught.value.hint


@pytest.mark.slow
def test_another_adapter_or_base_does_not_continue_a_run(on_base, tmp_path):
    project = on_base("qwen2")
    train(project, until=4)
    with pytest.raises(CheckpointError, match=r"`lora.r` is 4, the checkpoint has 16"):
        prepared(project, "lora.r=4")
    other = make_base(tmp_path / "other", "qwen2", seed=5)
    with pytest.raises(CheckpointError, match="belongs to another base"):
        prepared(SftProject(project.root, other))


def test_data_of_our_own_network_is_refused(on_base, _processed):
    project = on_base("qwen2")
    shutil.rmtree(project.root / "data/sft")
    shutil.copytree(_processed / "data/processed", project.root / "data/sft")
    with pytest.raises(CorpusError, match="not for a pretrained base"):
        prepared(project)


def test_data_of_another_base_is_refused(on_base, bases):
    project = SftProject(on_base("qwen2").root, bases("llama"))
    with pytest.raises(CorpusError, match="tokenized for another base"):
        prepared(project)


def test_too_little_memory_is_said_before_anything_is_loaded(on_base, monkeypatch):
    from chatbot.training import pretrained

    monkeypatch.setattr(pretrained, "available_memory", lambda device: 1_000_000)
    monkeypatch.setattr(pretrained, "load_base", lambda *_, **__: pytest.fail("it was loaded"))
    with pytest.raises(ConfigError, match="training needs"):
        prepared(on_base("qwen2"))


def test_four_bits_without_cuda_fall_back_loudly(on_base):
    made, _, _ = prepared(on_base("qwen2"), "model.load_in_4bit=true")
    assert any(sentence.startswith("WARNING: 4-bit") for sentence in made.sentences)


@pytest.mark.slow
@pytest.mark.parametrize(
    "extra",
    [
        "lora.use_dora=true",
        "lora.use_rslora=true",
        "model.gradient_checkpointing=true",
        "model.attn_implementation=eager",
        "training.optimizer=muon",
    ],
)
def test_options_train_too(on_base, extra):
    folder = train(on_base("qwen2"), extra)
    assert load_file(folder.best.parent / "adapter_model.safetensors")


def test_checkpointed_gradients_are_the_same(on_base):
    project, losses = on_base("llama"), []
    for way in ("true", "false"):
        options = (f"model.gradient_checkpointing={way}", f"project.run_name=g{way}")
        made, _, _ = prepared(project, *options)
        steps = train_steps(made.state, made.sources[0], made.plan.optimization, made.compute)
        losses.append([float(result.loss) for result in islice(steps, 5)])
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_a_group_is_trained_with_a_token_a_speaker(tmp_path, bases):
    from datetime import UTC, datetime, timedelta

    from chatbot.cli.invented_room import write_android_export
    from chatbot.conversation import Message
    from tests.sft import make_sft_project

    begin, names = datetime(2025, 1, 1, tzinfo=UTC), ("가람", "나래", "다온")
    said = [
        Message(
            names[i % 3], f"{i}번째 말이야 ㅋㅋ", begin + timedelta(minutes=6 * i + 400 * (i // 12))
        )
        for i in range(240)
    ]
    project = make_sft_project(
        tmp_path / "project", bases("llama"), write_android_export(iter(said))
    )
    assert project.run("preprocess") == 0
    made, corpus, _ = prepared(project)
    assert corpus.tokenizer.form.kind == "plain" and corpus.tokenizer.n_speakers == 3
    names = {
        n.rpartition("trainable_tokens")[0]
        for n, p in made.state.model.named_parameters()
        if "trainable_tokens" in n and p.requires_grad
    }
    assert len(names) == 2  # read in the table, predicted by the untied head
    speakers = [corpus.tokenizer.head(n)[0] for n in range(3)]
    batch = made.sources[0].batch(0, 0)
    assert (batch.weights[np.isin(batch.targets, speakers)] > 0).any()
    steps = train_steps(made.state, made.sources[0], made.plan.optimization, made.compute)
    for result in islice(steps, 3):
        assert np.isfinite(float(result.loss))
