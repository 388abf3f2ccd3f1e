"""Small invented tables."""

import csv
from datetime import date, timedelta

_THINGS = ("컵", "모자", "의자", "가방", "우산", "신발", "시계")


def write_table(path, rows):
    """Write rows of (question, answer, day or None); day 0 is the first of January 2025."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("question", "answer", "time"))
        for question, answer, day in rows:
            at = "" if day is None else (date(2025, 1, 1) + timedelta(days=day)).isoformat()
            writer.writerow((question, answer, at))
    return path


def days(first, last):
    """Return a row for each day."""
    return [
        (
            f"{_THINGS[day % 7]} {day}개 주문하면 언제 오나요?",
            f"{day % 5 + 1}일 뒤에 보내 드려요.",
            day,
        )
        for day in range(first, last)
    ]
