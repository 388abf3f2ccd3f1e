"""POST /kakao/skill: a message of the channel -> bubbles in time, or a late answer, once."""

import asyncio
import contextlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from chatbot.serving.api_errors import ApiError
from chatbot.serving.body import read_body
from chatbot.serving.conversations import Conversations, ReplyRequest, Text
from chatbot.serving.http_responses import json_response
from chatbot.serving.kakao.bubbles import answer_of, begun
from chatbot.serving.kakao.callback import CallbackAddress, Outcome, callback_address
from chatbot.serving.kakao.histories import Histories
from chatbot.serving.kakao.payload import CallbackAck, SkillRequest, SkillResponse, WaitingText
from chatbot.serving.requests import Rules, Sampling, decoded
from chatbot.serving.skills import guide, reset

PATH = "/kakao/skill"
LABELS = (reset.WORD, guide.WORD)
_MOST_BYTES = 64 * 1024
_MOST_CHARS = 2000  # of a message
_ACK_SECONDS = 1.0  # between the acknowledgement and the late answer
_PAUSE_SECONDS = 300.0  # without late answers, after one was refused
NOTHING_SAID = "글로 말씀해 주시면 대답할게요."
TOO_LONG = f"한 번에 {_MOST_CHARS:,}자까지 읽을 수 있어요. 나누어 보내 주세요."
NO_ANSWER = "뭐라고 대답할지 떠오르지 않아요. 다르게 말씀해 주세요."
SLOW = "대답을 만드는 데 시간이 오래 걸려요. 잠시 뒤 다시 말씀해 주세요."
BUSY = "지금 이야기하는 분이 많아요. 잠시 뒤 다시 말씀해 주세요."
BROKEN = "대답을 만들지 못했어요. 잠시 뒤 다시 말씀해 주세요."
WAITING = "생각하고 있어요. 잠시만 기다려 주세요."
_SENTENCES = {"busy": BUSY, "timeout": SLOW, "shutting_down": BUSY}


class Poster(Protocol):
    """Posts late answers."""

    def post(self, address: CallbackAddress, content: bytes) -> Outcome:
        """Post an answer, in the calling thread; return what became of it."""


@dataclass(frozen=True)
class KakaoParts:
    """What the skill server works with.

    `resets`: whether a message ends the conversation so far. `called_back`: counts late answers.
    """

    secret: bytes
    poster: Poster
    resets: Callable[[str], bool]
    called_back: Callable[[Outcome], None]


@dataclass
class _Message:
    """What a user wrote, and what there is of its reply."""

    user: str
    text: str
    reply: str = ""


class KakaoSkill:
    """Answers the channel's users, each with a history of its own."""

    def __init__(self, conversations: Conversations, rules: Rules, parts: KakaoParts) -> None:
        self._conversations = conversations
        self._rules = rules
        self._settings = rules.limits.kakao
        self._parts = parts
        self._histories = Histories(self._settings)
        self._late: set[asyncio.Task[None]] = set()
        self._no_callbacks_until = 0.0

    async def respond(self, request: Request) -> Response:
        """Answer within the time that Kakao waits; raises ApiError for what Kakao did not send."""
        deadline = time.monotonic() + self._settings.answer_seconds
        self._authenticate(request.headers)
        content = await read_body(request, self._rules.limits, _MOST_BYTES)
        body = decoded(content, SkillRequest)
        text = body.user_request.utterance.strip()
        if not text or len(text) > _MOST_CHARS:
            return json_response(answer_of(TOO_LONG if text else NOTHING_SAID, LABELS))
        message = _Message(self._histories.name_of(body.bot.id, body.user_request.user.id), text)
        work = asyncio.create_task(self._exchange(message))
        try:
            await asyncio.wait({work}, timeout=max(0.0, deadline - time.monotonic()))
        except asyncio.CancelledError:
            work.cancel()
            raise
        if work.done():
            return json_response(work.result())
        address = callback_address(body.user_request.callback_url)
        if address is None or time.monotonic() < self._no_callbacks_until:
            work.cancel()
            return json_response(self._cut_short(message))
        self._answer_late(work, address, deadline)
        return json_response(CallbackAck(WaitingText(WAITING)))

    async def close(self) -> None:
        """End the late answers that are still computed."""
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    def _authenticate(self, headers: Headers) -> None:
        """Raise ApiError unless the secret is in its header; the time does not depend on it."""
        values = headers.getlist(self._settings.header)
        if not values:
            raise ApiError(401, "the secret header is missing", code="secret_needed")
        shown = values[0].encode("latin-1", "replace") if len(values) == 1 else b""
        if not hmac.compare_digest(shown, self._parts.secret):
            raise ApiError(403, "the secret header is wrong", code="wrong_secret")

    async def _exchange(self, message: _Message) -> SkillResponse:
        """Answer a message and remember both; what could not be answered is not remembered."""
        try:
            await self._reply(message)
        except ApiError as api_error:
            return answer_of(_SENTENCES.get(api_error.code, BROKEN), LABELS)
        reply = message.reply.strip()
        self._remember(message, reply)
        return answer_of(reply or NO_ANSWER, LABELS)

    def _cut_short(self, message: _Message) -> SkillResponse:
        """Answer with what there is of a reply: better than to be asked to write again."""
        reply = begun(message.reply)
        self._remember(message, reply)
        return answer_of(reply or SLOW, LABELS)

    def _remember(self, message: _Message, reply: str) -> None:
        if self._parts.resets(message.text):
            self._histories.forget(message.user)
        elif reply:
            speaker = self._rules.personas.personas[0].number
            self._histories.remember(message.user, (None, message.text), (speaker, reply))

    async def _reply(self, message: _Message) -> None:
        """Write the reply to a message into it, in pieces."""
        question = ReplyRequest(
            owner=message.user,
            turns=(*self._histories.turns(message.user), (None, message.text)),
            speaker=self._rules.personas.personas[0].number,
            sampling=Sampling().applied(self._rules),
        )
        async with contextlib.aclosing(self._conversations.answer([question])) as events:
            async for _, event in events:
                if isinstance(event, Text):
                    message.reply += event.text

    def _answer_late(
        self, work: "asyncio.Task[SkillResponse]", address: CallbackAddress, deadline: float
    ) -> None:
        """Post the answer when it is there, but while its address is valid."""
        seconds = self._settings.callback_seconds - self._settings.answer_seconds
        last = deadline + seconds
        task = asyncio.create_task(self._post_late(work, address, last))
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _post_late(
        self, work: "asyncio.Task[SkillResponse]", address: CallbackAddress, last: float
    ) -> None:
        try:
            await asyncio.sleep(_ACK_SECONDS)
            await asyncio.wait({work}, timeout=max(0.0, last - time.monotonic()))
            answer = work.result() if work.done() else answer_of(SLOW, LABELS)
            content = msgspec.json.encode(answer)
            outcome = await asyncio.to_thread(self._parts.poster.post, address, content)
        finally:
            work.cancel()
        if outcome == "refused":
            self._no_callbacks_until = time.monotonic() + _PAUSE_SECONDS
        self._parts.called_back(outcome)
