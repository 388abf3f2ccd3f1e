"""Masking measured: recall on drawn values of every kind, false alarms on public dialogues.

`python benchmarks/masking.py [--each N] [TEXT_FILE ...]`: N values a kind, with particles, spaces,
dashes and full-width forms; files are UTF-8 texts without personal data, one message a line.
Intervals are Wilson's, 95 %.
"""

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Callable
from math import sqrt
from pathlib import Path

from chatbot.ingest.masking.detectors.find import kinds
from chatbot.ingest.masking.detectors.numbers import is_business_number, is_luhn
from chatbot.ingest.masking.masker import Masker
from chatbot.ingest.masking.names import NamePattern
from chatbot.ingest.masking.pseudonyms import Pseudonyms

PARTICLES = [
    "",
    "이야",
    "으로",
    "로 보내",
    "예요",
    "는",
    " 맞지?",
    "요!",
    "이고",
    ".",
    "랑",
    "\n응",
]
BEFORE = ["", "내 ", "여기 ", "이거 ", "그게 ", "아 ", "ㅋㅋ ", "(", "제 번호는 "]
WIDE = {ord(a): ord(a) + 0xFEE0 for a in "0123456789-@"}
NAMES = ["김하늘", "박도윤", "이서준", "최가람", "나래", "Minji Kim", "정우성", "한소리"]


_LETTERS = (
    "url",
    "name",
    "address",
    "plate",
    "email",
    "key",
    "password",
    "messenger_id",
    "ip_address",
)


def letters(rng: random.Random, count: int) -> str:
    """Draw letters and digits."""
    return "".join(rng.choice("abcdefghkmnpqrstuvwxyz23456789") for _ in range(count))


def n(rng: random.Random, count: int) -> str:
    """Draw digits."""
    return "".join(rng.choice("0123456789") for _ in range(count))


def spread(rng: random.Random, *groups: str) -> str:
    """Join groups of digits as people type them."""
    return rng.choice(["-", "-", "-", " ", "", ".", " - ", "–"]).join(groups)


def date(rng: random.Random) -> str:
    """Draw a date of birth."""
    return f"{rng.randrange(100):02}{rng.randint(1, 12):02}{rng.randint(1, 28):02}"


def checked(make: Callable[[], str], is_right: Callable[[str], bool]) -> str:
    """Draw until the check digit is right."""
    while not is_right(value := make()):
        pass
    return value


