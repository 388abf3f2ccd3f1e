"""What the owner calls public, like a desk's own telephone number -> whether a value is of it."""

import re
from collections.abc import Iterable

_SCHEME = re.compile(r"^(?:https?://)?(?:www\.)?")
_END = " \t.,!?~;:)]}>\"'/"
_PERSONAL = re.compile(r"[?#@]")  # what a link adds about whoever follows it


class PublicValues:
    """Values that masking leaves, however they are written: 1588-1234, 1588 1234, 15881234.

    Of a link it also leaves the pages below, but nothing that ends in a query.
    """

    def __init__(self, values: Iterable[str]) -> None:
        self._values = frozenset(filter(None, map(_canonical, values)))

    def __contains__(self, value: str) -> bool:
        """Whether a value is public.

        >>> public = PublicValues(["1588-1234", "https://shop.example"])
        >>> "1588 1234" in public, "shop.example/faq" in public, "shop.example/?user=7" in public
        (True, True, False)
        """
        if not self._values:
            return False
        text = _canonical(value)
        if text in self._values:
            return True
        host = text.partition("/")[0]
        return "." in host and host in self._values and not _PERSONAL.search(text)


def _canonical(value: str) -> str:
    text = _SCHEME.sub("", value.strip().casefold()).rstrip(_END)
    has_letters = any(char.isalpha() for char in text)
    return text if has_letters else re.sub(r"\D", "", text)
