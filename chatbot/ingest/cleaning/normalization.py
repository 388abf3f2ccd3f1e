"""Normalize the text of messages, for training and for replies alike."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Annotated

import msgspec

from chatbot.ingest.masking.public import PublicValues
from chatbot.ingest.qna.prompts import QuestionForm
from chatbot.settings.schema import PreprocessConfig

_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"']+", re.IGNORECASE)
_SPACES = re.compile(r"[^\S\n]+")
_LINE_ENDS = re.compile(r" ?\n[\n ]*")
# Zero-width space, marks, the padding of bot messages; the joiner inside emoji is kept.
_HIDDEN = re.compile(
    r"[\u200b\u200c\u200e\u200f\u2028-\u202e\u2060\ufeff\x00-\x08\x0b-\x1f\x7f-\x9f]|\u200d{2,}"
)
_BLANK_LETTERS = re.compile(r"[\u3164\u2800\u115f\u1160\uffa0]")
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_RUN_CHARS = "ㄱ-ㅎㅏ-ㅣ!?.~,^;…‥*_=+\\-♡♥★☆"


_DEFAULTS = PreprocessConfig()
Line = Annotated[str, msgspec.Meta(max_length=200)]


class TextRules(msgspec.Struct, frozen=True):
    """How a model's text is written, saved in it: the settings of `Normalizer`.

    `question`: how a desk was asked in the tables it was trained on.
    """

    mask_urls: bool = _DEFAULTS.mask_urls
    url_mask: str = _DEFAULTS.url_mask
    max_run: Annotated[int, msgspec.Meta(ge=2, le=1000)] = _DEFAULTS.max_run
    public: tuple[Line, ...] = ()
    question: QuestionForm = QuestionForm()


class Normalizer:
    """Normalizes the text of messages.

    `notices`: patterns of lines that messengers append to messages.
    """

    def __init__(
        self, rules: TextRules | PreprocessConfig, notices: Sequence[re.Pattern[str]] = ()
    ) -> None:
        self._rules, self._notices = rules, notices
        self._public = PublicValues(rules.public)
        self._run = re.compile(rf"([{_RUN_CHARS}])\1{{{rules.max_run},}}")

    def normalize(self, text: str) -> str:
        """Normalize text: NFC, single spaces, links masked, repeated characters limited.

        >>> Normalizer(PreprocessConfig()).normalize("아ㅋㅋㅋㅋㅋㅋ  www.example.com")
        '아ㅋㅋㅋㅋ (링크)'
        """
        if not text.isprintable():  # most messages are: one fast test instead of two searches
            text = _HIDDEN.sub("", _LONE_SURROGATE.sub("\ufffd", text))
        text = unicodedata.normalize("NFC", _BLANK_LETTERS.sub(" ", text))
        for notice in self._notices:
            text = notice.sub("", text)
        if self._rules.mask_urls and ("://" in text or "www." in text.lower()):
            text = _URL.sub(self._masked, text)
        if "  " in text or not text.isprintable():
            text = _LINE_ENDS.sub("\n", _SPACES.sub(" ", text))
        text = text.strip()
        return self._run.sub(lambda run: run[1] * self._rules.max_run, text)

    def _masked(self, link: re.Match[str]) -> str:
        return link[0] if link[0] in self._public else self._rules.url_mask

    def patterns(self) -> dict[str, re.Pattern[str]]:
        """Return what `normalize` searches for, by name, for a program in another language."""
        return {
            "lone_surrogate": _LONE_SURROGATE,
            "blank_letter": _BLANK_LETTERS,
            "hidden": _HIDDEN,
            "url": _URL,
            "spaces": _SPACES,
            "line_end": _LINE_ENDS,
            "run": self._run,
        }
