"""The page on choosing shows what was measured, and the report counts it right."""

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.reference_cells import CELLS
from benchmarks.reference_report import MARKS, PAGES, RESULTS, is_clear, summary, table
from tests.conftest import REPOSITORY

SIZES = st.lists(st.integers(1, 400), min_size=2, max_size=8)


def cell(name, seed, losses, sizes):
    rows = [list(row) for row in zip(losses, sizes, strict=True)]
    return {
        "room": "방", "group": "labels", "name": name, "seed": seed, "settings": [], "n_steps": 1,
        "n_positions": 1, "n_epochs": 0.1, "n_params": 1, "seconds": 1.0, "replies": rows,
        "persona": rows,
    }  # fmt: skip


def compared(shifts, sizes):
    """Summarize a cell that needs so many bits per byte more than the default, seed by seed."""
    default = [cell("all", seed, sizes, sizes) for seed in range(len(shifts))]
    others = [
        cell("last_turn", seed, [n + n * shift * math.log(2) for n in sizes], sizes)
        for seed, shift in enumerate(shifts)
    ]
    return summary([*default, *others], "quick")[1]["replies"]


@pytest.mark.parametrize(("language", "page"), PAGES.items())
def test_the_tables_are_those_of_the_results(language, page):
    text = page.read_text(encoding="utf-8")
    rows = msgspec.json.decode(RESULTS.read_bytes())
    assert text.split(MARKS[0])[1].split(MARKS[1])[0].strip() == table(rows, language)


@pytest.mark.parametrize("readme", ["README.md", "README.ko.md"])
def test_readmes_link_the_page(readme):
    language = "ko" if readme.endswith("ko.md") else "en"
    assert f"(docs/{PAGES[language].name})" in (REPOSITORY / readme).read_text(encoding="utf-8")


def test_every_result_is_of_a_cell():
    known = {(each.group, each.name) for each in CELLS}
    rows = msgspec.json.decode(RESULTS.read_bytes())
    assert {(row["group"], row["name"]) for row in rows} <= known


@settings(max_examples=20)
@given(SIZES, st.floats(-2, 2))
def test_the_same_shift_in_every_session_is_the_difference(sizes, shift):
    value, low, high = compared([shift, shift], sizes)["difference"]
    assert low == pytest.approx(value, abs=2e-4) == pytest.approx(high, abs=2e-4)
    assert value == pytest.approx(shift, abs=2e-4)


@settings(max_examples=20)
@given(SIZES)
def test_seeds_on_both_sides_are_not_clear(sizes):
    assert not is_clear(compared([0.5, -0.1], sizes))
    assert not is_clear(compared([0.5], sizes))
    assert is_clear(compared([0.5, 0.1], sizes))
