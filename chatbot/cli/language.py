"""The language that a terminal is set to -> Korean or English."""

import locale
from collections.abc import Mapping

LANGUAGES = ("ko", "en")


def language_of(environment: Mapping[str, str]) -> str:
    """Return "ko" or "en", as POSIX reads the environment; on Windows, as the system is set.

    >>> language_of({"LANG": "ko_KR.UTF-8"}), language_of({"LC_ALL": "C", "LANG": "ko_KR.UTF-8"})
    ('ko', 'en')
    """
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    name = next(filter(None, map(environment.get, names)), None) or locale.getlocale()[0] or ""
    return "ko" if name.lower().startswith("ko") else "en"
