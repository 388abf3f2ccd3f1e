"""Rules of forgetting: which messages stay out of the training data."""

from collections.abc import Iterable
from datetime import date, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import msgspec

from chatbot.conversation import Message
from chatbot.errors import CorpusError
from chatbot.ingest.organize.merging import key_of
from chatbot.settings.schema import Config
from chatbot.storage.files import write_json

FILE = "forgotten.json"


class ForgetRule(msgspec.Struct, frozen=True):
    """Messages to leave out: a speaker's (by a hash of the name), those before a day, one by id."""

    kind: Literal["speaker", "before", "message"]
    value: str

    def applies(self, message: Message) -> bool:
        """Whether the rule leaves a message out."""
        if self.kind == "speaker":
            return speaker_hash(message.speaker) == self.value
        if self.kind == "message":
            return message_id(message) == self.value
        sent_at = message.sent_at
        return sent_at is not None and sent_at.date() < date.fromisoformat(self.value)


def speaker_hash(name: str) -> str:
    """Return the hash that replaces a name in a rule, so that the rules contain no names."""
    return blake2b(name.encode(), digest_size=16, person=b"forget").hexdigest()


def message_id(message: Message) -> str:
    """Return an id of a message by its time and text, the same in every export.

    The speaker is not part of it: names change with aliases. Texts that differ only in emoji share
    an id, because exports of old Windows versions have "?" for them.
    """
    minute, _, text = key_of(message)
    return blake2b(b"%d\0%b" % (minute, text), digest_size=8).hexdigest()


def with_aliases(
    rules: Iterable[ForgetRule], aliases: Iterable[tuple[str, str]]
) -> list[ForgetRule]:
    """Add rules for a speaker's other names, so that resolving names later brings nothing back.

    `aliases`: pairs of (name in an export, resolved name).
    """
    rules = list(rules)
    for pair in aliases:
        names = [ForgetRule("speaker", speaker_hash(name)) for name in pair]
        for name, alias in (names, names[::-1]):
            if name in rules and alias not in rules:
                rules.append(alias)
    return rules


def rules_path(config: Config) -> Path:
    """Return the path of the rules, in the folder of the manifest."""
    return config.path(config.raw.manifest_path).with_name(FILE)


def read_rules(path: Path) -> list[ForgetRule]:
    """Return the rules of a project; raises CorpusError if their file is damaged."""
    if not path.is_file():
        return []
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[ForgetRule])
    except (msgspec.DecodeError, ValueError) as error:
        raise CorpusError(
            f"{path} is damaged", hint="restore it: without it, forgotten messages would come back"
        ) from error


def write_rules(path: Path, rules: list[ForgetRule]) -> None:
    """Replace the rules."""
    write_json(path, msgspec.to_builtins(rules))


def day_of(text: str) -> str:
    """Read a day; raises CorpusError for anything but YYYY-MM-DD."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date().isoformat()
    except ValueError as error:
        raise CorpusError(f'"{text}" is not a date', hint="write it as 2025-03-31") from error
