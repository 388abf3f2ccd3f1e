"""In a group, when to speak is learned from the log."""

import random

import numpy as np
import pytest
import torch

from chatbot.corpus.store import TokenStore
from chatbot.corpus.template import Turn, render_all
from chatbot.inference.bot import Bot, BotSettings
from chatbot.inference.generate import Prefix
from chatbot.model.gpt.config import GPTConfig
from chatbot.model.gpt.network import GPT, TorchLanguageModel
from chatbot.settings.schema import (
    DialogueConfig,
    ObjectiveConfig,
    OutputConfig,
    PreprocessConfig,
    SamplingConfig,
)
from chatbot.training.batches import BatchSource
from chatbot.training.loop import Compute, new_state, train_steps
from chatbot.training.recipe import Recipe, with_steps
from tests.corpus.texts import tokenizer


def talk(rng):
    """A session in which number 0 speaks after a question, and never else."""
    turns = []
    for _ in range(10):
        is_question = rng.random() < 0.4
        turns.append(Turn(rng.choice([1, 2]), "밥 먹었어?" if is_question else "안녕", True))
        if is_question:
            turns.append(Turn(0, "응 먹었어", True))
    return turns


@pytest.mark.slow
def test_the_bot_answers_what_its_number_answered_in_the_log():
    rng = random.Random(0)  # noqa: S311
    examples = list(render_all([talk(rng) for _ in range(60)], tokenizer()))
    store = TokenStore(
        np.array([t for e in examples for t in e.tokens], dtype=np.uint16),
        np.array([m for e in examples for m in e.loss_mask], dtype=np.uint8),
    )
    shape = GPTConfig(tokenizer().vocab_size, 128, 1, 2, 2, 32, 64, 0.0, 10000.0)
    source = BatchSource(store, tokenizer(), ObjectiveConfig(), 128, 1024)
    recipe = Recipe(
        learning_rate=0.01, weight_decay=0.0, warmup_steps=5, batch_size=8, max_epochs=1.0
    )
    rules = with_steps(recipe, 250)
    model = GPT(shape)
    model.init_weights(torch.Generator().manual_seed(0))
    compute = Compute(torch.device("cpu"), torch.float32, 0)
    for result in train_steps(new_state(model, rules, compute), source, rules, compute):
        assert np.isfinite(result.loss)
    parts = SamplingConfig(), OutputConfig(), DialogueConfig(reply_floor=0.02, reply_cap=0.9)
    bot = Bot(
        Prefix(TorchLanguageModel(model.eval())),
        tokenizer(),
        BotSettings(*parts, PreprocessConfig()),
    )
    bot.hear("안녕", 1)
    assert bot.chance_to_reply() < 0.1
    bot.hear("밥 먹었어?", 2)
    assert bot.chance_to_reply() == 0.9
