"""A tiny network whose every weight counts, and the model file of one."""

import torch

from chatbot.model.bundle import About
from chatbot.model.gpt.config import GPTConfig
from chatbot.model.gpt.file import gpt_bundle
from chatbot.model.gpt.network import GPT

SHAPE = GPTConfig(
    vocab_size=50, block_size=24, n_layer=2, n_head=4, n_kv_head=2, n_embd=32, n_hidden=64,
    dropout=0.0, rope_theta=10000.0,
)  # fmt: skip


def make_gpt(shape=SHAPE, seed=0):
    model = GPT(shape)
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():  # not the zero-init of training: every path must count
        torch.nn.init.normal_(parameter, std=0.2, generator=generator)
    return model.eval()


def model_file(**weights):
    """Return a model whose vocabulary is none, with some weights replaced."""
    drawn = {name: w.numpy() for name, w in make_gpt().state_dict().items()}
    return gpt_bundle(SHAPE, drawn | weights, "{}", About(step=3))
