"""File exports from the project root and data/raw/inbox/ under data/raw/organized/<room>/."""

import argparse

from chatbot.cli.screen import display, first_of, say, table
from chatbot.errors import ExportError
from chatbot.ingest.organize.inbox import FilingPlan, discard_staged, file_exports, plan_filing
from chatbot.ingest.organize.manifest import ExportEntry, read_manifest
from chatbot.ingest.readers.account import CUT_OFF_ITEM
from chatbot.ingest.readers.registry import EXPORT_STEPS, MESSENGERS
from chatbot.settings.schema import Config

_SUSPICIOUS_SHARE = 0.01


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --dry."""
    parser.add_argument("--dry", action="store_true", help="only show what would be filed")


def run(args: argparse.Namespace, config: Config) -> None:
    """Plan, show and file; raises ExportError if nothing was recognized."""
    plan = plan_filing(config, lambda path: say(f"reading {path.name}"))
    _show(plan)
    _warn(plan)
    if not plan.entries:
        discard_staged(config)
        raise _nothing_found(plan, config)
    if args.dry:
        discard_staged(config)
        say("dry run: nothing was moved")
        return
    file_exports(plan, config)
    if not plan.filed:
        say("no new export")
    _show_rooms(config)


def _show(plan: FilingPlan) -> None:
    if not plan.filed:
        return
    rows = [["id", "room", "format", "lines", "messages", "from", "to", "unparsed"]]
    rows += [
        [
            entry.id,
            entry.room,
            f"{entry.dialect} {entry.encoding}",
            f"{sum(entry.lines.values()):,}",
            f"{entry.n_messages:,}",
            entry.first,
            entry.last,
            str(entry.lines.get("unparsed", 0)),
        ]
        for _, entry in plan.filed
    ]
    display(table(rows))


def _warn(plan: FilingPlan) -> None:
    for entry in plan.gone:
        say(f"{entry.id}: missing where it was filed, dropped from the list")
    for path, entry in plan.duplicates:
        say(f"{path.name}: the same file as {entry.id}, put aside")
    for split in plan.split:
        empty = f", {split.n_empty} of them without a message" if split.n_empty else ""
        say(f"{split.path.name}: {split.n_rooms} rooms, filed one by one{empty}")
    _say_what_stays(plan)
    for _, entry in plan.filed:
        _warn_of(entry)


def _say_what_stays(plan: FilingPlan) -> None:
    """Report files that are not exports, similar ones in one line: a chat has many pictures."""
    alike: dict[tuple[str, str], list[str]] = {}
    for unknown in plan.unrecognized:
        alike.setdefault((unknown.reason, unknown.advice), []).append(unknown.path.name)
    for (reason, advice), names in alike.items():
        say(f"{first_of(names, 3)}: left in place, {reason}; {advice}")


def _warn_of(entry: ExportEntry) -> None:
    n_lines = sum(entry.lines.values())
    if entry.n_undecodable:
        say(f"{entry.id}: {entry.n_undecodable} places are not {entry.encoding}; export it again")
    _warn_of_left_out(entry)
    if n := entry.lines.get("imitation", 0):
        many = n > _SUSPICIOUS_SHARE * n_lines
        glued = "; were two exports joined in the wrong order?" if many else ""
        say(
            f"{entry.id}: {n} lines look like messages but are pasted text or go back in time, "
            f"so they count as text of the message before them{glued}"
        )


def _warn_of_left_out(entry: ExportEntry) -> None:
    n_unparsed = entry.lines.get("unparsed", 0)
    shapes = [f"{n} {shape}" for shape, n in entry.signatures.items() if shape != CUT_OFF_ITEM]
    if shapes:
        say(f"{entry.id}: left out, not understood: {first_of(shapes, 3)}")
    elif n_unparsed and not entry.signatures:
        say(f"{entry.id}: {n_unparsed} lines belong to no message and are left out")
    if entry.is_cut:
        say(f"{entry.id}: the file is cut off after {entry.n_messages:,} messages; export it again")


def _nothing_found(plan: FilingPlan, config: Config) -> ExportError:
    if plan.unrecognized:
        unknown = plan.unrecognized[0]
        return ExportError(
            f"none of {len(plan.unrecognized)} files is an export that is known; "
            f"the first: {unknown.reason}",
            hint=EXPORT_STEPS,
        )
    return ExportError(
        "no export found",
        hint=f"put a {MESSENGERS} export (txt, csv, json, zip) into {config.raw.inbox_dir}",
    )


def _show_rooms(config: Config) -> None:
    rooms = read_manifest(config.path(config.raw.manifest_path)).rooms
    rows = [["room", "exports", "speakers"]]
    for room, exports in rooms.items():
        names = {name for entry in exports for name in entry.speakers}
        ids = ", ".join(entry.id for entry in exports)
        rows.append([room, ids, first_of(sorted(names), 6)])
    display(table(rows))
