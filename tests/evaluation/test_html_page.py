"""Charts and tables of reports."""

import re

from hypothesis import given
from hypothesis import strategies as st

from chatbot.evaluation.html_page import Series, bar_chart, document, line_chart, table
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


@given(st.text(max_size=20))
def test_text_stays_text(text):
    cell = f"<script>{text}"
    parts = [table(("h",), ((cell,),)), line_chart([Series(cell, [(0, 1), (1, 2)])], cell)]
    page = document(cell, [*parts, bar_chart([(cell, 1)], cell)])
    assert "script" not in Reader(page).tags


def test_a_page_is_light_and_dark_and_loads_nothing():
    page = document("t", [])
    assert "prefers-color-scheme:dark" in page
    assert_loads_nothing(page)
