"""WhatsApp txt exports of iPhones and Android phones -> messages."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timezone
from functools import partial

from chatbot.conversation import Message
from chatbot.ingest.readers import whatsapp_grammar as grammar
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.date_order import find_order
from chatbot.ingest.readers.reader import Reader
from chatbot.ingest.readers.stamped import read_stamped
from chatbot.ingest.readers.text import Text
from chatbot.ingest.readers.whatsapp_words import EXPORT_STEPS, MESSENGER, room_of
from chatbot.settings.schema import RawConfig


def recognizes(head: list[str]) -> bool:
    """Whether a file begins with a message in a form of WhatsApp's exports."""
    first = next((line for line in head if line.strip()), "")
    return grammar.match_head(first) is not None


def recognizes_cut(head: list[str]) -> bool:
    """Whether a file whose first lines were cut off has a message of WhatsApp's further below.

    Asked last: people paste messages of one chat into another.
    """
    matches = filter(None, map(grammar.match_head, head))
    return any(": " in match["rest"] for match in matches)


def configured(reader: Reader, raw: RawConfig) -> Reader:
    """Return the reader for the order of dates that `raw.date_order` names."""
    return replace(reader, read=partial(read_messages, date_order=raw.date_order))


def read_messages(
    text: Text, zone: timezone, account: Account, *, date_order: str = "auto"
) -> Iterator[Message]:
    """Yield the messages of an export in file order, accounting for every line.

    The file is opened again to find the order of day and month. Raises ExportError if its dates do
    not show it.
    """
    first = next(filter(None, map(grammar.match_head, text())), None)
    if first is None:
        return
    form = grammar.form_of(first)
    if date_order == "auto" or form.date.endswith(("일", "日")):
        date_order = find_order(
            grammar.fields_in(text(), form),
            is_eastern=grammar.is_eastern(first),
            is_dotted=grammar.is_dotted(first),
        )
    head_of = grammar.HeadReader(form, date_order, zone)
    for message in read_stamped(text(), head_of, grammar.settle, account):
        account.room = account.room or head_of.group
        yield message


READER = Reader(
    "whatsapp",
    recognizes,
    read_messages,
    MESSENGER,
    EXPORT_STEPS,
    room_of,
    configured=configured,
)
CUT_READER = Reader("whatsapp", recognizes_cut, read_messages, configured=configured)
