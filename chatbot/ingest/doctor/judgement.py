"""The facts about one export -> findings, and how much there is to train on."""

from collections.abc import Iterator
from datetime import timedelta

from msgspec.structs import replace

from chatbot.ingest.amounts import GOOD_MESSAGES, MIN_MESSAGES
from chatbot.ingest.doctor.findings import MAX_PLACES, Amount, Finding, attention, note
from chatbot.ingest.doctor.names import same_people
from chatbot.ingest.doctor.observation import Observation
from chatbot.ingest.organize.manifest import ExportEntry
from chatbot.ingest.organize.rooms import exporter_of
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.registry import EXPORTER_NAMES, UNKNOWN_NAMES
from chatbot.settings.schema import PreprocessConfig

# Fitted to the tokenizers of three public rooms (docs/choosing.md), within 8 % of each.
_ASCII_PER_TOKEN, _WIDE_BYTES_PER_TOKEN = 4.0, 5.5
_TOKENS_PER_MESSAGE = 2  # who speaks, and the end
_MANY = 0.01  # share of the lines that is no accident
_MIN_MANY = 5
_MIN_QUESTIONED = 0.2
_UTF8 = ("utf-8", "utf-8-sig")


def findings_of(account: Account, seen: Observation, *, n_rooms: int) -> Iterator[Finding]:
    """Yield what was noticed about an export that was read to its end.

    Rooms that stand one after the other in a file say nothing by their order.
    """
    yield from _of_encoding(account, seen)
    yield from _of_lines(account, seen)
    yield from _of_dates(seen)
    if n_rooms == 1:
        yield from _of_order(seen)
        yield from _of_names(seen)
    yield from _of_amount(seen)


def shapes_of(account: Account) -> Iterator[Finding]:
    """Yield a finding about lines or items that are not understood."""
    n = account.lines["unparsed"]
    if not n:
        return
    code = "unknown_shapes" if account.signatures else "unread_lines"
    yield replace(attention(code, n=n), lines=account.unparsed_at[:MAX_PLACES])


def _of_encoding(account: Account, seen: Observation) -> Iterator[Finding]:
    if account.n_undecodable:
        places, encoding = account.n_undecodable, account.encoding
        finding = attention("undecodable", n=seen.damaged.n, places=places, encoding=encoding)
        yield replace(finding, lines=seen.damaged.lines)
    elif account.encoding not in _UTF8:
        yield note("converted", encoding=account.encoding)
    if seen.mojibake.n:
        yield replace(attention("mojibake", n=seen.mojibake.n), lines=seen.mojibake.lines)
    if seen.n_questioned > _MIN_QUESTIONED * seen.n_chars and seen.n_messages >= _MIN_MANY:
        percent = round(100 * seen.n_questioned / seen.n_chars)
        yield attention("question_marks", percent=percent)


def _of_lines(account: Account, seen: Observation) -> Iterator[Finding]:
    yield from shapes_of(account)
    if account.is_cut:
        yield attention("cut_file")
    if seen.n_cut:
        yield note("cut_texts", n=seen.n_cut, chars=seen.cut_chars or 0)
    n_pasted = account.lines["imitation"]
    n_foreign = seen.headers_inside.n - n_pasted
    n_many = max(_MIN_MANY, round(_MANY * account.n_lines))
    if n_foreign >= n_many:
        yield replace(attention("mixed_formats", n=n_foreign), lines=seen.headers_inside.lines)
    if n_pasted >= n_many:
        yield replace(attention("clock_back", n=n_pasted), lines=seen.headers_inside.lines)
    elif n_pasted:
        yield replace(note("pasted", n=n_pasted), lines=seen.headers_inside.lines)


def _of_order(seen: Observation) -> Iterator[Finding]:
    if steps := seen.steps_back.n:
        days = round(seen.longest_step / timedelta(days=1), 1)
        yield replace(attention("steps_back", n=steps, days=days), lines=seen.steps_back.lines)
    for each in seen.silences:
        yield note("silence", days=each.days, since=each.since, until=each.until)


def _of_dates(seen: Observation) -> Iterator[Finding]:
    if seen.impossible.n:
        yield replace(
            attention("impossible_dates", n=seen.impossible.n), lines=seen.impossible.lines
        )
    if seen.n_undated:
        yield attention("undated", n=seen.n_undated)


def _of_names(seen: Observation) -> Iterator[Finding]:
    if people := same_people(seen.speakers, has_notices=seen.n_system > 0):
        yield replace(attention("two_names", n=len(people)), aliases=people)
    for name in EXPORTER_NAMES:
        if name in seen.speakers:
            yield replace(note("owner_unnamed"), aliases={name: ""})


def _of_amount(seen: Observation) -> Iterator[Finding]:
    if seen.n_messages < MIN_MESSAGES:
        yield attention("too_few", n=seen.n_messages, least=MIN_MESSAGES)
    elif seen.n_messages < GOOD_MESSAGES:
        yield note("few", n=seen.n_messages, enough=GOOD_MESSAGES)
    if len(seen.speakers) == 1:
        yield attention("one_speaker")


def amount_of(entry: ExportEntry, seen: Observation, rules: PreprocessConfig) -> Amount:
    """Estimate what an export gives to training."""
    n_ascii = max(0, 3 * seen.n_chars - seen.n_bytes) / 2  # other characters mostly take 3 bytes
    n_tokens = n_ascii / _ASCII_PER_TOKEN + (seen.n_bytes - n_ascii) / _WIDE_BYTES_PER_TOKEN
    n_tokens += _TOKENS_PER_MESSAGE * seen.n_messages
    persona = seen.speakers.get(_persona(entry, rules.persona))
    percent = round(100 * persona.n / seen.n_messages, 1) if persona else None
    return Amount(seen.n_messages, seen.n_sessions, 100 * round(n_tokens / 100), percent)


def _persona(entry: ExportEntry, typed: str) -> str:
    """Return the name of the persona, as `preprocess` chooses it; "" if nobody has it here."""
    if typed != "auto":
        begun = [name for name in entry.speakers if name.startswith(typed)]
        return typed if typed in entry.speakers or len(begun) != 1 else begun[0]
    named = {name: n for name, n in entry.speakers.items() if name not in UNKNOWN_NAMES}
    exporter = exporter_of([entry], {entry.id: {}})
    return exporter if exporter in named else max(named, key=named.__getitem__, default="")
