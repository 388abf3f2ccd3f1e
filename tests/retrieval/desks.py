"""Invented desks: their prepared rows as `chatbot qna prepare` writes them."""

import csv
from datetime import datetime, timedelta

SETTINGS = ("qna.answering.max_wrong=0.2",)
_TOPICS = {
    "배송": "이틀 걸립니다.", "환불": "사흘 안에 돌려 드려요.", "교환": "왕복 배송비를 받습니다.",
    "영업시간": "아홉 시에 엽니다.", "주차": "지하에 자리가 있어요.", "회원가입": "전화번호로 하세요.",
    "포인트": "백 원에 하나입니다.", "쿠폰": "장바구니에서 고르세요.",
}  # fmt: skip
_PHRASES = (
    "{} 문의드려요", "{} 어떻게 되나요?", "{} 좀 알려주세요", "{} 궁금합니다", "{} 때문에 연락드려요",
    "저기 {} 관련해서요", "{} 안내 부탁해요", "{}은 어떻게 하죠",
)  # fmt: skip


def desk_rows(n_rows):
    """Return (id, question, answer, asked_at), the oldest first."""
    begin = datetime(2025, 1, 2, 9)
    topics = [*_TOPICS]
    return [
        (
            str(100 + place),
            _PHRASES[place * 5 // 8 % 8].format(topics[place % 8]),
            _TOPICS[topics[place % 8]],
            (begin + timedelta(hours=place)).isoformat(" "),
        )
        for place in range(n_rows)
    ]


def write_desk(root, n_rows=500):
    """Write the prepared rows of a desk, the latest first, into a project."""
    path = root / "data/qna_prompt_response.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "type", "prompt", "response", "asked_at"))
        for number, question, answer, asked_at in reversed(desk_rows(n_rows)):
            writer.writerow((number, "문의", f"[문의] [고객문의] {question}", answer, asked_at))
    return path
