"""What fine-tuning takes, counted on a network without weights, is what it really takes."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from chatbot.corpus.store import open_corpus
from chatbot.model.gpt.network import Dropout
from chatbot.model.pretrained.hub import Base, skeleton_of
from chatbot.model.pretrained.network import add_token_rows
from chatbot.training import memory
from chatbot.training.memory import Surroundings
from chatbot.training.pretrained import (
    Machine,
    adapted,
    choose_machine,
    count_need,
    open_network,
    with_numbers,
)
from tests.bases import KINDS_IN_TURN


def networks(project, *more: str):
    config = project.config("lora.dropout=0.0", *more)
    base = Base(config.pretrained.base, Path())
    tokenizer = open_corpus(config.processed_dir).tokenizer
    skeleton = skeleton_of(base, torch.float32)
    add_token_rows(skeleton, tokenizer)
    real = open_network(base, config, tokenizer, choose_machine(config))
    return adapted(skeleton, base, config, tokenizer), real


@pytest.mark.parametrize("kind", KINDS_IN_TURN)
@pytest.mark.parametrize("tuning", ["lora", "dora", "full"])
def test_counted_activations_are_those_that_autograd_keeps(on_base, kind, tuning):
    way = "lora.use_dora=true" if tuning == "dora" else f"model.tuning={tuning}"
    counted, real = networks(on_base(kind), way)
    for module in real.modules():  # with it a CPU keeps every pair; a card's kernels do not
        if hasattr(module, "attn_dropout"):
            module.attn_dropout.p = 0.0
    cost, real_cost = memory.activation_cost(counted), memory.activation_cost(real)
    assert (cost.whole.fixed > 0) == (tuning == "dora")
    for n_tokens in (96, 1024):
        # Real attention on a CPU keeps a little more or less than the stand-in does.
        whole, checkpointed = cost.whole.of(n_tokens), cost.checkpointed.of(n_tokens)
        assert whole == pytest.approx(real_cost.whole.of(n_tokens), rel=0.15)
        assert checkpointed == pytest.approx(real_cost.checkpointed.of(n_tokens), rel=0.2)
        assert checkpointed < whole
    assert sum(p.numel() for p in counted.parameters()) == sum(p.numel() for p in real.parameters())


def need(project, free, *more: str):
    config = project.config(*more)
    base = Base(config.pretrained.base, Path())
    config = with_numbers(config, base, torch.device("cpu"))
    tokenizer = open_corpus(config.processed_dir).tokenizer
    cpu = Machine(torch.device("cpu"), torch.float32, config.pretrained.base.load_in_4bit)
    return count_need(config, base, tokenizer, cpu, free)


def test_parts_add_up_and_smaller_ways_are_smaller(on_base):
    project = on_base("llama")
    lora, full = need(project, None), need(project, None, "model.tuning=full")
    parts = lora.weights + lora.adapter + lora.optimizer + lora.logits + lora.activations
    assert lora.additional == pytest.approx(parts) and lora.n_trained * 4 == lora.adapter
    assert lora.total == pytest.approx(lora.around.process + parts)
    assert full.optimizer > lora.optimizer and full.n_trained == full.n_params
    assert lora.weights_in_4bit < lora.weights
    small = need(project, None, "training.optimizer=adamw_8bit")
    assert small.optimizer == lora.n_trained * 10 < lora.optimizer


def test_little_memory_means_fewer_tokens_at_once_and_layers_computed_twice(on_base):
    project = on_base("llama")
    whole = need(project, None)
    assert whole.tokens_at_once == 4 * 128 and not whole.is_checkpointed
    static = whole.additional - whole.activations
    tight = need(project, int((static + 0.5 * whole.activations) / 0.85))
    assert 128 <= tight.tokens_at_once < 4 * 128 and not tight.is_checkpointed
    tighter = need(project, int((static + 0.2 * whole.activations) / 0.85))
    assert tighter.is_checkpointed and tighter.additional < tight.additional
    forced = need(project, None, "model.gradient_checkpointing=true")
    assert forced.is_checkpointed and forced.activations < whole.activations


def test_a_base_whose_file_is_mapped_while_it_is_converted_takes_that_too(on_base):
    project = on_base("llama")
    small = need(project, None)
    mapped = dataclasses.replace(small, around=dataclasses.replace(small.around, file=7e9))
    assert mapped.total == small.around.process + small.weights + 7e9


def test_on_a_card_the_process_counts_for_nothing():
    cuda = Surroundings()
    assert (cuda.process, cuda.file) == (0, 0)


def test_dropout_keeps_a_byte_an_element_and_scales_as_it_did():
    kept = []

    def pack(tensor):
        kept.append(tensor.untyped_storage().nbytes())
        return tensor

    x = torch.randn(64, 48, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        y = Dropout(0.25)(x)
    y.sum().backward()
    assert sum(kept) == x.numel()
    torch.testing.assert_close(y, x * x.grad)
    assert sorted(set(x.grad.flatten().tolist())) == pytest.approx([0.0, 256 / 192])


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_process_takes_what_is_planned(on_base):
    """Of a tiny base: what is there beside its activations. Large ones: benchmarks/memory.py."""
    project = on_base("llama")
    pairs = [part for setting in project.settings() for part in ("--set", setting)]
    code = (
        "import sys; from pathlib import Path; from chatbot.sft_ops import main; main(sys.argv[1:]);"
        # ru_maxrss would count this process too, which it was forked from.
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    planned = [sys.executable, "-c", code, "plan", "--root", str(project.root), *pairs]
    trained = [sys.executable, "-c", code, "train", "--root", str(project.root), *pairs]
    shown = subprocess.run(planned, capture_output=True, text=True, check=True).stdout
    (plan,) = re.findall(r"all +([\d.]+) (GB|MB)", shown)
    peak = subprocess.run(trained, capture_output=True, text=True, check=True).stdout.split()[-1]
    n_bytes = float(plan[0]) * {"GB": 1e9, "MB": 1e6}[plan[1]]
    assert n_bytes == pytest.approx(1024 * int(peak), rel=0.15)
