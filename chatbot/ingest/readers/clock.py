"""Times of day as phones of any language write them -> hours, minutes and seconds."""

import re
from datetime import timedelta
from functools import lru_cache

SPACES = " \u00a0\u2009\u202f"
_MORNING = frozenset(
    (
        "am",
        "오전",
        "午前",
        "上午",
        "凌晨",
        "清晨",
        "早上",
        "早晨",
        "vorm",
        "πμ",
        "ص",
        "قبلالظهر",
        "dop",
        "de",
        "fm",
        "öö",
        "sa",
        "pg",
        "पूर्वाह्न",
        "ก่อนเที่ยง",
        "дп",
    )
)
_AFTERNOON = frozenset(
    (
        "pm",
        "오후",
        "午後",
        "下午",
        "中午",
        "傍晚",
        "晚上",
        "nachm",
        "μμ",
        "م",
        "بعدالظهر",
        "odp",
        "du",
        "em",
        "ös",
        "ch",
        "ptg",
        "अपराह्न",
        "หลังเที่ยง",
        "пп",
    )
)
BEFORE = rf"(?P<before>[^\W\d_]{{2,3}}[{SPACES}]?)??"
DIGITS = r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?"
AFTER = rf"(?:[{SPACES}]?(?P<after>[^\W\d_][^\d,:\]\[-]{{0,13}}?))?"
_NO_LETTERS = re.compile(r"[\s.·\u200e\u200f\u202f]+")


@lru_cache(maxsize=256)
def half_of(word: str) -> int | None:
    """Return 0 for a word for the morning, 12 for the afternoon; None for others.

    >>> half_of("p. m."), half_of("오전"), half_of("Uhr")
    (12, 0, None)
    """
    plain = _NO_LETTERS.sub("", word).lower()
    if plain in _MORNING:
        return 0
    return 12 if plain in _AFTERNOON else None


def time_of(hour: int, minute: int, second: int, half: int | None) -> timedelta | None:
    """Return the time since midnight; `half` as `half_of`. None if there is no such time."""
    if minute > 59 or second > 59:
        return None
    if half is None:
        is_valid = hour < 24
    else:
        # Some phones write 0:05 AM and 13:05 PM.
        is_valid = hour <= 12 or (half == 12 and hour < 24)
        hour = hour if hour > 12 else hour % 12 + half
    return timedelta(hours=hour, minutes=minute, seconds=second) if is_valid else None
