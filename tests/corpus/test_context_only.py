"""What repeats too often: from an export to tokens it stays in its place, and nothing learns it."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from chatbot.cli.invented_room import FRIEND, PERSONA, invent_room, write_android_export
from chatbot.conversation import Message
from chatbot.corpus import packing
from chatbot.corpus.copying import copied_share
from chatbot.corpus.ngrams import N, index_ngrams
from chatbot.corpus.store import TokenStore, open_corpus, session_bounds
from chatbot.corpus.template import Turn, parse_turns
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.corpus.vocabulary import train_vocabulary
from chatbot.inference.scoring import messages_of
from chatbot.ingest.readers import KST
from chatbot.settings.schema import ObjectiveConfig
from chatbot.training.batches import BatchSource
from tests.conftest import Project, make_project
from tests.sft import make_sft_project

N_TIMES = 6
QUESTION, THANKS = "이번 모임은 어떻게 되는 거야?", "아하 고마워"
NOTICE = "읍면동사무소 뒤쪽 쫄깃한 떡볶이집 2층 세미나실에서 만나고 회비는 각자 내며 늦는 사람은 전날까지 꼭 미리 알려 주세요"


def room() -> Iterator[Message]:
    """An invented room in which one question is answered by the same notice every time."""
    now = datetime(2025, 1, 1, 9, tzinfo=KST)
    for _ in range(N_TIMES):
        now += timedelta(days=1)
        for speaker, text in ((FRIEND, QUESTION), (PERSONA, NOTICE), (FRIEND, THANKS)):
            yield Message(speaker, text, now)
    yield from invent_room(60, seed=7)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    project = make_project(tmp_path_factory.mktemp("context") / "project")
    project.add_export("KakaoTalkChats.txt", write_android_export(room()))
    assert project.run("organize") == 0
    assert project.run("preprocess", "--set", "processed.preprocess.persona=" + PERSONA) == 0
    return project.root


@pytest.fixture
def corpus(root):
    return open_corpus(root / "data/processed")


def sessions(store: TokenStore, tokenizer: Tokenizer) -> list[list[Turn]]:
    return [
        list(parse_turns(store.tokens[a:b], store.loss_mask[a:b], tokenizer))
        for a, b in zip(*session_bounds(store.tokens, tokenizer.bos_id), strict=True)
    ]


def test_a_question_keeps_its_answer_and_the_answer_is_learned_once(corpus):
    asked = [
        (turns[index + 1], turns[index + 2])
        for turns in sessions(corpus.train, corpus.tokenizer)
        for index, turn in enumerate(turns)
        if turn.text == QUESTION
    ]
    assert [answer.text for answer, _ in asked] == [NOTICE] * N_TIMES
    assert [answer.is_context_only for answer, _ in asked] == [False] + [True] * (N_TIMES - 1)
    assert all(thanks == Turn(1, THANKS, is_target=True) for _, thanks in asked)


def test_the_account_adds_up(corpus):
    messages = corpus.stats.messages
    assert messages["seen"] == messages["kept"] + sum(corpus.stats.dropped.values())
    assert corpus.stats.context_only == {"repeated_notice": N_TIMES - 1}


def test_the_vocabulary_is_made_of_what_is_learned(root, corpus, monkeypatch):
    texts = []

    def train(read, vocab_size, n_speakers):
        texts.extend(utterance.text for utterance in read())
        return train_vocabulary(read, vocab_size, n_speakers)

    monkeypatch.setattr(packing, "train_vocabulary", train)
    assert Project(root).run("preprocess", "--set", "processed.dir=data/again") == 0
    turns = [t for session in sessions(corpus.train, corpus.tokenizer) for t in session]
    learned = [turn.text for turn in turns if not turn.is_context_only]
    assert "\n".join(texts).split("\n") == "\n".join(learned).split("\n")


def test_a_window_does_not_train_it_where_it_is_context_only(root):
    settings = ("processed.preprocess.corpus_mode=context_windows", "processed.dir=data/windows")
    pairs = [part for setting in settings for part in ("--set", setting)]
    assert Project(root).run("preprocess", *pairs) == 0
    windows = open_corpus(root / "data/windows")
    samples = sessions(windows.train, windows.tokenizer)
    assert all(sample[-1].is_target for sample in samples)
    told = [turn for sample in samples for turn in sample if turn.text == NOTICE]
    # The first answer is a target, then context of the thanks in the same session.
    assert len(told) >= N_TIMES // 2 and sum(not turn.is_context_only for turn in told) <= 2


def test_no_batch_trains_it_twice(corpus):
    notice = corpus.tokenizer.encode(NOTICE)
    n_told = n_trained = 0
    for batch in BatchSource(corpus.train, corpus.tokenizer, ObjectiveConfig(), 256, 1024).in_order(
        10**9
    ):
        for targets, weights in zip(batch.targets.tolist(), batch.weights, strict=True):
            for place in range(len(targets) - len(notice)):
                if targets[place : place + len(notice)] == notice:
                    n_told += 1
                    n_trained += bool((weights[place : place + len(notice) + 1] > 0).any())
    assert (n_told, n_trained) == (N_TIMES, 1)


def test_the_leak_guard_knows_it(corpus):
    index = index_ngrams(corpus.train, corpus.tokenizer)
    assert index.is_from_another(corpus.tokenizer.encode(NOTICE)[: N + 2], speaker=1)


def test_what_a_model_remembers_is_asked_of_what_was_trained(corpus):
    texts = [item.text for item in messages_of(corpus.train, corpus.tokenizer, 256, 20)]
    assert texts.count(NOTICE) == 1
    assert copied_share([NOTICE], corpus.train, corpus.tokenizer, 20) == 1.0


def test_show_marks_it(root, capsys):
    assert Project(root).run("preprocess", "--show", str(N_TIMES)) == 0
    shown = capsys.readouterr()
    marks = [line[0] for line in shown.out.splitlines() if line.endswith(NOTICE)]
    assert marks == ["*"] + ["-"] * (N_TIMES - 1) and "context only" in shown.err


def test_jsonl_of_a_base_gives_it_weight_zero(tmp_path, bases):
    project = make_sft_project(tmp_path / "project", bases("qwen2"), write_android_export(room()))
    settings = ("data.write_jsonl=true", f"data.persona={PERSONA}")
    assert project.run("preprocess", settings=settings) == 0
    lines = (project.root / "data/sft/train.jsonl").read_text(encoding="utf-8").splitlines()
    told = [m for line in lines for m in json.loads(line)["messages"] if m["content"] == NOTICE]
    assert [message.get("weight", 1) for message in told] == [1] + [0] * (N_TIMES - 1)
    assert {message["role"] for message in told} == {"assistant"}
