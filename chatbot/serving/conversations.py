"""Requests on the event loop <-> replies computed in threads: places, a queue, time, and ends."""

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from chatbot.serving.api_errors import ApiError, error_of_exception, stopping
from chatbot.settings.schema import SamplingConfig, ServeConfig


@dataclass(frozen=True)
class ReplyRequest:
    """A conversation that is to be answered.

    `turns`: (speaker id, text), the oldest first; None: the bot's partner.
    `owner`: only conversations of the same owner share what was computed. `n_top`: how many of the
    likeliest tokens to tell beside each; None: no probabilities.
    """

    owner: str
    turns: tuple[tuple[int | None, str], ...]
    speaker: int
    sampling: SamplingConfig
    stop: tuple[str, ...] = ()
    n_top: int | None = None


@dataclass(frozen=True)
class TokenProbability:
    """A token of a reply, or one that could have been.

    The texts of all tokens of a reply add up to it.
    """

    text: str
    content: bytes
    log_probability: float
    likely: tuple["TokenProbability", ...] = ()


@dataclass(frozen=True)
class PromptProgress:
    """How many of the prompt's tokens are computed."""

    done: int
    total: int


@dataclass(frozen=True)
class Text:
    """A piece of a reply, and its tokens if their probabilities were asked for."""

    text: str
    tokens: tuple[TokenProbability, ...] = ()


@dataclass(frozen=True)
class End:
    """Why a reply ended, and how many tokens were read and written."""

    reason: Literal["stop", "length"]
    n_prompt: int
    n_reply: int


Event: TypeAlias = PromptProgress | Text | End


_Inbox: TypeAlias = "asyncio.Queue[Event | ApiError]"


class Replier(Protocol):
    """Answers conversations in the calling thread: the bot on its engine."""

    def answer(
        self,
        question: ReplyRequest,
        cancelled: threading.Event,
        on_read: Callable[[int, int], None],
    ) -> Generator[Text | End, None, None]:
        """Yield the reply in pieces, then its end; stop early once `cancelled` is set.

        Raises ApiError if it cannot be answered any more.
        """


class ReplyObserver(Protocol):
    """Counts what happens, without text."""

    def changed(self, n_running: int, n_waiting: int) -> None:
        """Receive how many conversations run and wait."""

    def answered(self, end: End, first_seconds: float) -> None:
        """Receive the end of a reply, and the seconds to its first piece."""


@dataclass(eq=False)
class _Waiting:
    owner: str
    place: "asyncio.Future[None]" = field(repr=False)


