"""A privacy report -> an HTML page with charts, without any secret."""

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from importlib.resources import files
from statistics import median
from typing import Any

import msgspec
import yaml

from chatbot.privacy.memorization import Attack
from chatbot.privacy.report import ENOUGH
from chatbot.privacy.results import PrivacyReport, Shares

_WIDE, _HIGH, _LEFT, _BELOW = 560, 220, 56, 34
_INK, _TRAIN, _OTHER, _LINE = "#333", "#c2410c", "#94a3b8", "#e5e7eb"


def page(report: PrivacyReport) -> str:
    """Return the report as a self-contained HTML page."""
    words = yaml.safe_load((files("chatbot.privacy") / "page.yaml").read_text(encoding="utf-8"))
    parts = [_summary(report, words["verdicts"])]
    for name, draw in _PICTURES.items():
        if numbers := getattr(report, name):
            title, text = words["sections"][name]["title"], words["sections"][name]["text"]
            parts.append(f"<h2>{title}</h2><p>{text}</p>{draw(numbers)}")
    parts.append(_table("데이터 · Data", report.data))
    if report.verbatim:
        parts.append(_table("베낀 답 · Copied replies", report.verbatim))
    missing = "".join(f"<li>{escape(text)}</li>" for text in report.not_measured)
    parts.append(f"<h2>재지 않은 것 · Not measured</h2><ul>{missing}</ul>")
    parts.append(_table("설정 · Settings", report.settings))
    return (
        '<!doctype html><html lang="ko"><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width"><title>Privacy report</title>'
        f"<style>{words['style']}</style><h1>개인 정보 보고서 · Privacy report</h1>"
        f"{''.join(parts)}</html>\n"
    )


def _summary(report: PrivacyReport, verdicts: dict[str, str]) -> str:
    """Summarize in plain words whether the model may be shared, and why."""
    if report.warnings:
        rows = "".join(f"<li>{escape(text)}</li>" for text in report.warnings)
        verdict = f'<p class="bad"><b>{verdicts["bad"]}</b></p><ul class="bad">{rows}</ul>'
    elif min(report.n_messages.values()) < ENOUGH:
        verdict = f"<p><b>{verdicts['unknown']}</b></p>"
    else:
        verdict = f'<p class="good"><b>{verdicts["good"]}</b></p>'
    return f"{verdict}<p>{verdicts['always']}</p>"


def _table(title: str, facts: msgspec.Struct | None) -> str:
    rows = {} if facts is None else msgspec.to_builtins(facts)
    cells = "".join(
        f"<tr><th>{escape(str(name))}</th><td>{escape(_shown(value))}</td></tr>"
        for name, value in rows.items()
    )
    return f"<h2>{title}</h2><table>{cells}</table>"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_shown(part)}" for name, part in value.items())
    return str(value)


def _extraction(shares: dict[str, Shares]) -> str:
    counts = list(shares["train"])
    most = max([0.01, *(share for split in shares.values() for share in split.values())])
    bars = []
    for place, n in enumerate(counts):
        left = _LEFT + (place + 0.5) * (_WIDE - _LEFT) / len(counts)
        for split, colour, shift in (("train", _TRAIN, -44), ("held_out", _OTHER, 4)):
            share = shares[split][n]
            high = share / most * (_HIGH - 24)
            bars.append(_rect(left + shift, _HIGH - high, 40, high, colour))
            bars.append(_label(left + shift + 20, _HIGH - high - 4, f"{share:.1%}"))
        bars.append(_label(left, _HIGH + 18, f"n = {n}"))
    bars.append(_legend((("배운 말 trained", _TRAIN), ("배우지 않은 말 held out", _OTHER))))
    return _svg(bars)


def _membership(attacks: dict[str, Attack]) -> str:
    marks = [_guide(_across(value, 0.4, 1), f"{value}") for value in (0.5, 0.6, 0.7, 0.8, 0.9, 1)]
    for row, (name, measured) in enumerate(attacks.items()):
        y = 30 + row * 56
        low, high = (_across(value, 0.4, 1) for value in measured.auc_interval)
        marks.append(_rect(low, y - 2, max(1, high - low), 4, _OTHER))
        marks.append(_dot(_across(measured.auc, 0.4, 1), y, _TRAIN))
        tpr = f"{name}: {measured.auc:.3f}, TPR {measured.tpr_at_1_percent:.1%} at 1 % FPR"
        marks.append(_label(_LEFT, y + 20, tpr, "start"))
    return _svg(marks)


def _canaries(bits: dict[int, Sequence[float]]) -> str:
    ceiling = 4 * math.log2(10)
    marks = [
        _guide_across(_up(value, ceiling), f"{value:.0f}") for value in (0, 3, 6, 9, 12, ceiling)
    ]
    for place, (n, values) in enumerate(bits.items()):
        x = _LEFT + (place + 0.5) * (_WIDE - _LEFT) / len(bits)
        marks += [_dot(x + 3 * (i % 5 - 2), _up(v, ceiling), _OTHER) for i, v in enumerate(values)]
        y = _up(median(values), ceiling)
        marks.append(_rect(x - 22, y - 2, 44, 4, _TRAIN))
        marks.append(_label(x, _HIGH + 18, f"{n}번 · {n} times"))
    return _svg(marks)


def _secrets(bits: dict[str, Sequence[float]]) -> str:
    marks = [_guide(_across(value, 0, 8), f"{value} bits") for value in (0, 2, 4, 6, 8)]
    for row, (kind, values) in enumerate(sorted(bits.items())[:7]):
        y = 16 + row * 28
        marks += [_dot(_across(min(8.0, value), 0, 8), y, _TRAIN) for value in values]
        marks.append(_label(_LEFT, y + 14, f"{kind} ({len(values)})", "start"))
    return _svg(marks)


def _across(value: float, low: float, high: float) -> float:
    return _LEFT + (value - low) / (high - low) * (_WIDE - _LEFT - 24)


def _up(value: float, high: float) -> float:
    return _HIGH - value / high * (_HIGH - 12)


def _svg(marks: Iterable[str]) -> str:
    size = f'viewBox="0 0 {_WIDE} {_HIGH + _BELOW}" width="{_WIDE}"'
    base = f'<line x1="{_LEFT}" y1="{_HIGH}" x2="{_WIDE}" y2="{_HIGH}" stroke="{_INK}"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(marks)}{base}</svg>'


def _rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'
    )


def _dot(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}" fill-opacity=".8"/>'


def _label(x: float, y: float, text: str, anchor: str = "middle") -> str:
    at = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{_INK}"'
    return f"<text {at}>{escape(text)}</text>"


def _guide(x: float, text: str) -> str:
    line = f'<line x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{_HIGH}" stroke="{_LINE}"/>'
    return line + _label(x, _HIGH + 18, text)


def _guide_across(y: float, text: str) -> str:
    line = f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDE}" y2="{y:.1f}" stroke="{_LINE}"/>'
    return line + _label(_LEFT - 8, y + 4, text, "end")


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    return "".join(
        _rect(_LEFT + 4 + 170 * i, 2, 12, 12, colour)
        + _label(_LEFT + 22 + 170 * i, 13, text, "start")
        for i, (text, colour) in enumerate(entries)
    )


_PICTURES: dict[str, Callable[[Any], str]] = {
    "extraction": _extraction,
    "membership": _membership,
    "canaries": _canaries,
    "secrets": _secrets,
    "candidates": _secrets,
}
