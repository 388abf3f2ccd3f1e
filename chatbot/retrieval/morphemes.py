"""Korean texts -> hashed morphemes, by kiwipiepy (`pip install 'chatbot[morphemes]'`)."""

import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

_SIGNS = ("SF", "SP", "SS", "SSO", "SSC", "SE", "SO", "SW", "SB")  # tags of no letters


@cache
def _analyzer() -> Any:
    from kiwipiepy import Kiwi

    return Kiwi(num_workers=1)


def morpheme_terms(texts: Sequence[str]) -> npt.NDArray[np.uint64]:
    """Return a key for each morpheme of each text: its hash, then the text's place."""
    keys = [
        zlib.crc32(token.form.encode()) << 32 | place
        for place, tokens in enumerate(_analyzer().tokenize(list(texts)))
        for token in tokens
        if token.tag not in _SIGNS
    ]
    return np.array(keys, dtype=np.uint64)
