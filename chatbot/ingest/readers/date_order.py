"""The dates of one file -> the order of day, month and year in it, or a question to its owner."""

from collections.abc import Iterable, Iterator
from datetime import date

from chatbot.errors import ExportError

Fields = tuple[int, int, int]  # the three numbers of a date as they are written
ORDERS = {"dmy": (2, 1, 0), "mdy": (2, 0, 1), "ymd": (0, 1, 2)}  # places of year, month and day
_FIRST_YEAR = 2009  # WhatsApp's; an earlier two-digit year is no year
_N_CLEAR = 200  # dates after which the order is clear if it ever will be
_BUDDHIST_YEARS = 543  # the Thai calendar's


def date_of(fields: Fields, order: str) -> date | None:
    """Return the date that three numbers mean in an order; None if there is no such date.

    >>> date_of((2, 10, 26), "dmy"), date_of((13, 10, 2026), "mdy")
    (datetime.date(2026, 10, 2), None)
    """
    year, month, day = (fields[place] for place in ORDERS[order])
    if year < 100:
        year += 2000
    if year > 2400:
        year -= _BUDDHIST_YEARS
    try:
        return date(year, month, day) if year >= _FIRST_YEAR else None
    except ValueError:
        return None


def find_order(dates: Iterable[Fields], *, is_eastern: bool, is_dotted: bool) -> str:
    """Return the order in which the dates are valid and follow each other.

    `is_eastern`: the file is Korean, Japanese or Chinese, where two digits in front may be a year.
    `is_dotted`: nobody writes the month first with dots. Raises ExportError if both orders of day
    and month fit.
    """
    tallies = {order: _Tally(order) for order in ORDERS}
    last: Fields | None = None
    n_dates = 0
    for fields in _until_clear(dates):
        if fields == last:
            continue
        last = fields
        n_dates += 1
        for tally in tallies.values():
            tally.add(fields)
        if n_dates % _N_CLEAR == 0 and (order := _clear(tallies, is_eastern)):
            return order
    if order := _clear(tallies, is_eastern):
        return order
    if is_dotted and not tallies["dmy"].n_false:
        return "dmy"
    raise ExportError(
        "its dates do not show whether the day or the month comes first",
        hint="set `raw.date_order: dmy` (day first) or `raw.date_order: mdy` (month first) in "
        "`configs/paths.yaml`",
    )


def _until_clear(dates: Iterable[Fields]) -> Iterator[Fields]:
    """Yield dates up to the first with a year of four digits in front, which tells all."""
    for fields in dates:
        yield fields
        if fields[0] > 99:
            return


class _Tally:
    """How many dates are invalid in an order, or earlier than the one before."""

    def __init__(self, order: str) -> None:
        self._order = order
        self._last: date | None = None
        self.n_false = 0
        self.dates: list[date | None] = []

    def add(self, fields: Fields) -> None:
        """Count another date."""
        day = date_of(fields, self._order)
        self.n_false += day is None or (self._last is not None and day < self._last)
        self._last = day or self._last
        if len(self.dates) < _N_CLEAR:
            self.dates.append(day)


def _clear(tallies: dict[str, _Tally], is_eastern: bool) -> str | None:
    """Return the order with far fewer false dates than the others; None if two are alike.

    A pasted transcript or a late message makes a few dates false in the true order too.
    """
    first, second, year = (tallies[order] for order in ORDERS)
    rivals = min(first.n_false, second.n_false)
    if 2 * year.n_false < rivals or (is_eastern and 2 * year.n_false <= rivals):
        return "ymd"
    if 2 * first.n_false < second.n_false or first.dates == second.dates:
        return "dmy"
    return "mdy" if 2 * second.n_false < first.n_false else None
