"""What cleaning takes out of a room for repeating: `python benchmarks/repeats.py [EXPORT ...]`.

Without arguments it invents a service desk: long, similar, distinct answers. Columns: messages;
those taken out of training as repeats; those of them whose Jaccard index of 4-grams (letters and
digits) with every earlier text is below 0.5; how many of them left the conversation; questions
followed by their real answer.
"""

import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from chatbot.conversation import Message
from chatbot.ingest.cleaning.rules import Cleaner
from chatbot.ingest.readers import KST, read_messages
from chatbot.settings.schema import PreprocessConfig

_ITEMS = (
    "운동화 티셔츠 텀블러 노트북가방 이어폰 우산 담요 스탠드 커피잔 책상 의자 "  # noqa: SIM905
    "수납함 매트 방석 시계".split()
)
_COLOURS = "검정 하양 파랑 초록 노랑 회색 분홍 남색 갈색 보라".split()  # noqa: SIM905
_PLACES = "강남 종로 마포 성수 잠실 일산 분당 수원 부산 대구 광주 대전".split()  # noqa: SIM905
_PAIRS = (
    (
        "{item} {colour} 재고 있나요?",
        "네 고객님, {item} {colour} 제품은 {place}점에 {n}개 남아 있습니다. "
        "방문 전에 전화로 확인해 주시면 따로 챙겨 두겠습니다.",
    ),
    (
        "{place}점 영업시간이 어떻게 되나요?",
        "{place}점은 평일 {h}시부터 {h2}시까지, 주말은 {n}분 일찍 닫습니다. "
        "쉬는 날은 매달 마지막 월요일이니 참고해 주세요.",
    ),
    (
        "{item} 배송은 얼마나 걸려요?",
        "{item} 제품은 {place} 창고에서 나가며 보통 {d}일 안에 도착합니다. "
        "배송비는 {n}00원이고 {h}만 원 이상이면 무료입니다.",
    ),
    (
        "{item} {colour} 교환하고 싶어요",
        "{item} {colour} 상품의 교환은 받으신 뒤 {d}일 안에 가능하고 "
        "왕복 배송비 {n}00원을 부담해 주셔야 합니다. "
        "신청서를 보내 드릴게요.",
    ),
)


def service_room(n_pairs: int, seed: int) -> Iterator[Message]:
    """Yield questions and answers of a desk, every answer distinct by what it says."""
    rng = random.Random(seed)  # noqa: S311
    now = datetime(2025, 1, 1, 9, tzinfo=KST)
    for _ in range(n_pairs):
        now += timedelta(minutes=rng.choice((3, 10, 300)))
        slots = {
            "item": rng.choice(_ITEMS), "colour": rng.choice(_COLOURS),
            "place": rng.choice(_PLACES),
            "n": rng.randint(2, 60),
            "h": rng.randint(7, 11), "h2": rng.randint(17, 23), "d": rng.randint(1, 14),
        }  # fmt: skip
        for speaker, text in zip(("손님", "상담원"), rng.choice(_PAIRS), strict=True):
            yield Message(speaker, text.format(**slots), now)


def _grams(text: str) -> frozenset[str]:
    letters = re.sub(r"[\W_]+", "", text.lower()).ljust(4)
    return frozenset(letters[i : i + 4] for i in range(len(letters) - 3))


class Earlier:
    """The n-grams of all earlier texts: the greatest true Jaccard index to one of them."""

    def __init__(self) -> None:
        self._by_gram: dict[str, list[int]] = defaultdict(list)
        self._sizes: list[int] = []
        self._known: set[frozenset[str]] = set()

    def add(self, grams: frozenset[str]) -> None:
        """Remember a text."""
        if grams not in self._known:
            self._known.add(grams)
            for gram in grams:
                self._by_gram[gram].append(len(self._sizes))
            self._sizes.append(len(grams))

    def nearest(self, grams: frozenset[str]) -> float:
        """Return the greatest Jaccard index with an earlier text."""
        if grams in self._known:
            return 1.0
        shared: dict[int, int] = defaultdict(int)
        for gram in grams:
            for index in self._by_gram.get(gram, ()):
                shared[index] += 1
        return max(
            (n / (len(grams) + self._sizes[index] - n) for index, n in shared.items()), default=0.0
        )


def measure(name: str, messages: Iterable[Message]) -> None:
    """Clean a room and print its row."""
    cleaner, earlier = Cleaner(PreprocessConfig()), Earlier()
    n = n_out = n_unlike = n_left = n_asked = n_answered = 0
    question: str | None = None  # the speaker of a question that stands open
    for message in messages:
        n += 1
        repeats = _n_repeated(cleaner)
        kept = cleaner.clean(message)
        grams = _grams(message.text)
        if _n_repeated(cleaner) > repeats:
            n_out += 1
            n_left += kept is None
            n_unlike += earlier.nearest(grams) < 0.5
        if message.kind != "message":
            continue
        earlier.add(grams)
        if question is not None and message.speaker != question:
            n_asked += 1
            n_answered += kept is not None
            question = None
        if kept is not None and message.text.rstrip().endswith("?"):
            question = message.speaker
    share = n_answered / max(1, n_asked)
    print(
        f"{name:12} {n:7,} {n_out:7,} {n_unlike:7,} {n_left:7,} {share:8.2%} of {n_asked:,}",
        flush=True,
    )


def _n_repeated(cleaner: Cleaner) -> int:
    counts = cleaner.dropped + getattr(cleaner, "context_only", Counter())
    return sum(number for rule, number in counts.items() if rule.startswith("repeated"))


def main() -> None:
    """Measure the named exports, or an invented desk."""
    print("room         messages  repeats  J<0.5   left  question -> its answer")
    if not sys.argv[1:]:
        measure("desk", service_room(8500, 0))
    for name in sys.argv[1:]:
        measure(Path(name).stem[:12], read_messages(Path(name)))


if __name__ == "__main__":
    main()
