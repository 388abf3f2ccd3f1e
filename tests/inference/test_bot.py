"""The bot: no control token, nothing empty, history trimmed, characters whole."""

import unicodedata

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.corpus.template import Turn, parse
from chatbot.inference.bot import Bot, BotSettings
from chatbot.inference.generate import generate, stream_text
from chatbot.settings import DialogueConfig, OutputConfig, PreprocessConfig, SamplingConfig
from tests.corpus.test_template import tokenizer

EOS = 2


class Parrot:
    """A network that says given tokens in turn, whatever it is asked."""

    context_length = 64

    def __init__(self, wanted):
        self.wanted = wanted
        self.prompts = []

    def new_cache(self):
        return {"said": 0}

    def __call__(self, tokens, cache=None):
        if cache["said"] == 0:
            self.prompts.append(tokens[0].tolist())
        logits = np.zeros((1, tokens.shape[1], 400), dtype=np.float32)
        wanted = self.wanted[cache["said"]] if cache["said"] < len(self.wanted) else EOS
        logits[0, -1, wanted] = 50
        cache["said"] += 1
        return logits


def make_bot(wanted, **output):
    sampling = SamplingConfig(temperature=0, repetition_penalty=1, max_new_tokens=24)
    model = Parrot(wanted)
    return Bot(
        model,
        tokenizer(),
        BotSettings(sampling, OutputConfig(**output), DialogueConfig(), PreprocessConfig()),
    ), model


def test_a_reply_is_what_the_network_says_up_to_the_turns_end():
    bot, model = make_bot([*tokenizer().encode("응 먹었어"), EOS, *tokenizer().encode("또")])
    bot.hear("밥 먹었어?")
    assert bot.reply().text == "응 먹었어"
    assert list(parse(model.prompts[0], tokenizer())) == [(1, "밥 먹었어?")]
    assert bot.history == [Turn(1, "밥 먹었어?"), Turn(0, "응 먹었어")]


@given(st.lists(st.integers(0, 399), max_size=20))
def test_no_control_token_is_ever_said_and_nothing_is_empty(wanted):
    _, model = make_bot(wanted)
    settings = SamplingConfig(max_new_tokens=12, seed=1)
    said = list(generate(model, [1, 3], tokenizer(), settings, np.random.default_rng(0)))
    assert all(token >= tokenizer().n_control for token in said)
    assert said


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_streamed_pieces_are_whole_characters_and_add_up(text):
    pieces = list(stream_text(tokenizer().encode(text), tokenizer()))
    assert "".join(pieces) == text
    assert all("\ufffd" not in piece for piece in pieces) or "\ufffd" in text


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.text("가나 ", min_size=1, max_size=30), st.integers(0, 2)),
        min_size=1,
        max_size=20,
    )
)
def test_history_is_trimmed_to_the_context(heard):
    bot, model = make_bot(tokenizer().encode("응"))
    for text, speaker in heard:
        bot.hear(text, speaker)
    assert bot.reply().text == "응"
    assert len(model.prompts[0]) <= model.context_length - 24


def test_lines_sent_in_a_row_are_one_turn():
    bot, _ = make_bot(tokenizer().encode("응"))
    bot.hear("야")
    bot.hear("뭐해")
    assert bot.history == [Turn(1, "야\n뭐해")]


def test_bubbles_or_one_line():
    said = tokenizer().encode("하나\n둘\n\n셋\n넷\n다섯")
    bot, _ = make_bot(said, max_bubbles=3)
    bot.hear("세어 봐")
    assert bot.reply().bubbles == ("하나", "둘", "셋")
    bot, _ = make_bot(said, one_line=True, max_bubbles=3)
    bot.hear("세어 봐")
    assert bot.reply().text == "하나 둘 셋"


def test_syllables_are_composed():
    bot, _ = make_bot(tokenizer().encode("안녕"))
    bot.hear("hi")
    assert unicodedata.is_normalized("NFC", bot.reply().text)


def test_forgetting_turns():
    bot, _ = make_bot(tokenizer().encode("응"))
    bot.hear("하나")
    bot.reply()
    bot.forget(1)
    assert bot.history == [Turn(1, "하나")]
    bot.forget()
    assert bot.history == []
