"""The registry of export formats: a line for each, and what they say together."""

from chatbot.ingest.readers import (
    aihub,
    csv_table,
    discord,
    imessage,
    json_table,
    kakaotalk,
    kakaotalk_csv,
    kakaotalk_names,
    katok,
    line,
    meta,
    signal_json,
    signal_md,
    slack,
    telegram,
    whatsapp,
)
from chatbot.ingest.readers.reader import Reader


def _listed(names: list[str]) -> str:
    """Return names as a sentence lists them."""
    return " or ".join([*filter(None, [", ".join(names[:-1])]), *names[-1:]])


READERS = (
    csv_table.READER,
    signal_md.READER,
    whatsapp.READER,
    line.READER,
    imessage.READER,
    Reader("kakaotalk_csv", kakaotalk_csv.recognizes, kakaotalk_csv.read_messages),
    Reader(
        "kakaotalk",
        # Rows of a table may look like system lines.
        lambda head: kakaotalk.recognizes(head) and not csv_table.is_table(head),
        lambda open_lines, zone, account: kakaotalk.read_messages(open_lines(), zone, account),
        kakaotalk_names.MESSENGER,
        kakaotalk_names.EXPORT_STEPS,
        kakaotalk_names.room_of,
        kakaotalk_names.chunk_of,
        kakaotalk_names.EXPORTER_NAMES,
        kakaotalk_names.UNKNOWN_NAMES,
        kakaotalk_names.NOTICE,
        kakaotalk_names.CUT_CHARS,
    ),
    telegram.READER,
    discord.READER,
    meta.READER,
    slack.READER,
    signal_json.READER,
    signal_json.BACKUP,
    katok.READER,
    aihub.READER,
    json_table.READER,
    whatsapp.CUT_READER,
)
_NAMED = [name for reader in READERS for name in reader.messenger.split(", ") if name]
MESSENGERS = _listed([*dict.fromkeys([kakaotalk_names.MESSENGER, *sorted(_NAMED)])])
EXPORT_STEPS = f"{kakaotalk_names.EXPORT_STEPS}; docs/exports.md has the steps of other messengers"
EXPORTER_NAMES = tuple(dict.fromkeys(name for reader in READERS for name in reader.exporter_names))
UNKNOWN_NAMES = ("", *(name for reader in READERS for name in reader.unknown_names))
NOTICES = tuple(reader.notice for reader in READERS if reader.notice is not None)
CUT_CHARS = tuple(reader.cut_chars for reader in READERS if reader.cut_chars is not None)


def room_of(stem: str) -> str:
    """Return the room named in a file name, "" if there is none."""
    return next(filter(None, (reader.room_of(stem) for reader in READERS)), "")


def chunk_of(stem: str) -> tuple[str, int] | None:
    """Return the export that a file belongs to, and its part number; None for other names."""
    return next(filter(None, (reader.chunk_of(stem) for reader in READERS)), None)