def draw(kind: str, rng: random.Random) -> str:  # noqa: C901, PLR0912, PLR0915 a table of shapes
    """Draw a sentence that holds one value of a kind."""
    before, after = rng.choice(BEFORE), rng.choice(PARTICLES)
    match kind:
        case "phone":
            value = rng.choice(
                [
                    spread(rng, "010", n(rng, 4), n(rng, 4)),
                    spread(rng, "011", n(rng, 3), n(rng, 4)),
                    f"+82 10-{n(rng, 4)}-{n(rng, 4)}",
                    spread(rng, "02", n(rng, 3), n(rng, 4)),
                    spread(rng, "031", n(rng, 4), n(rng, 4)),
                    f"({rng.choice(['051', '02'])}) {n(rng, 3)}-{n(rng, 4)}",
                ]
            )
        case "resident_number" | "foreigner_number":
            first = rng.choice("1234" if kind[0] == "r" else "5678")
            value = rng.choice(["-", "-", " ", "", " - "]).join(
                [date(rng), first + rng.choice([n(rng, 6), "******"])]
            )
        case "card":
            value = checked(lambda: spread(rng, *(n(rng, 4) for _ in range(4))), is_luhn)
            before = "카드 " + before if len(value) == 16 else before
        case "account":
            value = rng.choice(
                [
                    spread(rng, n(rng, 3), n(rng, 3), n(rng, 6)),
                    spread(rng, n(rng, 6), n(rng, 2), n(rng, 6)),
                    n(rng, 12),
                    spread(rng, n(rng, 4), n(rng, 2), n(rng, 7)),
                ]
            )
            before = (
                rng.choice(["국민 ", "카뱅 ", "계좌는 ", "신한은행 ", "입금은 여기로\n"]) + before
            )
        case "business_number":
            value = checked(lambda: f"{n(rng, 3)}-{n(rng, 2)}-{n(rng, 5)}", is_business_number)
            if rng.random() < 0.3:
                before, value = "사업자번호 ", value.replace("-", "")
        case "passport":
            value = rng.choice("MSROD") + rng.choice(
                [n(rng, 8), f"{n(rng, 3)}{rng.choice('ABCDE')}{n(rng, 4)}"]
            )
        case "driver_licence":
            value = f"{rng.choice([11, 12, 13, 21, 26, 28])}-{n(rng, 2)}-{n(rng, 6)}-{n(rng, 2)}"
            if rng.random() < 0.3:
                before, value = "면허번호 ", value.replace("-", "")
        case "plate":
            syllable = rng.choice("가나다라마거너허하호") + rng.choice(["", " "])
            value = f"{n(rng, rng.choice([2, 3]))}{syllable}{n(rng, 4)}"
        case "address":
            city = rng.choice(
                ["서울시 강남구", "부산 해운대구", "경기도 성남시 분당구", "대전 유성구", "강릉시"]
            )
            road = rng.choice(["테헤란로", "봄빛길", "한밭대로", "새마을로12길", "솔내1로"])
            value = rng.choice(
                [
                    f"{city} {road} {rng.randint(1, 300)}",
                    f"{city} {road} {rng.randint(1, 99)}-{rng.randint(1, 9)} {n(rng, 3)}호",
                    f"{city} 역삼동 {rng.randint(1, 900)}-{rng.randint(1, 20)}",
                    f"{rng.randint(101, 120)}동 {rng.randint(101, 2500)}호",
                ]
            )
        case "url":
            value = f"https://{rng.choice(['x.com', 'shop.co.kr'])}/a?token={n(rng, 12)}"
            after = rng.choice(["", " 이거", "\n응"])
        case "code":
            value = n(rng, rng.choice([4, 6, 6, 6]))
            before = rng.choice(["인증번호 ", "비번은 ", "OTP ", "[인증] ", "현관 비밀번호 "])
        case "email":
            host = rng.choice(["naver.com", "gmail.com", "a-b.co.kr"])
            value = f"{rng.choice(['ab', 'min.ji', 'k_m'])}{n(rng, 2)}@{host}"
        case "key":
            prefix = rng.choice(["sk-proj-", "ghp_", "hf_", "xoxb-", "AKIA"])
            value = (
                prefix + letters(rng, 24).upper() if prefix == "AKIA" else prefix + letters(rng, 32)
            )
            after = ""
        case "password":
            before = rng.choice(["비번 ", "비밀번호는 ", "pw: ", "패스워드 "])
            value = f"{letters(rng, 6)}{n(rng, 2)}{rng.choice('!@#*')}"
        case "messenger_id":
            before = rng.choice(["인스타 ", "카톡 아이디 ", "텔레 ", "디코 "])
            value = f"{rng.choice(['min', 'jiwoo', 'haneul'])}_{n(rng, 3)}"
        case "birthday":
            before = rng.choice(["생일 ", "내 생일은 ", "생년월일 "])
            month, day = rng.randint(1, 12), rng.randint(1, 28)
            value = rng.choice([f"{month}월 {day}일", f"19{rng.randint(60, 99)}.{month}.{day}"])
        case "member_number":
            before, value = rng.choice(["학번 ", "사번 ", "회원번호 "]), f"20{n(rng, 6)}"
        case "order_number":
            before, value = rng.choice(["주문번호 ", "송장번호 ", "운송장 "]), n(rng, 12)
        case "ip_address":
            value = ".".join(str(rng.randint(11, 99)) for _ in range(4))
            before = rng.choice(["ip ", "서버 아이피 ", "접속 주소 "])
        case "name":
            name = rng.choice(NAMES)
            is_called = re.fullmatch("[가-힣]{3}", name) and rng.random() < 0.5
            value = (
                name[1:] + rng.choice(["아", "야", "이가", "씨", "님", "이랑"])
                if is_called
                else name
            )
            if is_called:
                before = rng.choice(["", "야 ", "ㅋㅋ "])
                after = rng.choice(["", "?", " 뭐해", "\n응"])
        case _:
            raise ValueError(kind)
    if kind not in _LETTERS and rng.random() < 0.15:
        value = value.translate(WIDE)
    return f"{before}{value}{after}"


def ordinary(rng: random.Random) -> str:
    """Draw a sentence whose numbers are nobody's."""
    k = rng.randint
    return rng.choice(
        [
            f"{k(1, 12)}시 {k(0, 59):02}분에 봐",
            f"20{k(10, 26)}-{k(1, 12):02}-{k(1, 28):02} {k(0, 23):02}:{k(0, 59):02}",
            f"{k(1, 999)},{k(0, 999):03}원이래",
            f"{k(10_000, 9_999_999)}원",
            f"{k(0, 9)}:{k(0, 9)}로 이겼어",
            f"{k(1, 99)}.{k(0, 99):02}%",
            f"바로 {k(1, 60)}분 뒤에",
            f"그대로 {k(1, 99)}개 줘",
            f"버전 {k(1, 9)}.{k(0, 20)}.{k(0, 20)}",
            f"{k(1_600_000_000, 1_800_000_000)}",
            f"조회수 {k(10**5, 10**9)}",
            f"주문 {k(10**7, 10**8)} 건",
            f"{k(20_200_101, 20_261_231)}",
            f"{k(1, 50)}층 {k(1, 9)}번 자리",
            f"{k(100, 999)}-{k(10, 99)} 버스",
            f"1588-{k(1000, 9999)}",
            f"시험 {k(0, 100)}점 등수 {k(1, 400)}등",
            f"키 {k(150, 190)} 몸무게 {k(40, 90)}",
            f"{k(10**12, 2 * 10**12)}",
            f"방 {k(1, 9)}개 {k(10, 60)}평",
            f"#{k(1000, 99999)} 이슈",
        ]
    )


