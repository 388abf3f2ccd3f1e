"""Invented people who differ only in how their sentences end."""

import random

NOUNS = ("점심", "회의", "사진", "영화", "주말", "버스", "시험", "커피", "강아지", "날씨", "운동")
VERBS = ("보", "찾", "기다리", "고르", "바꾸", "말하", "버리")


def speak(ending: str, seed: int, n: int = 400) -> list[str]:
    """Messages of a person whose only mark is how sentences end."""
    rng = random.Random(seed)  # noqa: S311
    return [f"{rng.choice(NOUNS)} {rng.choice(VERBS)}{ending}" for _ in range(n)]
