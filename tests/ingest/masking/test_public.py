"""What the owner calls public stays, however it is written; the values of others do not."""

from hypothesis import given
from hypothesis import strategies as st

from chatbot.ingest.cleaning.normalization import Normalizer
from chatbot.ingest.masking.customers import customer_names
from chatbot.ingest.masking.masker import Masker, shielded
from chatbot.ingest.masking.names import NamePattern
from chatbot.ingest.masking.pseudonyms import Pseudonyms
from chatbot.ingest.masking.public import PublicValues
from chatbot.settings.schema import PreprocessConfig

PUBLIC = ["02-1234-5678", "help@gana.example", "https://www.gana.example/"]


@given(st.text("0123456789", min_size=8, max_size=11), st.sampled_from(["-", " ", ".", ""]))
def test_a_number_is_public_in_every_style(digits, sign):
    public = PublicValues([digits])
    assert sign.join((digits[:3], digits[3:7], digits[7:])) in public
    assert digits + "0" not in public and digits[:-1] not in public


@given(st.lists(st.text(max_size=8), max_size=3), st.text(max_size=12))
def test_nothing_else_is_public(values, text):
    assert (text in PublicValues(values)) <= bool(values)
    assert "" not in PublicValues(values)


def test_masking_leaves_what_is_public_and_nothing_else():
    masker = Masker(Pseudonyms(b"key"), NamePattern(()), (), PUBLIC)
    text = "대표번호 02 1234 5678, 메일 HELP@gana.example"
    assert masker.mask(text) == text
    assert "010-2345-6789" not in masker.mask("제 번호는 010-2345-6789예요")
    assert masker.replaced.total() == 1


def test_links_of_the_desk_stay_but_not_what_they_say_about_a_customer():
    normalizer = Normalizer(PreprocessConfig(public=PUBLIC))
    kept = "https://gana.example/faq 보세요"
    assert normalizer.normalize(kept) == kept
    for link in ("https://gana.example/me?user=7", "https://other.example/faq"):
        assert normalizer.normalize(link) == "(링크)"


def test_a_reply_gives_the_number_of_the_desk():
    text = "02-1234-5678로 전화 주세요. 010-2345-6789 아니고요"
    shown = "".join(shielded(text, PUBLIC))
    assert "02-1234-5678로" in shown and "010-2345" not in shown


def test_customers_are_named_by_how_they_are_called_or_sign():
    names = {
        "홍길동 고객님 안녕하세요": {"홍길동"},
        "입금자명은 김민서입니다": {"김민서"},
        "빨리 보내주세요\n이도윤 드림": {"이도윤"},
        "저는 박서준이라고 합니다": {"박서준"},
    }
    assert {text: customer_names(text) for text in names} == names
    for text in ("주문한 고객님", "신규 회원님", "입금자명 변경", "예금주 가나몰", "담당자님"):
        assert not customer_names(text)
