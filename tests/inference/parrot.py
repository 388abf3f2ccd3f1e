"""A bot whose network says what it is told to."""

import numpy as np

from chatbot.inference.bot import Bot, BotSettings
from chatbot.inference.generate import Prefix
from chatbot.settings.schema import DialogueConfig, OutputConfig, PreprocessConfig, SamplingConfig
from tests.corpus.texts import tokenizer

EOS = 2
NO_RULES = PreprocessConfig()


PERSONA_TOKEN = 3


SPEAKERS = (3, 4, 5)


class Heard:
    """A cache that simply holds what was read."""

    def __init__(self):
        self.tokens = []

    @property
    def length(self):
        return len(self.tokens)

    def cut(self, length):
        del self.tokens[length:]


class Parrot:
    """A network that says given tokens in turn, whatever it is asked."""

    context_length = 64

    def __init__(self, wanted):
        self.wanted = wanted
        self.prompts = []

    def new_cache(self):
        return Heard()

    def next_logits(self, tokens, cache):
        cache.tokens += tokens.tolist()
        heads = [i for i, t in enumerate(reversed(cache.tokens)) if t in SPEAKERS]
        n_said = heads[0]
        if cache.tokens[-1] == EOS:
            return self.turns_of()
        if n_said == 0:
            self.prompts.append(list(cache.tokens))
        logits = np.zeros(400, dtype=np.float32)
        logits[self.wanted[n_said] if n_said < len(self.wanted) else EOS] = 50
        return logits

    def turns_of(self):
        """Who speaks next: number 1 three times as likely as 0, number 2 as likely as 0."""
        logits = np.full(400, 9, dtype=np.float32)
        logits[list(SPEAKERS)] = np.log([1, 3, 1])
        return logits


def make_bot(wanted, sampling=(), dialogue=(), number=0, guard=None, rules=NO_RULES, **output):
    plain = {"temperature": 0, "repetition_penalty": 1, "max_new_tokens": 24}
    sampling = SamplingConfig(**plain | dict(sampling))
    model = Parrot(wanted)
    return Bot(
        Prefix(model),
        tokenizer(),
        BotSettings(sampling, OutputConfig(**output), DialogueConfig(**dict(dialogue)), rules),
        number,
        guard,
    ), model
