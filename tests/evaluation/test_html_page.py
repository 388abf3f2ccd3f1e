"""Charts and tables of reports."""

import re

from hypothesis import given
from hypothesis import strategies as st

from chatbot.evaluation.html_page import (
    DotRow,
    Series,
    bar_chart,
    document,
    dot_chart,
    grouped_bars,
    line_chart,
    table,
)
from tests.evaluation.pages import Reader, assert_loads_nothing

NUMBERS = st.floats(-1e9, 1e9, allow_nan=False).map(lambda value: round(value, 6))
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=8)


@given(st.lists(POINTS, max_size=8))
def test_every_point_of_a_chart_is_inside_it(lines):
    chart = line_chart([Series(str(i), points) for i, points in enumerate(lines)], "y")
    pairs = [p for line in re.findall(r'points="([^"]*)"', chart) for p in line.split()]
    for x, y in (map(float, pair.split(",")) for pair in pairs):
        assert 0 <= x <= 640 and 0 <= y <= 220


@given(st.lists(st.tuples(st.text(max_size=3), st.floats(0, 1e6)), max_size=30))
def test_no_bar_is_higher_than_its_chart(values):
    chart = bar_chart(values, "y")
    heights = [float(high) for high in re.findall(r'class="bars".*?height="([\d.]+)"', chart)]
    assert len(heights) == len(values) and all(high <= 220 for high in heights)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=6))
def test_no_group_of_bars_leaves_its_chart(shares):
    series = {"a": [a for a, _ in shares], "b": [b for _, b in shares]}
    chart = grouped_bars([str(n) for n in range(len(shares))], series, "%")
    heights = [float(high) for high in re.findall(r'class="fill.*?height="([\d.]+)"', chart)]
    assert len(heights) == 2 * len(shares) and all(high <= 200 for high in heights)


@given(st.lists(st.lists(NUMBERS, max_size=5), max_size=5))
def test_every_dot_is_on_its_axis(rows):
    chart = dot_chart([DotRow("x", values, (-9, 99)) for values in rows], (0, 4, 8), "bits")
    places = [float(x) for x in re.findall(r'cx="([\d.]+)"', chart)]
    assert len(places) == sum(map(len, rows)) and all(56 <= x <= 616 for x in places)


@given(st.text(max_size=20))
def test_text_stays_text(text):
    cell = f"<script>{text}"
    parts = [table(("h",), ((cell,),)), line_chart([Series(cell, [(0, 1), (1, 2)])], cell)]
    more = [grouped_bars([cell], {cell: [1]}, cell), dot_chart([DotRow(cell, [1])], (0, 1), cell)]
    page = document(cell, [*parts, bar_chart([(cell, 1)], cell), *more])
    assert "script" not in Reader(page).tags


def test_a_page_is_light_and_dark_and_loads_nothing():
    page = document("t", [])
    assert "prefers-color-scheme:dark" in page
    assert_loads_nothing(page)
