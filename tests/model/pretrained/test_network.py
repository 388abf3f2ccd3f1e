"""A pretrained network behind our protocols: the same logits as transformers and peft give."""

from pathlib import Path

import numpy as np
import peft
import pytest
import torch
import transformers

from chatbot.corpus.store import open_corpus
from chatbot.errors import CheckpointError, ConfigError
from chatbot.inference.bot import Bot, BotSettings
from chatbot.inference.generate import Permission, Prefix, generate
from chatbot.inference.sampling import Sampler
from chatbot.model.pretrained.file import read_folder
from chatbot.model.pretrained.hub import Base, load_base
from chatbot.model.pretrained.language_model import PretrainedLanguageModel
from chatbot.model.pretrained.lora import is_adapted
from chatbot.model.pretrained.network import (
    add_token_rows,
    open_network,
)
from chatbot.model.pretrained.tokenizer import base_tokenizer
from chatbot.settings.schema import (
    BaseModelConfig,
    DialogueConfig,
    OutputConfig,
    PreprocessConfig,
    SamplingConfig,
)
from chatbot.training.batches import BatchSource
from chatbot.training.families import run_folder
from chatbot.training.loss import MaskedLoss, token_losses
from tests.bases import KINDS, KINDS_IN_TURN
from tests.model.pretrained.networks import CPU, HYBRIDS, network_like, network_of, some_tokens


@pytest.mark.parametrize("kind", KINDS)
def test_logits_with_and_without_a_cache_are_those_of_transformers(bases, kind):
    network, tokenizer, model = network_of(bases(kind))
    network.require_known_head()
    tokens = some_tokens(1, 24)
    with torch.no_grad():
        wanted = (
            model(input_ids=torch.from_numpy(tokens)).logits[..., : tokenizer.vocab_size].numpy()
        )
    ours = PretrainedLanguageModel(network)
    np.testing.assert_allclose(ours(tokens), wanted, atol=2e-5)
    cache = ours.new_cache()
    parts = [ours(tokens[:, begin : begin + 7], cache) for begin in range(0, 24, 7)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), wanted, atol=2e-5)
    cache.cut(10)
    np.testing.assert_allclose(ours.next_logits(tokens[0, 10:20], cache), wanted[0, 19], atol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_cache_keeps_its_keys_and_values(bases, kind):
    network, _, _ = network_of(bases(kind))
    ours, tokens = PretrainedLanguageModel(network), some_tokens(1, 12)[0]
    cache = ours.new_cache()
    ours.next_logits(tokens, cache)
    cache.cut(5)
    assert cache.kept is not None and cache.kept.get_seq_length() == cache.length == 5


@pytest.mark.parametrize("model_type", HYBRIDS)
def test_a_base_with_a_recurrent_state_continues_and_cuts_a_cache(model_type):
    ours, tokens = PretrainedLanguageModel(network_like(model_type)), some_tokens(1, 24)
    expected, cache = ours(tokens)[0], ours.new_cache()
    for end in (10, 11, 20):
        logits = ours.next_logits(tokens[0, cache.length : end], cache)
        np.testing.assert_allclose(logits, expected[end - 1], atol=2e-5)
    cache.cut(5)
    np.testing.assert_allclose(ours.next_logits(tokens[0, 5:9], cache), expected[8], atol=2e-5)


def test_a_cache_that_cannot_be_cut_is_read_again(bases):
    network, _, _ = network_of(bases("qwen2"))
    ours, tokens = PretrainedLanguageModel(network), some_tokens(1, 12)[0]
    cache = ours.new_cache()
    ours.next_logits(tokens, cache)
    cache.kept.crop = lambda length: (_ for _ in ()).throw(ValueError(length))
    cache.cut(5)
    wanted = ours(tokens[None, :8])[0, -1]
    np.testing.assert_allclose(ours.next_logits(tokens[5:8], cache), wanted, atol=2e-5)


@pytest.mark.parametrize("kind", KINDS_IN_TURN)
def test_greedy_text_is_what_transformers_generates(tuned, kind, tmp_path):
    project = tuned(kind)
    assert project.run("export", "--merged", str(tmp_path / "hf")) == 0
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "hf")
    made = read_folder(run_folder(project.config()).best.parent)
    tokenizer, model = made.tokenizer, open_network(made, project.config()).language_model()
    greedy = SamplingConfig(temperature=0, repetition_penalty=1)
    control = set(tokenizer.control_ids.tolist()) - {tokenizer.eos_id}
    for seed in range(5):
        prompt = [*tokenizer.prefix, *tokenizer.head(1), *some_tokens(1, 6, seed)[0].tolist()]
        prompt += [*tokenizer.tail(1), *tokenizer.head(0)]
        sampler = Sampler(greedy, np.random.default_rng(0))
        ours = list(generate(Prefix(model), prompt, tokenizer, sampler, range(1, 12), Permission()))
        found = theirs.generate(
            torch.tensor([prompt]), max_new_tokens=12, min_new_tokens=1, do_sample=False,
            repetition_penalty=1.0, temperature=None, top_p=None, top_k=None, min_p=None,
            suppress_tokens=sorted(control) + list(range(tokenizer.vocab_size, theirs.config.vocab_size)),
            eos_token_id=tokenizer.eos_id, pad_token_id=tokenizer.pad_id,
        )[0, len(prompt) :].tolist()  # fmt: skip
        assert ours == [token for token in found if token != tokenizer.eos_id]