class Conversations:
    """Answers as many conversations at once as there are places; others wait for one.

    A free place goes to the owner with the fewest running conversations, then by arrival.
    """

    def __init__(
        self, replier: Replier, n_slots: int, limits: ServeConfig, observer: ReplyObserver
    ) -> None:
        self._replier = replier
        self._limits = limits
        self._observer = observer
        self._n_free = n_slots
        self._threads = ThreadPoolExecutor(n_slots, thread_name_prefix="reply")
        self._running: Counter[str] = Counter()
        self._waiting: list[_Waiting] = []
        self._inboxes: set[_Inbox] = set()
        self._is_closing = False

    async def answer(
        self, questions: Sequence[ReplyRequest]
    ) -> AsyncGenerator[tuple[int, Event], None]:
        """Yield the events of all replies as they come: (index of the question, event).

        Raises ApiError if the queue is full, the time is over or the server stops.
        """
        merged: asyncio.Queue[tuple[int, Event] | ApiError] = asyncio.Queue()
        tasks = [
            asyncio.create_task(self._collect(index, question, merged))
            for index, question in enumerate(questions)
        ]
        try:
            n_left = len(tasks)
            while n_left:
                item = await merged.get()
                if isinstance(item, ApiError):
                    raise item
                yield item
                n_left -= isinstance(item[1], End)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _collect(
        self,
        index: int,
        question: ReplyRequest,
        merged: "asyncio.Queue[tuple[int, Event] | ApiError]",
    ) -> None:
        """Put the events of one reply into a queue of several."""
        try:
            async with contextlib.aclosing(self._answer(question)) as events:
                async for event in events:
                    merged.put_nowait((index, event))
        except ApiError as api_error:
            merged.put_nowait(api_error)

    async def close(self, patience_seconds: float) -> None:
        """Take no more conversations, let those that run end, then end them by an error."""
        self._is_closing = True
        for waiting in self._waiting:
            if not waiting.place.done():
                waiting.place.set_exception(stopping())
        deadline = time.monotonic() + patience_seconds
        while self._inboxes and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        for inbox in self._inboxes:
            inbox.put_nowait(stopping())
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _answer(self, question: ReplyRequest) -> AsyncGenerator[Event, None]:
        """Yield the events of one reply."""
        loop, began = asyncio.get_running_loop(), time.monotonic()
        deadline = loop.time() + self._limits.max_seconds
        inbox: _Inbox = asyncio.Queue()
        cancelled = threading.Event()
        first_seconds: float | None = None
        async with _limited(deadline, self._limits.max_seconds):
            await self._acquire_slot(question.owner)

        def put(event: Event | ApiError) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(inbox.put_nowait, event)

        self._inboxes.add(inbox)
        work = loop.run_in_executor(self._threads, self._run, question, cancelled, put)
        work.add_done_callback(lambda _: self._release_slot(question.owner))
        try:
            while True:
                async with _limited(deadline, self._limits.max_seconds):
                    events = await _arrived(inbox)
                for event in events:
                    if isinstance(event, ApiError):
                        raise event
                    if first_seconds is None and not isinstance(event, PromptProgress):
                        first_seconds = time.monotonic() - began
                    yield event
                    if isinstance(event, End):
                        self._observer.answered(event, first_seconds or 0.0)
                        return
        finally:
            cancelled.set()
            self._inboxes.discard(inbox)

    def _run(
        self,
        question: ReplyRequest,
        cancelled: threading.Event,
        put: Callable[[Event | ApiError], None],
    ) -> None:
        """Compute a reply in a thread."""

        def report(done: int, total: int) -> None:
            put(PromptProgress(done, total))

        try:
            with contextlib.closing(self._replier.answer(question, cancelled, report)) as events:
                for event in events:
                    put(event)
                    if cancelled.is_set():
                        return
        except ApiError as api_error:
            put(api_error)
        except Exception as error:
            put(error_of_exception(error))

    async def _acquire_slot(self, owner: str) -> None:
        """Wait for a place; raises ApiError if too many wait or the server stops."""
        if self._is_closing:
            raise stopping()
        if self._n_free and not self._waiting:
            self._assign_slot(owner)
            return
        if len(self._waiting) >= self._limits.max_queue:
            raise ApiError(503, "too many conversations at once; try again", code="busy", wait=5)
        waiting = _Waiting(owner, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._report()
        try:
            await waiting.place
        except asyncio.CancelledError:
            if waiting.place.done() and not waiting.place.cancelled():
                self._release_slot(owner)
            raise
        finally:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
            self._report()

    def _assign_slot(self, owner: str) -> None:
        self._n_free -= 1
        self._running[owner] += 1
        self._report()

    def _release_slot(self, owner: str) -> None:
        """Give a place back, and to whoever is next."""
        self._n_free += 1
        self._running[owner] -= 1
        self._running += Counter()  # drop zeros
        open_ones = [w for w in self._waiting if not w.place.done()]
        if open_ones:
            chosen = min(open_ones, key=lambda waiting: self._running[waiting.owner])
            self._waiting.remove(chosen)
            self._assign_slot(chosen.owner)
            chosen.place.set_result(None)
        self._report()

    def _report(self) -> None:
        self._observer.changed(self._running.total(), len(self._waiting))


async def _arrived(inbox: _Inbox) -> list[Event | ApiError]:
    """Wait for events; return all that are there, pieces of text without tokens put together."""
    events = [await inbox.get()]
    while not inbox.empty():
        event, last = inbox.get_nowait(), events[-1]
        if isinstance(event, Text) and isinstance(last, Text) and not last.tokens:
            events[-1] = Text(last.text + event.text, event.tokens)
        else:
            events.append(event)
    return events


@contextlib.asynccontextmanager
async def _limited(deadline: float, seconds: float) -> AsyncGenerator[None, None]:
    """Raise ApiError (504) if a deadline of the event loop passes inside the block."""
    try:
        async with asyncio.timeout_at(deadline):
            yield
    except TimeoutError:
        message = f"the reply took longer than {seconds:g} seconds"
        raise ApiError(504, message, code="timeout") from None
