"""Titles, tables and numbers -> one self-contained HTML page with SVG charts, light and dark."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

import yaml

Words = dict[str, Any]
_WIDE, _HIGH, _LEFT, _BELOW, _TOP = 640, 220, 56, 26, 10
_N_TICKS = 4
N_COLOURS = 6  # of the style


@dataclass(frozen=True)
class Series:
    """A line of a chart: its name, and (x, y) from left to right."""

    name: str
    points: Sequence[tuple[float, float]]


def read_words(name: str) -> Words:
    """Read the words of a page of this folder, in Korean and English."""
    return yaml.safe_load((files("chatbot.evaluation") / name).read_text(encoding="utf-8"))


def document(title: str, parts: Iterable[str], style: str = "") -> str:
    """Return a page; `parts` are HTML, `style` is added to that of all pages."""
    style = read_words("html_page.yaml")["style"] + style
    return (
        '<!doctype html><html lang="ko"><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width"><title>{escape(title)}</title>'
        f"<style>{style}</style>{''.join(parts)}</html>\n"
    )


def item(text: str) -> str:
    """Return a line of a list."""
    return f"<li>{escape(text)}</li>"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table of texts."""
    return table_of_html(heads, ((escape(cell) for cell in row) for row in rows))


def table_of_html(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table whose cells are HTML."""
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def line_chart(series: Sequence[Series], unit: str) -> str:
    """Return a chart of lines with its legend; "" without any point. `unit`: of y."""
    points = [point for line in series for point in line.points]
    if not points:
        return ""
    x_scale = _Scale.of([x for x, _ in points], _LEFT, _WIDE - 12)
    y_scale = _Scale.of([y for _, y in points], _HIGH, _TOP)
    marks = [_guide_across(y_scale.place(y), short(y)) for y in y_scale.ticks()]
    marks += [_label(x_scale.place(x), _HIGH + 18, short(x)) for x in x_scale.ticks()]
    marks += [_line(line, i, x_scale, y_scale) for i, line in enumerate(series)]
    names = ", ".join(line.name for line in series)
    legend = "".join(
        f'<span class="dot c{i % N_COLOURS}"></span>{escape(line.name)}'
        for i, line in enumerate(series)
    )
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDE} {_HIGH + _BELOW}" role="img" '
        f'aria-label="{escape(f"{unit}: {names}")}">{"".join(marks)}</svg>'
        f'<p class="key">{escape(unit)}{legend}</p>'
    )


def bar_chart(values: Sequence[tuple[str, float]], unit: str) -> str:
    """Return a chart of upright bars with their names below. `unit`: of their heights."""
    most = max((value for _, value in values), default=0) or 1
    step = (_WIDE - _LEFT) / max(1, len(values))
    marks = [_guide_across(_HIGH - share * (_HIGH - _TOP), short(share * most)) for share in (0, 1)]
    for place, (name, value) in enumerate(values):
        left, high = _LEFT + place * step, value / most * (_HIGH - _TOP)
        title = f"<title>{escape(name)}: {short(value)}</title>"
        marks.append(
            f'<rect class="bars" x="{left + 1:.1f}" y="{_HIGH - high:.1f}" '
            f'width="{step - 2:.1f}" height="{high:.1f}">{title}</rect>'
        )
        marks.append(_label(left + step / 2, _HIGH + 18, name))
    label = escape(f"{unit}: " + ", ".join(f"{name} {short(value)}" for name, value in values))
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDE} {_HIGH + _BELOW}" role="img" '
        f'aria-label="{label}">{"".join(marks)}</svg><p class="key">{escape(unit)}</p>'
    )


def small_curve(values: Sequence[float], label: str) -> str:
    """Return a curve for a cell of a table; "" for less than two values."""
    if len(values) < 2:
        return ""
    x_scale = _Scale(0, len(values) - 1, 2, 118)
    y_scale = _Scale.of(values, 26, 2)
    line = " ".join(f"{x_scale.place(i):.1f},{y_scale.place(y):.1f}" for i, y in enumerate(values))
    return (
        f'<svg class="small" viewBox="0 0 120 28" role="img" aria-label="{escape(label)}">'
        f'<polyline class="c0" points="{line}"/></svg>'
    )


def short(value: float) -> str:
    """Format a number of an axis.

    >>> short(1234567), short(0.9571), short(3)
    ('1,234,567', '0.9571', '3')
    """
    if value == round(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.4g}"


@dataclass(frozen=True)
class _Scale:
    """Values -> places on the page: `low` at `start`, `high` at `end`."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def of(cls, values: Sequence[float], start: float, end: float) -> "_Scale":
        return cls(min(values), max(values), start, end)

    def place(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Return round values inside the scale, and its only value if there is just one."""
        span = self.high - self.low
        if not span:
            return [self.low]
        power = 10 ** math.floor(math.log10(span / _N_TICKS))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= span / _N_TICKS)
        first = math.ceil(self.low / step)
        return [step * n for n in range(first, math.floor(self.high / step) + 1)]


def _line(line: Series, number: int, x_scale: _Scale, y_scale: _Scale) -> str:
    places = [(x_scale.place(x), y_scale.place(y)) for x, y in line.points]
    style, points = f"c{number % N_COLOURS}", " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    if len(places) == 1:
        x, y = places[0]
        return f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
    return f'<polyline class="{style}" points="{points}"/>'


def _label(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _guide_across(y: float, text: str) -> str:
    line = f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDE}" y2="{y:.1f}"/>'
    return line + _label(_LEFT - 6, y + 4, text, "end")
