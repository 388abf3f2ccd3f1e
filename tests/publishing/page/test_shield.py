"""Whatever we star in a reply, the page stars; on ordinary lines it stars hardly more."""

import ast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatbot.ingest.masking.detectors.spelled import as_digits, plain_form
from chatbot.ingest.masking.masker import shielded
from chatbot.publishing.page.rules import shield_rules
from tests.conftest import REPOSITORY
from tests.publishing.page.models import room_texts
from tests.publishing.page.texts import shared_lines, texts

_STARRED = """([rules, replies]) => {
  const compiled = new ShieldRules(rules);
  return replies.map((pieces) => {
    const shield = new Shield(compiled);
    return pieces.map((piece) => shield.push(piece)).join('') + shield.finish();
  });
}"""
_PLAIN = """([rules, lines]) => {
  const {spelled} = new ShieldRules(rules);
  return lines.map((line) => {
    const plain = spelled.plainForm(line);
    return [plain, spelled.asDigits(plain)];
  });
}"""
_LABELS = [
    "비번", "비밀번호는", "계좌", "국민", "카드", "번호", "전화", "연락처", "주민", "여권", "면허", "차번호", "생일", "인스타", "아이디", "주소", "메일", "학번", "송장",
    "인증번호", "현관", "와이파이", "토큰", "api key", "password is", "id:", "우리집", "서울시 강남구", "테헤란로", "101동", "끝 네자리", "줌", "뒷자리", "@", "골뱅이",
    "https://", "www.", "open.kakao.com/o/", ".com", "naver", "sk-proj-", "ㅋㅋ", "응", "그거", "이야", "야", "님", "원", "년", "시", "\n", " ", " ", "😀", "é",
]  # fmt: skip
_CHARACTERS = (
    "0123456789" * 3
    + "-./ *#@_:=?&+()oOlIㅇ|공일이삼사오육칠팔구영빵ABCabcXYZxyz０１２３①②٣𝟎𝟗·–\u3000"
)
values = st.text(st.sampled_from(_CHARACTERS), min_size=1, max_size=16)
phones = st.from_regex(r"(?:\+82 ?|0)1[016789][ .-]?[0-9]{3,4}[ .-]?[0-9]{4}", fullmatch=True)
numbers = st.from_regex(r"[0-9]{2,6}(?:[ .-][0-9]{2,7}){1,4}", fullmatch=True)
tokens = st.from_regex(r"[A-Za-z][A-Za-z0-9_.]{3,12}[0-9]{1,4}[!@#]?", fullmatch=True)
replies = st.lists(
    st.lists(st.sampled_from(_LABELS) | values | phones | numbers | tokens, min_size=1, max_size=6),
    min_size=1,
    max_size=40,
)
within_a_test = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


def starred_in_the_page(engine, replies):
    return engine.page.evaluate(_STARRED, [shield_rules(), replies])


def kept_apart(text, starred):
    """The characters of a text, with None for each that is starred."""
    assert len(text) == len(starred)
    return [None if star == "*" != char else char for char, star in zip(text, starred, strict=True)]


def n_missed(text, ours, theirs):
    """How many characters only we star."""
    pairs = zip(kept_apart(text, ours), kept_apart(text, theirs), strict=True)
    return sum(our is None and their is not None for our, their in pairs)


def is_covered(engine, replies):
    """Whether the page stars all that we star in replies, given in pieces."""
    theirs = starred_in_the_page(engine, replies)
    ours = ["".join(shielded(pieces)) for pieces in replies]
    return not sum(
        n_missed("".join(pieces), our, their)
        for pieces, our, their in zip(replies, ours, theirs, strict=True)
    )


def lines_of_masking_tests():
    """Every line of text in the tests of masking."""
    for path in sorted((REPOSITORY / "tests/ingest/masking").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from filter(str.strip, node.value.splitlines())


@pytest.mark.slow
def test_whatever_we_star_the_page_stars(engine):
    @within_a_test
    @given(replies)
    def check(replies):
        assert is_covered(engine, replies)

    check()


@pytest.mark.parametrize("size", [1, 3, 1000], ids=["by character", "by three", "whole"])
def test_the_page_stars_what_the_masking_tests_expect(engine, size):
    lines = list(lines_of_masking_tests())
    assert len(lines) > 400
    pieces = [[line[i : i + size] for i in range(0, len(line), size)] for line in lines]
    assert is_covered(engine, pieces)


@pytest.mark.slow
def test_hidden_numbers_are_read_alike(engine):
    @within_a_test
    @given(st.lists(st.lists(values, max_size=3).map(" ".join), max_size=40) | texts)
    def check(lines):
        ours = [[plain_form(line), as_digits(plain_form(line))] for line in lines]
        assert engine.page.evaluate(_PLAIN, [shield_rules(), lines]) == ours

    check()


@pytest.mark.slow
def test_ordinary_lines_lose_hardly_more(engine):
    lines = [line for text in [*room_texts(300), *shared_lines()] for line in text.splitlines()]
    theirs = starred_in_the_page(engine, [[line] for line in lines])
    ours = ["".join(shielded([line])) for line in lines]
    assert not sum(n_missed(*three) for three in zip(lines, ours, theirs, strict=True))
    n_extra = sum(our != their for our, their in zip(ours, theirs, strict=True))
    assert n_extra <= 0.001 * len(lines)
