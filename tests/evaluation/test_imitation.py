"""From a room to numbers: a model trained on one member is recognized as that member."""

from datetime import datetime, timedelta

import pytest

from chatbot.cli.invented_room import write_android_export
from chatbot.conversation import Message
from chatbot.corpus.store import open_corpus
from chatbot.corpus.template import Turn
from chatbot.evaluation.imitation import flat, turns_by_speaker
from chatbot.evaluation.model_run import HeldOut
from chatbot.inference.loading import load_bot, open_model, open_network, run_model_path
from chatbot.inference.scoring import item_of, reply_logits, token_log_probabilities
from tests.conftest import TINY, make_project
from tests.evaluation.speakers import speak

BEGIN = datetime(2026, 1, 5, 9, 0)
SETTINGS = (
    *TINY, "processed.preprocess.persona=하늘", "processed.preprocess.targets=persona",
    "optimization.max_steps=120", "logging.eval_interval=60", "sampling.max_new_tokens=12",
    "sampling.seed=0",
)  # fmt: skip


def room() -> list[Message]:
    """Two people say the same things; one ends in 아요, the other in 자 ㅋㅋ."""
    lines = zip(speak("아요", 1, 600), speak("자 ㅋㅋ", 2, 600), strict=True)
    spoken = [
        (who, text) for pair in lines for who, text in zip(("하늘", "바다"), pair, strict=True)
    ]
    return [
        Message(who, text, BEGIN + timedelta(days=place // 6, minutes=place % 6))
        for place, (who, text) in enumerate(spoken)
    ]


@pytest.fixture(scope="module")
def imitator(tmp_path_factory):
    project = make_project(tmp_path_factory.mktemp("style") / "project")
    project.add_export("KakaoTalkChats.txt", write_android_export(iter(room())))
    for command in ("organize", "preprocess", "train"):
        assert project.run(command, settings=SETTINGS) == 0
    return project.config(*SETTINGS)


@pytest.mark.slow
def test_a_model_trained_on_a_member_speaks_as_that_member(imitator):
    held_out = HeldOut.of(open_corpus(imitator.processed_dir), 40)
    bot = load_bot(run_model_path(imitator), imitator)

    def answer(past):
        bot.history = list(past)
        return bot.reply().text

    report = held_out.compare(answer)
    shares = {bag.group: bag.as_persona.value for bag in report.bags if bag.n_messages == 10}
    assert shares["bot"] == 1 and shares["others, later"] == 0
    ends = next(style for style in report.styles if style.feature == "ends in 요")
    assert ends.place.value > 0.5 and ends.is_certain


@pytest.mark.slow
def test_a_model_trained_on_a_member_expects_that_member(imitator):
    """Each held-out sentence is likelier as its writer says it than as the other would."""
    corpus = open_corpus(imitator.processed_dir)
    network = open_network(open_model(run_model_path(imitator), imitator), imitator)
    network.eval()
    texts = sorted(set(flat(turns_by_speaker(corpus.val, corpus.tokenizer)[0])))
    both = [*texts, *(f"{text.removesuffix('아요')}자 ㅋㅋ" for text in texts)]
    items = [item_of([], Turn(0, text), corpus.tokenizer, 64) for text in both]
    scores = {
        item.text: token_log_probabilities(logits, item.reply).sum()
        for item, logits in reply_logits(network.language_model(), items)
    }
    own, others = (
        [scores[text] for text in half] for half in (both[: len(texts)], both[len(texts) :])
    )
    n_right = sum(a > b for a, b in zip(own, others, strict=True))
    assert len(texts) > 20 and n_right >= 0.95 * len(texts)