def wilson(hits: int, total: int) -> str:
    """Write a share with its interval."""
    z, p = 1.96, hits / total
    middle, half = p + z * z / 2 / total, z * sqrt(p * (1 - p) / total + z * z / 4 / total**2)
    low, high = ((middle + sign * half) / (1 + z * z / total) for sign in (-1, 1))
    return f"{100 * p:5.1f} % ({100 * low:.1f}-{100 * high:.1f})"


def score_labelled(path: Path) -> None:
    """Print the recall of every kind, and false alarms, on messages that somebody labelled.

    A value is masked if its letters and digits stand in no message any more. A false alarm is a
    line without a value in which anything changed.
    """
    masked: Counter[str] = Counter()
    total: Counter[str] = Counter()
    n_clean = n_alarms = 0
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        masker = Masker(Pseudonyms(b"a benchmark's key" * 2), NamePattern([]))
        written = [masker.mask(text) for text in row["messages"]]
        n_clean += not row["values"]
        n_alarms += not row["values"] and written != row["messages"]
        shown = [re.sub(r"\W", "", text).lower() for text in written]
        for label in row["values"]:
            value = re.sub(r"\W", "", label["value"]).lower()
            total[label["kind"]] += 1
            masked[label["kind"]] += not any(value in text for text in shown)
    for kind in sorted(total):
        print(f"{kind:22} {masked[kind]:3} of {total[kind]:3}  {wilson(masked[kind], total[kind])}")
    print(
        f"{'all':22} {masked.total():3} of {total.total():3}  "
        f"{wilson(masked.total(), total.total())}"
    )
    print(f"{'false alarms':22} {n_alarms:3} of {n_clean:3}  {wilson(n_alarms, n_clean)}")


def main() -> None:
    """Print recall by kind, what the missed ones were taken for, and false alarms in files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", type=Path, nargs="*")
    parser.add_argument("--each", type=int, default=1000)
    parser.add_argument(
        "--labelled",
        type=Path,
        help='score this file alone: lines of {"messages": [texts], "values": [{"kind", "value"}]}',
    )
    args = parser.parse_args()
    if args.labelled is not None:
        score_labelled(args.labelled)
        return
    names, pseudonyms = NamePattern(NAMES), Pseudonyms(b"a benchmark's key" * 2)
    right: Counter[str] = Counter()
    said: Counter[str] = Counter()
    for kind in [*dict.fromkeys(kind.name for kind in kinds()), "name"]:
        rng = random.Random(kind)  # noqa: S311
        taken_for: Counter[str] = Counter()
        n_masked = 0
        for _ in range(args.each):
            masker = Masker(pseudonyms, names)
            masker.mask(draw(kind, rng))
            found = {found.kind for found in masker.replaced}
            said.update(found)
            right[kind] += kind in found
            n_masked += bool(found)
            taken_for.update(found - {kind} or ([] if found else ["nothing"]))
        shares = f"{wilson(n_masked, args.each)}  as this kind {wilson(right[kind], args.each)}"
        print(f"{kind:18} recall {shares}  {dict(taken_for)}")
    for kind, hits in right.items():
        print(f"{kind:18} precision among drawn values {wilson(hits, said[kind])}")
    rng = random.Random("ordinary")  # noqa: S311
    alarms: Counter[str] = Counter()
    for _ in range(5 * args.each):
        masker = Masker(pseudonyms, names)
        masker.mask(ordinary(rng))
        alarms.update(found.kind for found in masker.replaced)
    print(f"numbers in talk: {alarms.total()} of {5 * args.each:,} masked {dict(alarms)}")
    for path in args.files:
        masker, n_lines = Masker(pseudonyms, NamePattern([])), 0
        for line in path.read_text(encoding="utf-8").splitlines():
            masker.mask(line)
            n_lines += 1
        n_false = sum(masker.replaced.values())
        alarms = Counter(found.kind for found in masker.replaced)
        print(f"{path.name}: {n_false} of {n_lines:,} messages masked {dict(alarms)}")


if __name__ == "__main__":
    main()
