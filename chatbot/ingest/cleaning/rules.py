"""Rules for a message: whether it is dropped, or kept but not trained."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from chatbot.conversation import Message
from chatbot.ingest.cleaning.normalization import Normalizer
from chatbot.ingest.cleaning.repetition import Fingerprint, Repetition, fingerprints
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
    for rule in rules:  # a generator would cost twice as much
        if rule.applies(message, text, config):
            return rule.name
    return None


_DROPPED = Message("", "", None)  # stands for a message whose text nobody needs


class Prepared(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A message with clean text, and what is decided about it without the messages before it.

    `dropped`, `context`: the name of the rule that drops it, or keeps it from being trained; "" if
    none does. `fingerprint`: of a long text, to count how often it recurs.
    """

    message: Message
    dropped: str = ""
    context: str = ""
    fingerprint: Fingerprint | None = None


class Preparation:
    """Everything in cleaning that does not depend on other messages: it may run in any process.

    `notices`: patterns of lines that messengers append to messages. `cut_chars`: lengths at which
    they truncate messages.
    """

    def __init__(
        self,
        rules: PreprocessConfig,
        forget: Sequence[ForgetRule] = (),
        notices: Sequence[re.Pattern[str]] = (),
        cut_chars: Collection[int] = (),
    ) -> None:
        self._rules = rules
        self._normalizer = Normalizer(rules, notices)
        self._forget = forget
        self._cut_chars = cut_chars

    def prepare(self, messages: Iterable[Message]) -> list[Prepared]:
        """Prepare messages together, which costs a third of preparing each alone."""
        prepared = [self._prepare(message) for message in messages]
        long = [
            number
            for number, each in enumerate(prepared)
            if not (each.dropped or each.context)
            and len(each.message.text) >= self._rules.repeat_min_chars
        ]
        prints = fingerprints([prepared[number].message.text for number in long])
        for number, fingerprint in zip(long, prints, strict=True):
            prepared[number] = Prepared(prepared[number].message, fingerprint=fingerprint)
        return prepared

    def _prepare(self, message: Message) -> Prepared:
        if self._forget and any(rule.applies(message) for rule in self._forget):
            return Prepared(_DROPPED, "forgotten")
        text = self._normalizer.normalize(message.text)
        if reason := first_rule(DROP_RULES, message, text, self._rules):
            return Prepared(_DROPPED, reason)
        reason = self._cut(message) or first_rule(CONTEXT_RULES, message, text, self._rules)
        links = message.id, message.reply_to
        clean = Message(message.speaker, text, message.sent_at, "message", "", *links)
        return Prepared(clean, "", reason or "")

    def _cut(self, message: Message) -> str | None:
        """Return the rule's name if a text has exactly the length of truncated ones, else None."""
        n_chars = len(message.text)
        return f"cut_at_{n_chars}" if n_chars in self._cut_chars else None


class Cleaner:
    """Cleans the messages of one room in order and counts what each rule does.

    `context_only` counts, by rule, the kept messages that are not trained. The arguments are those
    of `Preparation`. The only state between messages is the counts of repeated texts.
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
        self.preparation = Preparation(rules, forget, notices, cut_chars)
        self._rules = rules
        self._repetition = Repetition()

    def clean(self, message: Message) -> Message | None:
        """Return the message with clean text, or None if a rule drops it.

        A message that must not be trained gets kind "context", and is truncated if too long.
        """
        return self.take(self.preparation.prepare([message])[0])

    def take(self, prepared: Prepared) -> Message | None:
        """Finish the cleaning of a prepared message, as `clean` does; in the order of the room."""
        self.n_seen += 1
        if prepared.dropped:
            self.dropped[prepared.dropped] += 1
            return None
        self.n_kept += 1
        message = prepared.message
        reason = prepared.context or self._repeated(message.text, prepared.fingerprint)
        if not reason:
            return message
        self.context_only[reason] += 1
        text = message.text[: self._rules.max_message_chars].strip()
        return replace(message, text=text, kind="context")

    def _repeated(self, text: str, fingerprint: Fingerprint | None) -> str | None:
        """Return the name of the rule if a text recurs too often, else None."""
        if self._repetition.count_window(text) > self._rules.max_repeats:
            return "repeated_window"
        if fingerprint is None:
            return None
        n_seen = self._repetition.count_print(fingerprint)
        if len(text) >= self._rules.notice_min_chars and n_seen > 1:
            return "repeated_notice"
        return "repeated_message" if n_seen > self._rules.max_repeats else None
