"""Untrusted JSON -> values, within bounds that are checked before decoding."""

import json
from typing import Any, Never


def read_json(text: str, max_values: int) -> Any:
    """Decode JSON of at most `max_values` values.

    Raises ValueError for more, for duplicate keys, and for NaN and Infinity; RecursionError for
    values nested too deeply.

    >>> read_json('{"a": [1, 2]}', 10)
    {'a': [1, 2]}
    """
    # Every value follows one of these; those inside strings only make the bound stricter.
    if sum(map(text.count, ",[{")) > max_values:
        raise ValueError("too many values")
    return json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_refuse)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("duplicate key")
    return values


def _refuse(constant: str) -> Never:
    raise ValueError(f"{constant} is not a JSON number")
