"""Many conversations on one model: the same text as alone, fair, bounded, cancellable."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.inference.bot import Bot, BotSettings
from chatbot.inference.engine import Cancelled, Engine, LeaseOptions
from chatbot.inference.generate import Prefix
from chatbot.model.gpt.network import TorchLanguageModel
from chatbot.model.gpt.numpy_network import NumpyGPT
from chatbot.settings.schema import DialogueConfig, OutputConfig, PreprocessConfig, SamplingConfig
from tests.corpus.texts import tokenizer
from tests.inference.parrot import Heard
from tests.model.gpt.networks import SHAPE, make_gpt

WIDE = replace(SHAPE, vocab_size=tokenizer().vocab_size, block_size=96)
TEXTS = ["밥 먹었어?", "오늘 뭐함", "ㅋㅋㅋ", "주말에 어디 가?", "응", "나 지금 가는 중이야"]


def models():
    gpt = make_gpt(WIDE, 3)
    weights = {name: w.numpy() for name, w in gpt.state_dict().items()}
    return {"numpy": NumpyGPT(WIDE, weights), "torch": TorchLanguageModel(gpt)}


MODELS = models()


@contextmanager
def engine(model, n_slots=4):
    running = Engine(model, n_slots)
    try:
        yield running
    finally:
        running.close()


def bot(reader, **sampling):
    parts = OutputConfig(), DialogueConfig(), PreprocessConfig()
    parts = BotSettings(SamplingConfig(**{"max_new_tokens": 16} | sampling), *parts)
    return Bot(reader, tokenizer(), parts)


def reply(reader, text, **sampling):
    talker = bot(reader, **sampling)
    talker.hear(text)
    return talker.reply().text


def leased(running, text, options=LeaseOptions(), owner="", **sampling):  # noqa: B008
    with running.lease(owner, options) as reader:
        return reply(reader, text, **sampling)


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=8)
@given(texts=st.lists(st.sampled_from(TEXTS), min_size=1, max_size=8))
def test_replies_together_are_those_of_each_alone(name, texts):
    alone = [reply(Prefix(MODELS[name]), text, temperature=0) for text in texts]
    with engine(MODELS[name]) as running, ThreadPoolExecutor(8) as threads:
        together = threads.map(lambda text: leased(running, text, temperature=0), texts)
        assert list(together) == alone


@pytest.mark.parametrize("name", MODELS)
def test_a_seed_gives_the_same_text_at_any_load(name):
    options = LeaseOptions(is_alone=True)
    with engine(MODELS[name]) as running, ThreadPoolExecutor(8) as threads:
        expected = [leased(running, text, options, seed=7) for text in TEXTS]
        noise = [threads.submit(leased, running, text) for text in TEXTS * 4]
        assert [leased(running, text, options, seed=7) for text in TEXTS] == expected
        assert all(task.result() for task in noise)


def test_a_prefix_is_read_once_and_only_reused_by_its_owner():
    with engine(MODELS["numpy"], 2) as running:
        first = list(range(3, 43))
        with running.lease("a") as reader:
            reader.next_logits(first)
        for owner, n_reused in (("b", 0), ("a", 40)):
            before = running.n_reused
            with running.lease(owner) as reader:
                logits = reader.next_logits([*first, 50])
            assert running.n_reused - before == n_reused
            expected = Prefix(MODELS["numpy"]).next_logits([*first, 50])
            np.testing.assert_allclose(logits, expected, atol=1e-4)


class Counting:
    """A model that only notes its steps: [(number of reads, their tokens)]."""

    context_length, cache_bytes = 100_000, 1

    def __init__(self):
        self.steps, self.n_caches = [], 0

    def new_cache(self):
        self.n_caches += 1
        return Heard()

    def next_logits(self, tokens, cache):
        return self.next_logits_of([(tokens, cache)])[0]

    def next_logits_of(self, reads):
        self.steps.append([len(tokens) for tokens, _ in reads])
        time.sleep(0.002)
        if any(-1 in tokens for tokens, _ in reads):
            raise ValueError("a bad token")
        for tokens, cache in reads:
            cache.tokens += tokens.tolist()
        return np.zeros((len(reads), 8), dtype=np.float32)


def test_a_long_prompt_does_not_hold_up_the_others():
    model, seen = Counting(), []
    options = LeaseOptions(on_read=lambda done, total: seen.append((done, total)))
    with engine(model) as running, running.lease("short") as short:
        short.next_logits([1])

        def read_long():
            with running.lease("long", options) as reader:
                reader.next_logits(range(5000))

        thread = threading.Thread(target=read_long)
        thread.start()
        for n in range(2, 12):
            short.next_logits(list(range(n)))
        assert thread.is_alive()
        thread.join()
    assert max(map(sum, model.steps)) <= 257
    assert seen[0] == (0, 5000) and seen[-1][0] < 5000


def test_no_more_caches_than_slots_and_nobody_is_overtaken():
    model, order = Counting(), []

    def request(number):
        with running.lease(str(number)) as reader:
            order.append(number)
            reader.next_logits([number, 1])

    with engine(model, 2) as running:
        with running.lease("x") as one, running.lease("y") as other:
            one.next_logits([1]), other.next_logits([1])
            threads = [threading.Thread(target=request, args=(n,)) for n in range(6)]
            for n_waiting, thread in enumerate(threads, start=1):
                thread.start()
                while running.n_waiting < n_waiting:
                    time.sleep(0.001)
            assert running.n_active == 2 and not order
        for thread in threads:
            thread.join()
    assert order == sorted(order)
    assert model.n_caches == 2


def test_who_left_is_cancelled_and_frees_the_slot():
    with engine(Counting(), 1) as running:
        cancelled = threading.Event()
        with running.lease("a", LeaseOptions(cancelled=cancelled)) as reader:
            reader.next_logits([1])
            cancelled.set()
            with pytest.raises(Cancelled):
                reader.next_logits([1, 2])
        with pytest.raises(Cancelled), running.lease("b", LeaseOptions(cancelled=cancelled)):
            pass
        with running.lease("c") as reader:
            assert len(reader.next_logits([1])) == 8
        assert running.n_active == running.n_waiting == 0


def test_a_bad_read_ends_only_its_own_reply():
    def read(tokens):
        with running.lease("") as reader:
            for n in range(1, len(tokens) + 1):
                reader.next_logits(tokens[:n])
            return True

    with engine(Counting()) as running, ThreadPoolExecutor(4) as threads:
        bad = threads.submit(read, [1, 2, -1])
        good = [threads.submit(read, [1, 2, 3, 4]) for _ in range(3)]
        assert all(task.result() for task in good)
        with pytest.raises(ValueError, match="a bad token"):
            bad.result()


def test_closing_ends_every_reply():
    running = Engine(Counting(), 2)
    ended = []

    def talk():
        with pytest.raises(Cancelled), running.lease("") as reader:
            for n in range(1, 10_000):
                reader.next_logits(range(n))
        ended.append(True)

    threads = [threading.Thread(target=talk) for _ in range(5)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    running.close()
    for thread in threads:
        thread.join()
    assert ended == [True] * 5


def test_work_is_shared_equally():
    n_tokens = dict.fromkeys(range(4), 0)

    def talk(number):
        with running.lease("") as reader:
            while not stop.is_set():
                n_tokens[number] += 1
                reader.next_logits(range(n_tokens[number]))

    stop = threading.Event()
    with engine(Counting()) as running:
        threads = [threading.Thread(target=talk, args=(n,)) for n in n_tokens]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        stop.set()
        for thread in threads:
            thread.join()
    assert max(n_tokens.values()) <= 1.5 * min(n_tokens.values())
