"""Rules on one message: what is dropped, and how text is written. Rules are data."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chatbot.conversation import Message
from chatbot.ingest.forgetting import ForgetRule
from chatbot.ingest.repetition import Repetition
from chatbot.settings import PreprocessConfig

_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"']+", re.IGNORECASE)
_SPACES = re.compile(r"[^\S\n]+")
_LINE_ENDS = re.compile(r" ?\n[\n ]*")
# Zero-width space, marks, the fold spacer of bot messages; the joiner inside emoji is kept.
_HIDDEN = re.compile(
    r"[\u200b\u200c\u200e\u200f\u2028-\u202e\u2060\ufeff\x00-\x08\x0b-\x1f\x7f-\x9f]|\u200d{2,}"
)
_BLANK_LETTERS = re.compile(r"[\u3164\u2800\u115f\u1160\uffa0]")
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_RUN_CHARS = "ㄱ-ㅎㅏ-ㅣ!?.~,^;…‥*_=+\\-♡♥★☆"
# Dots only or dashes only; `-.-` and `-_-` are faces.
_LOW_SIGNAL = re.compile(
    r"[\s.·ㆍ・。\u2024-\u2027\u2000-\u200f\u2028-\u202f\u205f-\u206f]+|[\s\-‐-―─ー−]+"
)
# Kakao glues these onto the message before them.
_POLICY_LINE = re.compile(
    r"^(?:운영정책을 위반.*|타인, 기관 등의 사칭에 유의해 주세요.*)$\n?",
    re.MULTILINE,
)


@dataclass(frozen=True)
class DropRule:
    """A named reason to drop a message."""

    name: str
    applies: Callable[[Message, PreprocessConfig], bool]


# On a message as the export has it. Phones cut a body at exactly 500 characters.
RAW_RULES = (
    DropRule("system", lambda message, rules: message.kind == "system"),
    DropRule("media", lambda message, rules: message.kind == "media"),
    DropRule("cut_at_500", lambda message, rules: len(message.text) == 500),
)
# On a message whose text is normalized.
TEXT_RULES = (
    DropRule("empty", lambda message, rules: not message.text),
    DropRule("too_short", lambda message, rules: len(message.text) < rules.min_message_chars),
    DropRule("too_long", lambda message, rules: len(message.text) > rules.max_message_chars),
    DropRule(
        "low_signal",
        lambda message, rules: (
            rules.drop_low_signal and _LOW_SIGNAL.fullmatch(message.text) is not None
        ),
    ),
)


class Cleaner:
    """Cleans the messages of one room in order and counts what each rule drops.

    State is only what repeats need: the hashes of long texts seen.
    """

    def __init__(self, rules: PreprocessConfig, forget: Sequence[ForgetRule] = ()) -> None:
        self.n_seen = 0
        self.n_kept = 0
        self.dropped: Counter[str] = Counter()
        self._rules = rules
        self._run = re.compile(rf"([{_RUN_CHARS}])\1{{{rules.max_run},}}")
        self._repetition = Repetition()
        self._forget = forget

    def clean(self, message: Message) -> Message | None:
        """Return the message with clean text, or None if a rule drops it."""
        self.n_seen += 1
        if any(rule.applies(message) for rule in self._forget):
            self.dropped["forgotten"] += 1
            return None
        if self._is_dropped(message, RAW_RULES):
            return None
        cleaned = Message(message.speaker, self.normalize(message.text), message.sent_at)
        if self._is_dropped(cleaned, TEXT_RULES):
            return None
        if rule := self._repeated(cleaned.text):
            self.dropped[rule] += 1
            return None
        self.n_kept += 1
        return cleaned

    def _is_dropped(self, message: Message, drop_rules: tuple[DropRule, ...]) -> bool:
        for rule in drop_rules:
            if rule.applies(message, self._rules):
                self.dropped[rule.name] += 1
                return True
        return False

    def normalize(self, text: str) -> str:
        """Write text one way: NFC, one space, links masked, runs capped.

        >>> Cleaner(PreprocessConfig()).normalize("아ㅋㅋㅋㅋㅋㅋ  www.example.com")
        '아ㅋㅋㅋㅋ (링크)'
        """
        text = _BLANK_LETTERS.sub(" ", _LONE_SURROGATE.sub("\ufffd", text))
        text = unicodedata.normalize("NFC", _HIDDEN.sub("", text))
        text = _POLICY_LINE.sub("", text)
        if self._rules.mask_urls:
            text = _URL.sub(self._rules.url_mask, text)
        text = _LINE_ENDS.sub("\n", _SPACES.sub(" ", text)).strip()
        return self._run.sub(lambda run: run[1] * self._rules.max_run, text)

    def _repeated(self, text: str) -> str | None:
        """Return the rule by which a text that came back too often is dropped."""
        if self._repetition.count_window(text) > self._rules.max_repeats:
            return "repeated_window"
        if len(text) < self._rules.repeat_min_chars:
            return None
        n_seen = self._repetition.count(text)
        if len(text) >= self._rules.notice_min_chars and n_seen > 1:
            return "repeated_notice"
        return "repeated_message" if n_seen > self._rules.max_repeats else None
