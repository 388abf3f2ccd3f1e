"""A question to a desk <-> the prompt of it that a model is trained on and asked with."""

import re

import msgspec

from chatbot.settings.kinds import Label


class QuestionForm(msgspec.Struct, frozen=True):
    """How a question becomes a prompt: `[kind] [label] question`; both empty: it stays as it is.

    `kind`: the type of a question that names none, "" to leave it out.
    """

    label: Label = ""
    kind: Label = ""

    @property
    def prefix(self) -> str:
        """What stands before a question without a type.

        >>> QuestionForm("고객문의").prefix, QuestionForm("고객문의", "배송").prefix
        ('[고객문의] ', '[배송] [고객문의] ')
        """
        return "".join(f"[{word}] " for word in (self.kind, self.label) if word)

    @property
    def labelled(self) -> re.Pattern[str]:
        """What a prompt begins with; nothing does without a label."""
        if not self.label:
            return re.compile("(?!)")
        return re.compile(rf"(?:\[([^\[\]]*)\] )?{re.escape(f'[{self.label}] ')}")

    def of(self, question: str, kind: str = "") -> str:
        """Return the prompt of a question; `kind` is its own type.

        >>> QuestionForm("고객문의").of("언제 오나요", "배송")
        '[배송] [고객문의] 언제 오나요'
        """
        return (QuestionForm(self.label, kind) if kind else self).prefix + question

    def asked(self, text: str, kind: str = "") -> str:
        """Return the prompt of a question that may be a prompt already.

        >>> QuestionForm("고객문의").asked("[배송] [고객문의] 언제 오나요")
        '[배송] [고객문의] 언제 오나요'
        """
        is_prompt = self.labelled.match(text) or text.startswith(self.of("", kind))
        return text if is_prompt else self.of(text, kind)

    def split(self, prompt: str) -> tuple[str, str]:
        """Return the type and the question of a prompt.

        >>> QuestionForm("고객문의").split("[배송] [고객문의] 언제 오나요")
        ('배송', '언제 오나요')
        """
        match = self.labelled.match(prompt)
        return (match[1] or "", prompt[match.end() :]) if match else ("", prompt)
