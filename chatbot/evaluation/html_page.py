"""Titles, tables and numbers -> one self-contained HTML page with SVG charts, light and dark."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from itertools import pairwise
from typing import Any

import yaml

Words = dict[str, Any]
_WIDE, _HIGH, _LEFT, _BELOW, _TOP = 640, 220, 56, 26, 10
_ROW = 50  # of a chart of dots
_N_TICKS = 4
N_COLOURS = 6  # of the style


@dataclass(frozen=True)
class DotRow:
    """A row of a chart of dots: its name, its values, and a bar behind them (an interval)."""

    name: str
    values: Sequence[float]
    bar: tuple[float, float] | None = None


@dataclass(frozen=True)
class Series:
    """A line of a chart: its name, and (x, y) from left to right."""

    name: str
    points: Sequence[tuple[float, float]]


def read_words(name: str, package: str = "chatbot.evaluation") -> Words:
    """Read the words of a page from a yaml file of a package, in Korean and English."""
    return yaml.safe_load((files(package) / name).read_text(encoding="utf-8"))


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
    names = [line.name for line in series]
    label = f"{unit}: {', '.join(names)}"
    return _svg(marks, _HIGH + _BELOW, label) + _legend(names, unit)


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
    label = f"{unit}: " + ", ".join(f"{name} {short(value)}" for name, value in values)
    return _svg(marks, _HIGH + _BELOW, label) + _legend([], unit)


def binned(counts: Mapping[int, int], lows: Sequence[int]) -> list[tuple[str, float]]:
    """Return the bars of counted values, in bins that begin at `lows`.

    >>> binned({1: 2, 3: 1, 40: 1}, (1, 2, 5))
    [('1', 2.0), ('2-4', 1.0), ('5+', 1.0)]
    """
    sums = dict.fromkeys(lows, 0)
    for value, n in counts.items():
        sums[max((low for low in lows if low <= value), default=lows[0])] += n
    names = [str(low) if high == low + 1 else f"{low}-{high - 1}" for low, high in pairwise(lows)]
    return list(zip([*names, f"{lows[-1]}+"], map(float, sums.values()), strict=True))


def grouped_bars(groups: Sequence[str], series: Mapping[str, Sequence[float]], unit: str) -> str:
    """Return a chart of shares: for each group a bar of each series, beside each other."""
    most = max([0.01, *(value for values in series.values() for value in values)])
    step = (_WIDE - _LEFT) / max(1, len(groups))
    width, marks = 0.7 * step / max(1, len(series)), []
    for place, name in enumerate(groups):
        left = _LEFT + (place + 0.15) * step
        for number, values in enumerate(series.values()):
            high, x = values[place] / most * (_HIGH - 24), left + number * width
            marks.append(
                f'<rect class="fill c{number % N_COLOURS}" x="{x:.1f}" y="{_HIGH - high:.1f}" '
                f'width="{width - 4:.1f}" height="{high:.1f}"/>'
            )
            marks.append(_label(x + width / 2 - 2, _HIGH - high - 4, f"{values[place]:.1%}"))
        marks.append(_label(_LEFT + (place + 0.5) * step, _HIGH + 18, name))
    marks.append(f'<line x1="{_LEFT}" y1="{_HIGH}" x2="{_WIDE}" y2="{_HIGH}"/>')
    return _svg(marks, _HIGH + _BELOW, unit) + _legend(list(series), unit)


def dot_chart(rows: Sequence[DotRow], ticks: Sequence[float], unit: str) -> str:
    """Return a chart of values along an axis, a row for each name; "" without a row.

    Values outside the ticks are drawn at its end.
    """
    if not rows:
        return ""
    scale, high = _Scale.of(ticks, _LEFT, _WIDE - 24), _ROW * len(rows)
    marks = [_guide_upright(scale.place(tick), high, short(tick)) for tick in ticks]
    for number, row in enumerate(rows):
        y = number * _ROW + 14
        if row.bar is not None:
            low, end = (scale.place(_inside(value, ticks)) for value in row.bar)
            half = 4 if end - low > 1 else 10  # a single value is an upright line
            marks.append(
                f'<rect class="fill c5" x="{low - 1:.1f}" y="{y - half}" '
                f'width="{end - low + 2:.1f}" height="{2 * half}"/>'
            )
        marks += [
            f'<circle class="c0" cx="{scale.place(_inside(value, ticks)):.1f}" cy="{y}" r="4" '
            'fill-opacity=".7"/>'
            for value in row.values
        ]
        marks.append(_label(_LEFT, y + 22, row.name, "start"))
    return _svg(marks, high + _BELOW, unit) + _legend([], unit)


def _inside(value: float, ticks: Sequence[float]) -> float:
    return min(max(ticks), max(min(ticks), value))


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


def _svg(marks: Iterable[str], high: float, label: str) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDE} {high:g}" role="img" '
        f'aria-label="{escape(label)}">{"".join(marks)}</svg>'
    )


def _legend(names: Sequence[str], unit: str) -> str:
    dots = "".join(
        f'<span class="dot c{i % N_COLOURS}"></span>{escape(name)}' for i, name in enumerate(names)
    )
    return f'<p class="key">{escape(unit)}{dots}</p>'


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


def _guide_upright(x: float, high: float, text: str) -> str:
    line = f'<line x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{high:g}"/>'
    return line + _label(x, high + 18, text)


def _guide_across(y: float, text: str) -> str:
    line = f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDE}" y2="{y:.1f}"/>'
    return line + _label(_LEFT - 6, y + 4, text, "end")
