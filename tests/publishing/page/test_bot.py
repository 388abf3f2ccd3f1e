"""The page's replies are ours: prompts, limits, bubbles, candidates; and its own random numbers."""

import pytest
from msgspec.structs import replace

from chatbot.inference.bot import Bot
from chatbot.inference.generate import Prefix
from chatbot.inference.loading import bot_settings, language_model
from chatbot.publishing.page.payload import pack
from chatbot.settings.schema import Config, OutputConfig, SamplingConfig
from tests.publishing.page.models import as_stored, random_bundle, room_texts

SHAPE = {"n_layer": 2, "n_head": 4, "n_kv_head": 2, "n_embd": 64, "n_hidden": 96, "block_size": 128}
GREEDY = SamplingConfig(temperature=0, max_new_tokens=24)


def config_of(sampling=GREEDY, **output):
    return replace(Config(), sampling=sampling, output=OutputConfig(**output))


def reply_of_ours(bundle, config, turns, number=0):
    bot = Bot(
        Prefix(language_model(bundle, config)), bundle.tokenizer, bot_settings(config), number
    )
    for turn in turns:
        bot.hear(turn["text"], None if turn["persona"] is None else int(turn["persona"]))
    return bot.reply().text


def conversations(n, n_turns=3):
    """Turns of the person at the page and of others, by turns."""
    texts = [text for text in room_texts() if text.strip()]
    for start in range(n):
        picked = texts[start * 5 :][:n_turns]
        yield [
            {"persona": None if i % 2 == 0 else "0", "text": text} for i, text in enumerate(picked)
        ]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["int8", "fp16"])
def test_greedy_replies_to_a_hundred_prompts_are_ours(engine, dtype):
    bundle, config = as_stored(random_bundle(dict(SHAPE)), dtype), config_of()
    engine.open(pack(bundle, config, dtype))
    replies = [
        (reply_of_ours(bundle, config, turns), engine.reply(turns)) for turns in conversations(100)
    ]
    assert sum(ours != theirs for ours, theirs in replies) == 0
    assert len({ours for ours, _ in replies}) > 50


@pytest.mark.parametrize(
    "config",
    [
        config_of(max_bubbles=1),
        config_of(one_line=True),
        config_of(leak_guard=False),
        config_of(replace(GREEDY, repetition_penalty=1.0, no_repeat_ngram=3)),
        config_of(replace(GREEDY, min_new_tokens=20)),
        config_of(replace(GREEDY, candidates=2)),
        config_of(replace(GREEDY, forbidden_words=["는", "ㅋ"])),
        replace(config_of(), dialogue=replace(Config().dialogue, history_turns=1)),
    ],
    ids=["1 bubble", "1 line", "no guard", "n-gram", "least", "candidates", "words", "history"],
)
def test_every_setting_has_its_effect_of_ours(engine, config):
    bundle = as_stored(random_bundle(dict(SHAPE)), "int8")
    engine.open(pack(bundle, config, "int8"))
    for turns in conversations(5, n_turns=5):
        assert engine.reply(turns) == reply_of_ours(bundle, config, turns)


def test_a_long_history_is_trimmed_as_ours(engine):
    bundle, config = as_stored(random_bundle(dict(SHAPE)), "int8"), config_of()
    engine.open(pack(bundle, config, "int8"))
    for turns in [*conversations(2, n_turns=40), [{"persona": None, "text": "긴 말 " * 200}]]:
        assert engine.reply(turns) == reply_of_ours(bundle, config, turns)


def test_each_persona_of_a_group_replies_as_ours(engine):
    bundle, config = as_stored(random_bundle(dict(SHAPE), n_speakers=5), "int8"), config_of()
    engine.open(pack(bundle, config, "int8"))
    turns = [{"persona": who, "text": "안녕 뭐해"} for who in (None, "2", None, "3", "3")]
    for number in range(5):
        assert engine.reply(turns, str(number)) == reply_of_ours(bundle, config, turns, number)


def test_a_speaker_that_the_model_lacks_is_its_last(engine):
    bundle, config = as_stored(random_bundle(dict(SHAPE), n_speakers=3), "int8"), config_of()
    engine.open(pack(bundle, config, "int8"))
    unknown, last = ([{"persona": who, "text": "안녕 뭐해"}] for who in ("9", "2"))
    assert engine.reply(unknown) == engine.reply(last) == reply_of_ours(bundle, config, last)


def test_a_reply_says_how_far_it_read_and_why_it_ended(engine):
    bundle = as_stored(random_bundle(dict(SHAPE)), "int8")
    config = config_of(replace(GREEDY, max_new_tokens=5), max_bubbles=1000)
    engine.open(pack(bundle, config, "int8"))
    events = engine.events([{"persona": None, "text": "긴 말 " * 200}])
    kinds = [event["kind"] for event in events]
    n_read = kinds.index("text")
    assert kinds == ["reading"] * n_read + ["text"] * (len(kinds) - n_read - 1) + ["end"]
    assert [event["done"] for event in events[:n_read]] == [32 * i for i in range(n_read)]
    assert events[-1]["reason"] == "length"


def test_the_same_seed_draws_the_same_reply(engine):
    bundle = as_stored(random_bundle(dict(SHAPE)), "int8")
    seeded = config_of(SamplingConfig(temperature=1.5, seed=3))
    turns = [{"persona": None, "text": "안녕"}]
    drawn = []
    for config in (seeded, seeded, replace(seeded, sampling=SamplingConfig(temperature=1.5))):
        engine.open(pack(bundle, config, "int8"))
        drawn.append(engine.reply(turns))
    assert drawn[0] == drawn[1] != drawn[2]
