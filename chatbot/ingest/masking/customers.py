"""Texts of a desk -> the names of customers in them: 홍길동 고객님, 예금주 홍길동, 홍길동 드림."""

import re

from chatbot.ingest.masking.candidates import ORDINARY_WORDS, given_name, surname

_NAME = rf"(?<![가-힣])(?P<name>{surname()}{given_name()}{{2}})"
_LABELS = (
    "예금주|입금자명?|입금 ?하신 ?분|수령인|수취인|받는 ?(?:분|사람)|보내는 ?(?:분|사람)|"
    "주문자명?|구매자명?|신청인|성함|성명|이름|고객명|회원명"
)
_AFTER = r"(?=(?:이고|이에요|예요|이요|요|입니다|인데요?|으로|로|이|가|은|는|씨|님)?(?![가-힣]))"
_PATTERNS = (
    re.compile(rf"{_NAME} ?(?:고객|회원|님)"),
    re.compile(rf"(?:{_LABELS})(?:은|는|이|가)? ?[:：-]? ?{_NAME}{_AFTER}"),
    re.compile(rf"(?:저는|제 이름은) ?{_NAME}(?:이라고|입니다|이에요|인데요?)"),
    re.compile(rf"{_NAME}(?:이라고 ?(?:합니다|해요)| ?(?:드림|올림|배상)[.!]?$)", re.MULTILINE),
)
# What a customer does or is: 주문한 고객님, 이용하신 회원님.
_DEEDS = frozenset(
    "주문 구매 이용 신청 전화 방문 선택 가입 연락 문의 결제 입금 요청 접수 등록 예약 환불 "  # noqa: SIM905
    "교환 반품 취소 수령 기존 신규 우수 최우 일반 전체 모든 해당 소중 방금 최근 오전 오후 담당 "
    "전문 주민 성인 남성 여성 한정 유료 무료 정회 준회 단골 현금 문자 이전 다른 본인 상담 배송 "
    "안내 확인 진행 사용 지정 인증 정지 제한 조회 추천 초대 한번".split()
)


def customer_names(text: str) -> set[str]:
    """Return the full names by which a text calls or signs somebody.

    >>> names = customer_names("홍길동 고객님, 입금자명은 김민서로 해 주세요")
    >>> names == {"홍길동", "김민서"}, customer_names("주문한 고객님")
    (True, set())
    """
    names = {match["name"] for pattern in _PATTERNS for match in pattern.finditer(text)}
    return {
        name
        for name in names
        if name[:2] not in _DEEDS and not {name, name[:2], name[-2:]} & ORDINARY_WORDS
    }
