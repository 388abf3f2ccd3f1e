"""Masking: what looks like personal data is replaced, alike everywhere; ordinary talk survives."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatbot.ingest.masking.detectors.numbers import is_business_number, is_luhn
from chatbot.ingest.masking.masker import Masker
from chatbot.ingest.masking.names import NamePattern
from chatbot.ingest.masking.pseudonyms import Pseudonyms

NAMES = [
    "김하늘", "도윤", "엄마", "Alice Kim", "바다🌊", "솔비 [총무]", "한여름/91/서울", "행복한 하루", "🌸가람",
    "[관리] 라온", "(주)홍길동", "Garam", "김민수",
]  # fmt: skip
digits = st.text("0123456789", min_size=4, max_size=4)


def masker(key=b"k", names=NAMES):
    return Masker(Pseudonyms(key * 32), NamePattern(names))


def kinds(*texts):
    one = masker()
    for text in texts:
        one.mask(text)
    return sorted(found.kind for found in one.replaced)


@pytest.mark.parametrize(("text", "kind"), [
    ("010-1234-5678이야", "phone"), ("０１０ 1234 5678로 전화", "phone"), ("+82 10-1234-5678", "phone"),
    ("010.1234.5678", "phone"), ("01012345678번", "phone"), ("02-123-4567", "phone"), ("(031) 123-4567", "phone"),
    ("070 1234 5678", "phone"), ("010–1234–5678", "phone"), ("+1 415 555 0123", "phone"),
    ("900101-1234567", "resident_number"), ("900101 2******", "resident_number"), ("9001013234567예요", "resident_number"),
    ("900101-5234567", "foreigner_number"), ("4111-1111-1111-1111", "card"), ("카드 1234567812345678", "card"),
    ("국민 123456-01-123456", "account"), ("입금은 110 123 456789로", "account"), ("사업자번호 1234567890", "business_number"),
    ("220-81-62517", "business_number"), ("M12345678", "passport"), ("여권은 m123A4567", "passport"),
    ("11-12-123456-12", "driver_licence"), ("면허 111212345612", "driver_licence"), ("12가 3456", "plate"),
    ("123허4567이요", "plate"), ("서울시 강남구 테헤란로 123 4동 502호", "address"), ("세종대로 110으로 배송", "address"),
    ("101동 1502호", "address"), ("강남구 역삼동 123-4", "address"), ("인증번호 123456", "code"), ("비번은 4821이야", "code"),
    ("a.b@naver.com으로", "email"), ("https://x.com/a?token=abc", "url"), ("김하늘이 왔어", "name"), ("하늘아 뭐해", "name"),
    ("도윤이랑", "name"), ("바다야 안녕", "name"), ("가람아", "name"), ("라온은", "name"), ("홍길동이 왔어", "name"), ("GARAM!", "name"),
    ("민수가", "name"), ("민수는 뭐해", "name"), ("민수 왔어?", "name"), ("민수한테", "name"),
    ("Tel.010-1234-5678", "phone"), ("HP010-1234-5678", "phone"), ("번호...010-1234-5678", "phone"), ("(010) 1234-5678", "phone"),
    ("010)1234-5678", "phone"), ("010_1234_5678", "phone"), ("010~1234~5678", "phone"), ("010/1234/5678", "phone"),
    ("ID900101-1234567", "resident_number"), ("카드no1234-5678-1234-5670", "card"), ("솔비가 냈어", "name"), ("한여름도 온대", "name"), ("Alice Kim said", "name"),
])  # fmt: skip
def test_a_kind_is_found(text, kind):
    assert kinds(text) == [kind]


@pytest.mark.parametrize("text", [
    "2024-11-21 12:30", "12,000원", "1732190400", "3.141592", "10시 30분", "바로 10분", "그대로 3개", "카톡으로 3번",
    "1:1", "100-0", "8282", "7942", "20241121", "2024.11.21", "1588-1234", "3만 5천원", "1-2-3-4", "12345678901234567890",
    "엄마가 왔어", "바다낚시 가자", "솔비색", "행복한 날", "인증샷 2024년에 찍은 거", "코드 리뷰 3000원","50대 20명", "123456", "키 180 몸무게 72", "v1.2.3.4", "192.168.0.1", "주식 1234567890주",
])  # fmt: skip
def test_ordinary_talk_survives(text):
    assert kinds(text) == []


def test_a_word_in_the_message_before_tells_what_a_number_is():
    assert kinds("110123456789") == []
    assert kinds("계좌 불러줘", "110123456789") == ["account"]
    assert kinds("인증번호 왔어?", "응", "482913") == ["code"]


@given(digits, digits)
def test_a_number_is_one_pseudonym_however_it_is_written(one, other):
    forms = [
        f"010-{one}-{other}",
        f"010{one}{other}",
        f"010 {one} {other}",
        f"+82 10-{one}-{other}",
    ]
    masked = [re.sub(r"\D", "", masker().mask(form))[-8:] for form in forms]
    assert len(set(masked)) == 1
    assert masked[0].startswith("0")  # no Korean number does


@example("010-{0}-{1}", "0109", "4111")  # an exchange that nobody has goes as well
@given(
    st.sampled_from(
        [
            "010-{0}-{1}",
            "900101-1{0}00",
            "계좌 110-{0}-{1}0",
            "인증번호 {0}",
            "{0}-{0}-{1}-{1} 카드",
        ]
    ),
    digits,
    digits,
)
def test_shape_stays_and_the_value_goes(form, one, other):
    text = form.format(one, other)
    masked = masker().mask(text)
    assert masked != text
    assert re.sub(r"\d", "0", masked) == re.sub(r"\d", "0", text)


@given(st.text(max_size=60))
def test_any_text_can_be_masked_and_another_key_draws_other_values(text):
    masker().mask(text)
    sample = f"{text} 010-1234-5678"
    assert masker(b"a").mask(sample) == masker(b"a").mask(sample)
    assert masker(b"a").mask("010-1234-5678") != masker(b"b").mask("010-1234-5678")


def test_a_given_name_becomes_the_end_of_the_whole_pseudonym():
    whole, given_name = masker().mask("김하늘이"), masker().mask("하늘아")
    assert whole[1:3] == given_name[:2] != "하늘"


@given(st.text("가나다라마각난달람망", min_size=3, max_size=3))
def test_a_name_ends_as_before_so_that_particles_stay_right(name):
    made = Pseudonyms(b"k").of("name", name)
    assert len(made) == 3
    assert ((ord(made[-1]) - 0xAC00) % 28 > 0) == ((ord(name[-1]) - 0xAC00) % 28 > 0)


def test_check_digits():
    assert is_luhn("4111 1111 1111 1111") and not is_luhn("4111 1111 1111 1112")
    assert is_business_number("220-81-62517") and not is_business_number("220-81-62518")


def test_counts_are_in_stats_and_the_values_only_behind_the_key(project, capsys):
    lines = ["하늘 님과 카카오톡 대화", "저장한 날짜 : 2025년 12월 31일 오전 9:00", ""]
    stamp = "2025년 3월 {}일 오전 {}:{:02}, {} : {}"
    for day in range(1, 9):
        for minute in range(40):
            text = "010-1234-5678로 전화해 도윤아" if minute == 3 else f"{day}일의 {minute}번째"
            lines.append(stamp.format(day, 9, minute, ("도윤", "하늘")[minute % 2], text))
    project.add_export("KakaoTalkChats.txt", "\n".join(lines).encode())
    assert project.run("organize") == 0 and project.run("preprocess") == 0
    folder = project.root / "data/processed"
    stats = (folder / "stats.json").read_text()
    assert '"phone": 8' in stats and '"name": 8' in stats
    everything = b"".join(
        path.read_bytes() for path in folder.iterdir() if path.name != "speakers.json"
    )
    assert b"1234-5678" not in everything
    before = (folder / "train.bin").read_bytes()
    capsys.readouterr()
    assert project.run("preprocess", "--show-masked") == 0
    assert "010-1234-5678" in capsys.readouterr().out
    assert project.run("preprocess") == 0
    assert (folder / "train.bin").read_bytes() == before  # the key in .env stays
    assert project.run("preprocess", "--set", "processed.preprocess.mask_personal=false") == 0
    assert not (folder / "masked.age").exists()


def test_two_of_one_given_name_stay_two():
    drawn = [
        {Pseudonyms(bytes([n])).of("name", name) for name in ("김지훈", "이지훈")}
        for n in range(40)
    ]
    assert sum(len(names) == 2 for names in drawn) > 30
    assert all(len({name[1:] for name in names}) == 1 for names in drawn)


@given(st.sampled_from(["010-4821-5678", "02-481-5678", "+82 10-4821-5678"]))
def test_a_reference_cannot_be_told_by_its_form(value):
    made = {Pseudonyms(bytes([n])).reference("phone", value) for n in range(60)}
    assert len({re.sub(r"[0-9]", "0", one) for one in made}) == 1
    first = value.index("4")
    assert len({one[first] for one in made}) > 5
    assert Pseudonyms(b"a").reference("email", "ab.c@naver.com").endswith("@naver.com")