@pytest.mark.filterwarnings("ignore::FutureWarning")  # peft's own
@pytest.mark.parametrize("kind", KINDS_IN_TURN)
def test_adapter_merged_and_exported_and_peft_answer_alike(tuned, kind, tmp_path):
    project = tuned(kind)
    folder = run_folder(project.config()).best.parent
    assert project.run("export", "--merged", str(tmp_path / "hf")) == 0
    assert project.run("export", str(tmp_path / "adapter")) == 0
    made = read_folder(folder)
    tokens = torch.from_numpy(some_tokens(2, 20))
    tokens[0, 3:5] = torch.tensor([*made.tokenizer.head(0), *made.tokenizer.head(0)][:2])
    merged = open_network(made, project.config())
    with torch.no_grad():
        ours = merged.head(merged.hidden(tokens))
        exported = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "hf")
        torch.testing.assert_close(exported(input_ids=tokens).logits, ours, atol=1e-4, rtol=1e-4)
        plain = transformers.AutoModelForCausalLM.from_pretrained(project.base)
        if made.tokenizer.vocab_size > plain.get_input_embeddings().weight.shape[0]:
            plain.resize_token_embeddings(made.tokenizer.vocab_size, mean_resizing=False)
        opened = peft.PeftModel.from_pretrained(plain, tmp_path / "adapter").eval()
        torch.testing.assert_close(opened(input_ids=tokens).logits, ours, atol=1e-4, rtol=1e-4)


def test_an_adapter_is_not_rounded_away_where_the_weights_are_bf16(tuned):
    project = tuned("qwen3")
    made, tokens = read_folder(run_folder(project.config()).best.parent), some_tokens(2, 20)
    for dtype, is_beside in (
        (torch.bfloat16, True),
        (torch.float16, False),
        (torch.float32, False),
    ):
        network = open_network(made, project.config(), CPU, dtype)
        assert is_adapted(network.model) is is_beside
        with torch.no_grad():
            assert network.head(network.hidden(torch.from_numpy(tokens))).isfinite().all()


def test_the_exported_tokenizer_renders_what_we_render(tuned, tmp_path):
    project = tuned("qwen3")
    assert project.run("export", "--merged", str(tmp_path / "hf")) == 0
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "hf")
    tokenizer = open_corpus(project.config().processed_dir).tokenizer
    talk = [{"role": "user", "content": "오늘 뭐함"}]
    shown = theirs.apply_chat_template(talk, add_generation_prompt=True, return_dict=False)
    parts = (tokenizer.prefix, tokenizer.head(1), tokenizer.encode("오늘 뭐함"), tokenizer.tail(1))
    assert shown == [token for part in (*parts, tokenizer.head(0)) for token in part]


