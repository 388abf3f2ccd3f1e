"""A diagnosis -> lines at the terminal, in Korean or English."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby
from typing import Any

import yaml

from chatbot.cli.screen import display, first_of, width
from chatbot.ingest.doctor.diagnosis import Diagnosis
from chatbot.ingest.doctor.findings import FileReport, Finding, Level, needs_attention
from chatbot.wording import render

_COLOURS: dict[Level, int] = {"attention": 33, "note": 90, "fine": 32}
_MARKS: dict[Level, str] = {"attention": "!", "note": "·", "fine": "✓"}
_N_SPEAKERS = 8
_N_SHAPES = 5


@dataclass(frozen=True)
class Words:
    """The words of one language."""

    language: str
    words: Mapping[str, Any]

    @classmethod
    def read(cls, language: str) -> "Words":
        """Read the words of "ko" or "en"."""
        text = (files("chatbot.cli") / "doctor.yaml").read_text(encoding="utf-8")
        return cls(language, yaml.safe_load(text))

    def label(self, name: str, **values: object) -> str:
        """Return a label, filled."""
        return str(self.words["labels"][self.language][name]).format(**values)

    def name(self, section: str, key: str) -> str:
        """Return what a format, a device, a language or a class of lines is called."""
        names = self.words[section].get(key)
        return str(names[self.language]) if names else key

    def kind(self, written: str) -> str:
        """Return the name of a kind of attachment or notice; what follows ":" is the format's."""
        kind, colon, rest = written.partition(":")
        return self.name("media", kind) + colon + rest

    def sentence(self, finding: Finding) -> str:
        """Return what a finding says."""
        template = str(self.words["findings"][finding.code][self.language])
        return render(template.format(**self._translated(finding)))

    def _translated(self, finding: Finding) -> dict[str, Any]:
        """Return the values of a finding; what readers say in English is translated."""
        values: dict[str, Any] = dict(finding.values)
        if "encoding" in values:
            values["encoding"] = self.name("encodings", values["encoding"])
        if self.language == "en":
            return values
        if kind := self.words["kinds"].get(values.get("kind")):
            return values | {"kind": kind[0], "advice": kind[1]}
        for pattern, reason, advice in self.words["reasons"] if "reason" in values else ():
            if match := re.fullmatch(pattern, values["reason"]):
                return values | {"reason": match.expand(reason), "advice": advice}
        return values


def print_diagnosis(diagnosis: Diagnosis, words: Words, inbox: str) -> None:
    """Print what was found: each file, what files share, this computer, and the conclusion."""
    for report in diagnosis.files:
        _print_file(report, words)
    if not diagnosis.files:
        display(words.label("no_files", inbox=inbox))
    for name, findings in (("across", diagnosis.across), ("environment", diagnosis.environment)):
        if findings:
            display(f"\n{words.label(name)}")
            _print_findings(findings, words, "at_lines")
    n = sum(needs_attention([finding]) for finding in _all(diagnosis))
    display("\n" + (words.label("needs", n=n) if n else words.label("is_fine")))


def _all(diagnosis: Diagnosis) -> Iterator[Finding]:
    for report in diagnosis.files:
        yield from report.findings
    yield from diagnosis.across
    yield from diagnosis.environment


def _print_file(report: FileReport, words: Words) -> None:
    display(f"\n{report.name}")
    rows = list(_rows(report, words))
    column = max((width(name) for name, _ in rows), default=0) + 2
    for name, value in rows:
        display(f"  {name}{' ' * (column - width(name))}{value}")
    _print_findings(report.findings, words, f"at_{report.unit}")


def _rows(report: FileReport, words: Words) -> Iterator[tuple[str, str]]:
    if not report.format:
        return
    named = [
        words.name("formats", report.format),
        words.name("devices", report.device),
        words.name("languages", report.language),
    ]
    yield words.label("format"), ", ".join(filter(None, named))
    yield words.label("encoding"), words.name("encodings", report.encoding)
    if report.first:
        yield words.label("period"), f"{report.first} ~ {report.last}"
    if report.amount is not None:
        yield words.label("messages"), _amount(report, words)
    if report.speakers:
        counts = [f"{name or '-'} {n:,}" for name, n in report.speakers.items()]
        yield words.label("speakers"), _first_of(counts, _N_SPEAKERS, words)
    classes = [f"{words.name('lines', kind)} {n:,}" for kind, n in report.lines.items()]
    yield words.label(report.unit), f"{report.n_lines:,}: {', '.join(classes)}"
    if report.kinds:
        kinds = [f"{words.kind(kind)} {n:,}" for kind, n in report.kinds.items()]
        yield words.label("kinds"), ", ".join(kinds)
    if report.unknown_shapes:
        shapes = [f"{n:,} × {shape}" for shape, n in report.unknown_shapes.items()]
        yield words.label("shapes"), _first_of(shapes, _N_SHAPES, words)


def _amount(report: FileReport, words: Words) -> str:
    amount = report.amount
    if amount is None:
        return ""
    text = words.label(
        "amount",
        n_messages=amount.n_messages,
        n_sessions=amount.n_sessions,
        n_tokens=amount.n_tokens,
    )
    if amount.persona_percent is None:
        return text
    return f"{text}; {words.label('persona', percent=amount.persona_percent)}"


def _first_of(names: list[str], n_shown: int, words: Words) -> str:
    if words.language == "en" or len(names) <= n_shown + 1:
        return first_of(names, n_shown)
    return f"{', '.join(names[:n_shown])} {words.label('more', n=len(names) - n_shown)}"


def _print_findings(findings: list[Finding], words: Words, places: str) -> None:
    for finding in sorted(findings, key=lambda finding: finding.level != "attention"):
        begin = f"  {_MARKS[finding.level]} {words.label(finding.level)}  "
        indent = " " * width(begin)
        others = f"{', '.join(finding.others)}: " if finding.others else ""
        display(f"{begin}{others}{words.sentence(finding)}", colour=_COLOURS[finding.level])
        if finding.lines:
            display(indent + _places(finding, words, places))
        if finding.aliases:
            display(indent + words.label("paste"))
            display(f"{indent}raw:\n{indent}  aliases: {_aliases(finding, words)}")


def _places(finding: Finding, words: Words, places: str) -> str:
    listed = ", ".join(_runs(finding.lines))
    n_more = int(finding.values.get("n", 0)) - len(finding.lines)
    more = f" {words.label('more', n=f'{n_more:,}')}" if n_more > 0 else ""
    return words.label(places, lines=listed) + more


def _runs(numbers: list[int]) -> Iterator[str]:
    """Yield numbers, those that follow each other as one range.

    >>> list(_runs([3, 7, 8, 9, 12]))
    ['3', '7-9', '12']
    """
    for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        first, *rest = [number for _, number in run]
        yield f"{first}-{rest[-1]}" if rest else f"{first}"


def _aliases(finding: Finding, words: Words) -> str:
    pairs = {name: other or words.label("name_here") for name, other in finding.aliases.items()}
    quoted = (f"{_quoted(name)}: {_quoted(other)}" for name, other in pairs.items())
    return "{" + ", ".join(quoted) + "}"


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)
