"""Numbers in the arguments of a command; argparse reports a ValueError to the user."""

import math


def positive(text: str) -> int:
    """Read a whole number above 0 from the arguments."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def positive_float(text: str) -> float:
    """Read a number above 0 from the arguments."""
    number = float(text)
    if not 0 < number < math.inf:
        raise ValueError
    return number


def not_negative(text: str) -> float:
    """Read a number of at least 0 from the arguments."""
    number = float(text)
    if not 0 <= number < math.inf:
        raise ValueError
    return number
