"""JSON that a stranger wrote -> values, within bounds that are checked before any is made."""

import json
from typing import Any, Never


def read_json(text: str, max_values: int) -> Any:
    """Decode JSON of at most so many values.

    Raises ValueError for more, for a key that stands twice, and for numbers that are none;
    RecursionError for values too deep in each other.

    >>> read_json('{"a": [1, 2]}', 10)
    {'a': [1, 2]}
    """
    # Every value follows one of these; those inside of strings only make the bound stricter.
    if sum(map(text.count, ",[{")) > max_values:
        raise ValueError("too many values")
    return json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_refuse)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a key stands twice")
    return values


def _refuse(constant: str) -> Never:
    raise ValueError(f"{constant} is no number")
