"""What the page says about replies (a retry, an undo) -> choices, where the owner stores them.

A request holds all of its choice: the server remembers no conversation, so none can be mixed.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from chatbot.corpus.preferences import Choice, Kind
from chatbot.inference.feedback import Keep, keep_choices
from chatbot.inference.generate import Prefix
from chatbot.inference.loading import LoadedModel
from chatbot.serving.openai import ChatMessage
from chatbot.serving.requests import (
    InputMessage,
    Persona,
    Rules,
    conversation_of,
    require_few,
)
from chatbot.settings.schema import Config

ReplyText: TypeAlias = Annotated[str, Meta(min_length=1, max_length=10_000)]
KeepFeedback: TypeAlias = Callable[["FeedbackRequest", Rules], None]


class FeedbackRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body of POST /preferences: a rejected reply to `messages`, and the one kept instead."""

    kind: Kind
    messages: list[ChatMessage]
    rejected: ReplyText
    chosen: ReplyText | None = None
    model: str | None = None

    def conversation(self, rules: Rules) -> tuple[Persona, tuple[tuple[int | None, str], ...]]:
        """Return who replied, and the turns before; raises ApiError if they are invalid."""
        persona = rules.personas.find(self.model)
        require_few(self.messages, rules, "messages")
        messages = [
            InputMessage(message.role, message.content, f"messages[{place}]", message.name)
            for place, message in enumerate(self.messages)
        ]
        return persona, conversation_of(messages, persona, rules, "messages")


def feedback_keeper(loaded: LoadedModel, config: Config) -> KeepFeedback | None:
    """Return what stores the choices of requests; None if the owner has not asked for it."""
    if not config.preferences.store:
        return None
    keep, n_turns = keep_choices(config, loaded.about), config.dialogue.history_turns

    def keep_request(request: FeedbackRequest, rules: Rules) -> None:
        persona, turns = request.conversation(rules)
        _keep(request, _normalized(loaded, persona, turns), n_turns, keep)

    return keep_request


def _normalized(
    loaded: LoadedModel, persona: Persona, turns: Sequence[tuple[int | None, str]]
) -> Callable[[str], list[tuple[int, str]]]:
    """Return what appends a reply to turns, all as the bot reads them."""

    def read(reply: str) -> list[tuple[int, str]]:
        bot = loaded.bot(Prefix(loaded.model), persona.number)
        for speaker, text in turns:
            bot.hear(text, speaker)
        bot.hear(reply, persona.number)
        return [(turn.speaker, turn.text) for turn in bot.history]

    return read


def _keep(
    request: FeedbackRequest,
    read: Callable[[str], list[tuple[int, str]]],
    n_turns: int,
    keep: Keep,
) -> None:
    *context, (speaker, rejected) = read(request.rejected)
    chosen = None if request.chosen is None else read(request.chosen)[-1][1]
    if context and chosen != rejected:
        choice = Choice(
            kind=request.kind,
            context=context[-n_turns:],
            speaker=speaker,
            rejected=rejected,
            chosen=chosen,
        )
        keep([choice])
