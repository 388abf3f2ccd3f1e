"""Read lines as a file, and hold them against the rule that every line is counted."""

from datetime import datetime
from pathlib import Path

from chatbot.conversation import Message
from chatbot.ingest.readers import KST, read_messages
from chatbot.ingest.readers.account import Account
from chatbot.settings.schema import RawConfig


def read_lines_of(
    folder: Path, *lines: str, raw: RawConfig | None = None, name: str = "x.txt"
) -> tuple[list[Message], Account]:
    text = "\n".join(lines) + "\n"
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    account = Account()
    messages = list(read_messages(path, raw=raw, account=account))
    assert account.n_lines == text.count("\n")
    return messages, account


def at(*numbers):
    return datetime(*numbers, tzinfo=KST)
