"""Places, the queue, time limits and ends of replies."""

import asyncio
import threading
import time

import pytest

from chatbot.serving.api_errors import ApiError
from chatbot.serving.conversations import Conversations, End, PromptProgress, ReplyRequest, Text
from chatbot.settings.schema import SamplingConfig, ServeConfig
from tests.serving.servers import Sayer


class Counts:
    """An observer that remembers the most at once."""

    most = waiting = 0

    def changed(self, n_running, n_waiting):
        self.most, self.waiting = max(self.most, n_running), n_waiting

    def answered(self, end, first_seconds):
        pass


def question(owner="a", word="뭐해"):
    return ReplyRequest(owner, ((None, word),), 0, SamplingConfig())


def conversations(replier, n_slots=2, **limits):
    counts = Counts()
    return Conversations(replier, n_slots, ServeConfig(**limits), counts), counts


async def told(talk, *questions):
    return [event async for event in talk.answer(questions)]


def test_events_come_in_order_and_end():
    async def ask():
        talk, _ = conversations(Sayer(pause_seconds=0.01))
        return [event for _, event in await told(talk, question())]

    events = asyncio.run(ask())
    assert events[0] == PromptProgress(0, 512) and isinstance(events[-1], End)
    assert "".join(e.text for e in events if isinstance(e, Text)) == "안녕!\n뭐해?"


def test_no_more_run_at_once_than_there_are_places():
    async def ask():
        talk, counts = conversations(Sayer(pause_seconds=0.005), n_slots=3)
        await asyncio.gather(*(told(talk, question(str(i))) for i in range(12)))
        return counts

    counts = asyncio.run(ask())
    assert (counts.most, counts.waiting) == (3, 0)


def test_a_full_queue_is_a_refusal_with_a_time():
    async def ask():
        talk, _ = conversations(Sayer(pause_seconds=0.02), n_slots=1, max_queue=1)
        return await asyncio.gather(
            *(told(talk, question()) for _ in range(4)), return_exceptions=True
        )

    refusals = [result for result in asyncio.run(ask()) if isinstance(result, ApiError)]
    assert len(refusals) == 2
    assert {(r.status, r.headers["retry-after"]) for r in refusals} == {(503, "5")}


def test_a_free_place_goes_to_who_has_the_fewest():
    async def ask():
        sayer = Sayer(pause_seconds=0.01)
        talk, _ = conversations(sayer, n_slots=2)
        greedy = [asyncio.create_task(told(talk, question("a"))) for _ in range(6)]
        await asyncio.sleep(0.005)
        modest = asyncio.create_task(told(talk, question("b")))
        await asyncio.gather(*greedy, modest)
        return [asked.owner for asked in sayer.questions]

    assert asyncio.run(ask()).index("b") == 2


def test_who_leaves_frees_the_place():
    async def ask():
        sayer = Sayer(pieces=("하",) * 1000, pause_seconds=0.01)
        talk, _ = conversations(sayer, n_slots=1)
        left = asyncio.create_task(told(talk, question()))
        waiting = asyncio.create_task(told(talk, question()))
        await asyncio.sleep(0.03)
        waiting.cancel()
        left.cancel()
        await asyncio.gather(left, waiting, return_exceptions=True)
        await asyncio.sleep(0.05)
        sayer.pieces = ("안녕",)
        return sayer, await told(talk, question())

    sayer, events = asyncio.run(ask())
    assert len(sayer.cancelled) == 1 and isinstance(events[-1][1], End)


@pytest.mark.parametrize("n_slots", [1, 0])
def test_a_reply_that_takes_too_long_ends(n_slots):
    async def ask():
        talk, _ = conversations(Sayer(pause_seconds=5), n_slots=max(1, n_slots), max_seconds=0.05)
        if not n_slots:
            talk._n_free = 0
        began = time.monotonic()
        with pytest.raises(ApiError, match="longer than"):
            await told(talk, question())
        return time.monotonic() - began

    assert asyncio.run(ask()) < 1


def test_closing_lets_replies_end_and_then_ends_them():
    async def ask():
        talk, _ = conversations(Sayer(pieces=("하",) * 1000, pause_seconds=0.01), n_slots=1)
        running, waiting = (asyncio.create_task(told(talk, question())) for _ in range(2))
        await asyncio.sleep(0.03)
        await talk.close(0.1)
        return await asyncio.gather(
            running, waiting, told(talk, question()), return_exceptions=True
        )

    results = asyncio.run(ask())
    assert [getattr(result, "code", None) for result in results] == ["shutting_down"] * 3


def test_pieces_that_arrive_together_are_sent_together():
    async def ask():
        talk, _ = conversations(Sayer(pieces=("가",) * 500))
        return [event for _, event in await told(talk, question())]

    texts = [event.text for event in asyncio.run(ask()) if isinstance(event, Text)]
    assert "".join(texts) == "가" * 500 and len(texts) < 400


def test_a_refusal_in_one_of_several_choices_ends_all():
    class Second(Sayer):
        def answer(self, question, cancelled, on_read):
            self.fault = ValueError() if self.questions else None
            yield from super().answer(question, cancelled, on_read)

    async def ask():
        talk, _ = conversations(Second())
        with pytest.raises(ApiError) as caught:
            await told(talk, question(), question())
        return caught.value.code

    assert asyncio.run(ask()) == "internal_error"
    assert threading.active_count() < 50
