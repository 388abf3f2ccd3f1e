"""Forms of personal data as people write them; what only looks like it; what a question opens."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatbot.ingest.masking.masker import Masker
from chatbot.ingest.masking.names import NamePattern, words_among
from chatbot.ingest.masking.pseudonyms import Pseudonyms


def masker(names=(), words=frozenset()):
    return Masker(Pseudonyms(b"a key of tests"), NamePattern(names, words))


def kinds(*messages: str) -> list[str]:
    """Mask messages of one room in order; return the kinds in the last one."""
    room = masker()
    for text in messages[:-1]:
        room.mask(text)
    before = room.replaced.copy()
    room.mask(messages[-1])
    return [found.kind for found in room.replaced - before]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("phone", "O1O-3847-2915로 전화해"),
        ("phone", "공일공 삼팔사칠 이구일오"),
        ("phone", "0 1 0 3 8 4 7 2 9 1 5"),
        ("phone", "내 번호 3847 2915"),
        ("account", "토뱅 100012345678"),
        ("account", "110-234-567890 신한이야"),
        ("email", "jimin95@naver 로 보내"),
        ("email", "jimin95(at)gmail.com"),
        ("email", "jimin95 골뱅이 네이버"),
        ("address", "망원동 402-12 301호로 와"),
        ("address", "자이아파트 1503호"),
        ("address", "강릉시 한밭대로 27이야"),
        ("passport", "O89029824요!"),
        ("password", "비번 wlals95!"),
        ("password", "pw: Hana2847@"),
        ("card", "cvc 482"),
        ("card", "유효기간 11/28"),
        ("key", "sk-proj-a8Kd02mPq9vXz71LbN"),
        ("key", "ghp_9aBcD3fGh1JkLmN0pQrStUvWxYz012345"),
        ("messenger_id", "인스타 jimin_95_"),
        ("birthday", "생일은 3월 14일이야"),
        ("member_number", "학번 20231847"),
        ("ip_address", "서버 주소 121.166.20.41"),
        ("code", "현관 비번 4821*"),
        ("password", "the password is w1nterMoon$4, all small"),
        ("password", "tjdnf!0412로 바꿨어"),
        ("key", "key는 뭐였더라? 아 a1f2-77c0-9b3e-44d1"),
        ("passport", "my passport number is M482193C7"),
        ("card", "exp date is 09/27"),
        ("messenger_id", "my insta is haneul.pic"),
        ("messenger_id", "발로 아이디 → 아침형인간#2847"),
        ("member_number", "student ID is 2021-48213"),
        ("order_number", "4821 7730 9912 한진인데 안 와"),
        ("order_number", "쿠팡 주문 20041882736451 언제 와"),
        ("order_number", "인보이스 INV-2024-00417 확인요"),
        ("address", "봉천로 31길 22-7 2층이야"),
    ],
)
def test_value_is_masked_in_the_forms_that_people_write(kind, text):
    assert kind in kinds(text)


@pytest.mark.parametrize(
    "text",
    [
        "비번 바꿨어?",
        "우리 3시에 하나만 먹자 1500원",
        "주소 좀 알려줘",
        "생일 선물 뭐 사지",
        "카드 잃어버렸다ㅠ",
        "112에 신고해",
        "1588-1234로 걸어",
        "버전 3.11.7 깔았어",
        "강남역 3번 출구에서 7시",
        "에러 코드 404 떴어",
        "ㅋㅋㅋ 1004",
        'password = input("비밀번호: ") 이 줄이 왜 에러지',
        "갤럭시24! 아이폰15! 갖고싶다",
        "택배 3개 왔어 총 12000원",
        "password is wrong",
    ],
)
def test_word_without_a_value_and_number_of_nobody_stay(text):
    assert masker().mask(text) == text


def test_question_opens_its_subject_for_the_answer_and_no_further():
    assert kinds("비번 뭐야?", "wlals95!") == ["password"]
    assert kinds("wlals95!") == []
    assert kinds("비번 바꿨어?", "응", "2002 월드컵 때 태어남") == []
    assert kinds("비번 뭐야?", "ㅋㅋㅋ", "몰라", "음", "wlals95!") == []


@example("skaaaaaa00@naver.com")  # begins as a service's keys do
@given(st.from_regex(r"[a-z]{3,8}[0-9]{2}@(naver|gmail)\.com", fullmatch=True))
def test_email_goes_whole_and_its_pseudonym_belongs_to_nobody(email):
    masked = masker().mask(f"{email} 여기로")
    assert email not in masked and masked.endswith("@example.com 여기로")


@pytest.mark.parametrize(
    "unit",
    ["1", " ", "가", "a", "0 1 ", "공일 ", "비번 ", "a.", "-", "@", "1-", "비번", "010", "Aa1"],
)
def test_masking_takes_time_in_proportion_to_length(unit):
    text = (unit * 100_000)[:100_000]
    began = time.process_time()
    masker().mask(text)
    assert time.process_time() - began < 2


def test_nickname_that_is_a_word_is_masked_where_somebody_is_called_by_it():
    room = ["이 노래 좋다", "노래 틀어", "노래 또 틀어줘"] * 10 + ["나래야!", "나래 어디야"] * 10
    words = words_among({"노래", "나래"}, room)
    assert words == {"노래"}
    mask = masker(["노래", "나래"], words).mask
    assert mask("이 노래 좋다") == "이 노래 좋다"
    assert "노래" not in mask("노래님 안녕") and "노래" not in mask("@노래 뭐해")
    assert "나래" not in mask("나래 어디야")


@given(st.text(alphabet="비번은는:? 0123456789a-z@*#가나다\n", max_size=80))
def test_masking_changes_nothing_but_what_it_counts(text):
    room = masker()
    masked = room.mask(text)
    assert bool(room.replaced) == (masked != text)
    assert masked.count("\n") == text.count("\n")
