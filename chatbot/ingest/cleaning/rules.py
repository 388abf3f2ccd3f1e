"""Rules for a message: whether it is dropped, or kept but not trained."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from chatbot.conversation import Message
from chatbot.ingest.cleaning.normalization import Normalizer
from chatbot.ingest.cleaning.repetition import Repetition
from chatbot.ingest.organize.forgetting import ForgetRule
from chatbot.settings.schema import PreprocessConfig

# Dots only or dashes only; `-.-` and `-_-` are faces.
_LOW_SIGNAL = re.compile(
    r"[\s.·ㆍ・。\u2024-\u2027\u2000-\u200f\u2028-\u202f\u205f-\u206f]+|[\s\-‐-―─ー−]+"
)


@dataclass(frozen=True)
class Rule:
    """A named predicate on a message and its clean text."""

    name: str
    applies: Callable[[Message, str, PreprocessConfig], bool]


# Messages without content are dropped.
DROP_RULES = (
    Rule("system", lambda message, text, rules: message.kind == "system"),
    Rule("media", lambda message, text, rules: message.kind == "media"),
    Rule("empty", lambda message, text, rules: not text),
    Rule(
        "low_signal",
        lambda message, text, rules: (
            rules.drop_low_signal and _LOW_SIGNAL.fullmatch(text) is not None
        ),
    ),
)
# Messages with content that must not be trained stay as context: without them a question would lose
# its answer, and the next message would be trained as the answer.
CONTEXT_RULES = (
    Rule("too_short", lambda message, text, rules: len(text) < rules.min_message_chars),
    Rule("too_long", lambda message, text, rules: len(text) > rules.max_message_chars),
)


def first_rule(
    rules: Sequence[Rule], message: Message, text: str, config: PreprocessConfig
) -> str | None:
    """Return the name of the first rule that applies to a message and its clean text, if any."""
    return next((rule.name for rule in rules if rule.applies(message, text, config)), None)


class Cleaner:
    """Cleans the messages of one room in order and counts what each rule does.

    `context_only` counts, by rule, the kept messages that are not trained. `notices`: patterns of
    lines that messengers append to messages. `cut_chars`: lengths at which they truncate messages.
    The only state between messages is the counts of repeated texts.
    """

    def __init__(
        self,
        rules: PreprocessConfig,
        forget: Sequence[ForgetRule] = (),
        notices: Sequence[re.Pattern[str]] = (),
        cut_chars: Collection[int] = (),
    ) -> None:
        self.n_seen = 0
        self.n_kept = 0
        self.dropped: Counter[str] = Counter()
        self.context_only: Counter[str] = Counter()
        self._rules = rules
        self._normalizer = Normalizer(rules, notices)
        self._repetition = Repetition()
        self._forget = forget
        self._cut_chars = cut_chars

    def clean(self, message: Message) -> Message | None:
        """Return the message with clean text, or None if a rule drops it.

        A message that must not be trained gets kind "context", and is truncated if too long.
        """
        self.n_seen += 1
        if any(rule.applies(message) for rule in self._forget):
            self.dropped["forgotten"] += 1
            return None
        text = self._normalizer.normalize(message.text)
        if reason := self._first(DROP_RULES, message, text):
            self.dropped[reason] += 1
            return None
        self.n_kept += 1
        reason = (
            self._cut(message) or self._first(CONTEXT_RULES, message, text) or self._repeated(text)
        )
        speaker, at, links = message.speaker, message.sent_at, (message.id, message.reply_to)
        if reason is None:
            return Message(speaker, text, at, "message", "", *links)
        self.context_only[reason] += 1
        text = text[: self._rules.max_message_chars].strip()
        return Message(speaker, text, at, "context", "", *links)

    def _cut(self, message: Message) -> str | None:
        """Return the rule's name if a text has exactly the length of truncated ones, else None."""
        n_chars = len(message.text)
        return f"cut_at_{n_chars}" if n_chars in self._cut_chars else None

    def _first(self, rules: Sequence[Rule], message: Message, text: str) -> str | None:
        return first_rule(rules, message, text, self._rules)

    def _repeated(self, text: str) -> str | None:
        """Return the name of the rule if a text recurs too often, else None."""
        if self._repetition.count_window(text) > self._rules.max_repeats:
            return "repeated_window"
        if len(text) < self._rules.repeat_min_chars:
            return None
        n_seen = self._repetition.count(text)
        if len(text) >= self._rules.notice_min_chars and n_seen > 1:
            return "repeated_notice"
        return "repeated_message" if n_seen > self._rules.max_repeats else None