@pytest.mark.parametrize("kind", ["qwen2", "gpt2"])
def test_a_batch_of_sessions_has_the_logits_of_each_session_alone(on_base, kind):
    project = on_base(kind)
    corpus = open_corpus(project.config().processed_dir)
    network, _, _ = network_of(project.base, "auto")
    source = BatchSource(corpus.train, corpus.tokenizer, project.config().objective, 128, 1024)
    batch = max(
        (source.batch(0, i) for i in range(source.n_batches(0))), key=lambda b: len(b.inputs)
    )
    assert len(batch.inputs) > 1
    with torch.no_grad():
        together = network.hidden(torch.from_numpy(batch.inputs))
        for row, inputs in enumerate(batch.inputs):
            n = int(np.flatnonzero(batch.weights[row])[-1]) + 1
            alone = network.hidden(torch.from_numpy(inputs[None, :n]))
            torch.testing.assert_close(together[row, :n], alone[0], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("form", ["chat", "plain"])
def test_the_loss_and_its_gradients_are_those_of_plain_cross_entropy(on_base, form):
    from chatbot.training.pretrained import adapted

    project = on_base("llama")
    config = project.config(f"model.form={form}", "lora.dropout=0.0")
    base = Base(config.pretrained.base, Path())
    tokenizer, _ = base_tokenizer(base, 2 if form == "chat" else 4)
    model = load_base(base, CPU, torch.float32, in_4bit=False)
    add_token_rows(model, tokenizer)
    network = adapted(model, base, config, tokenizer)
    from chatbot.training.batches import Batch

    tokens = some_tokens(2, 17)
    tokens[0, 5] = tokenizer.head(1)[0]
    batch = Batch(tokens[:, :-1], tokens[:, 1:], np.ones((2, 16), dtype=np.float32))
    weights = {n: p for n, p in network.named_parameters() if p.requires_grad}
    for name, p in weights.items():  # an adapter begins as nothing: give it something to do
        with torch.no_grad():
            p.add_(torch.randn(p.shape, generator=torch.Generator().manual_seed(len(name))) * 0.1)
    fused = MaskedLoss(network)(batch)
    found = torch.autograd.grad(fused, list(weights.values()))
    plain = token_losses(network, batch, np.arange(32)).sum()
    wanted = torch.autograd.grad(plain, list(weights.values()))
    torch.testing.assert_close(fused, plain, atol=1e-3, rtol=1e-5)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)
    theirs = network.model(input_ids=torch.from_numpy(batch.inputs)).logits
    loss = torch.nn.functional.cross_entropy(
        theirs.flatten(0, 1), torch.from_numpy(batch.targets).flatten(), reduction="sum"
    )
    torch.testing.assert_close(fused, loss, atol=1e-3, rtol=1e-4)


def test_an_adapter_of_another_base_is_refused(tuned, bases):
    project = tuned("qwen2")
    made = read_folder(run_folder(project.config()).best.parent)
    with pytest.raises(CheckpointError, match="another base"):
        open_network(made, project.config(f"model.base_model={bases('qwen3')}"))


@pytest.mark.parametrize(
    ("name", "problem"), [("no/such folder", "is missing"), ("nowhere", "is missing")]
)
def test_a_base_that_is_not_there_is_said(name, problem):
    with pytest.raises(ConfigError, match=problem):
        Base(BaseModelConfig(base_model=name), Path())


def test_a_hub_base_that_cannot_be_fetched_is_said(monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    base = Base(BaseModelConfig(base_model="nobody/no-such-model"), Path())
    with pytest.raises(ConfigError, match="cannot be downloaded") as error:
        base_tokenizer(base, 2)
    assert "to the folder of a download" in error.value.hint


def test_a_bot_talks_on_a_base(tuned):
    project = tuned("gpt2")
    made = read_folder(run_folder(project.config()).best.parent)
    sampling = SamplingConfig(max_new_tokens=6, seed=1)
    parts = BotSettings(sampling, OutputConfig(), DialogueConfig(), PreprocessConfig())
    bot = Bot(Prefix(open_network(made, project.config()).language_model()), made.tokenizer, parts)
    for said in ("오늘 뭐함", "밥 먹었어?"):
        bot.hear(said)
        bot.reply()
    assert [turn.speaker for turn in bot.history][:1] == [1]


@pytest.mark.parametrize("is_training", [True, False])
def test_dropout_makes_no_base_unknown_and_the_mode_stays(bases, is_training):
    network, _, model = network_of(bases("llama"))
    dropout = torch.nn.Dropout(0.9)
    model.model.embed_tokens.register_forward_hook(lambda _module, _inputs, output: dropout(output))
    model.add_module("dropout", dropout)  # in the mode of the network, as an adapter's is
    model.train(is_training)
    network.require_known_head()
    assert model.training is dropout.training is is_training
