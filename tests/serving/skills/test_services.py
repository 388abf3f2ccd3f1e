"""Weather and stock prices from services on a local socket: right, absent, slow and hostile."""

import random
import time
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatbot.serving.skills import stocks, weather
from chatbot.serving.skills.interface import Context, Match
from chatbot.serving.skills.web import JsonFetcher
from tests.serving.skills.services import FORECAST, GEOCODED, price, prices, running_service

NOW = datetime(2026, 11, 28, 12, 5, tzinfo=UTC)
NO_WEATHER = "지금은 날씨 정보를 가져올 수 없어요. 잠시 뒤 다시 물어봐 주세요."
NO_STOCKS = "지금은 주가 정보를 가져올 수 없어요. 잠시 뒤 다시 물어봐 주세요."
HOSTILE = (
    b"", b"<OpenAPI_ServiceResponse/>", b"null", b"[]", b"{}", b'{"response": null}', b"\xff\xfe",
    b"[" * 100_000, b'{"current": 1, "daily": []}', b'"' + b"a" * 300_000 + b'"',
    b'{"results": [{"name": "x", "latitude": 1e99, "longitude": 0}]}',
)  # fmt: skip


@pytest.fixture
def service(monkeypatch):
    with running_service() as (service, address):
        monkeypatch.setattr(weather, "GEOCODING", f"{address}/search")
        monkeypatch.setattr(weather, "FORECAST", f"{address}/forecast")
        monkeypatch.setattr(stocks, "PRICES", f"{address}/prices")
        service.give("/search", GEOCODED)
        service.give("/forecast", FORECAST)
        service.give("/prices", prices(price("20261126"), price("20261127")))
        yield service


def context_of(timeout_seconds=3.0, **fields):
    secrets = {"CHATBOT_STOCK_KEY": "a%2Bkey%3D%3D"}
    fetch = JsonFetcher(timeout_seconds)
    return Context(lambda: NOW, random.Random(1), fetch, secrets.get, **fields)  # noqa: S311


def answered(text, context=None):
    skill = next(skill for skill in (weather, stocks) if skill.recognizes(text))
    return skill.answer(skill.recognizes(text), context or context_of())


def test_weather_of_a_large_city_needs_no_search(service):
    assert answered("서울 날씨") == (
        "서울 날씨\n지금 흐림, 4도(체감 1도)\n오늘 비, -1~7도, 강수 확률 80%\n(Open-Meteo)"
    )
    assert [path for path, _ in service.asked] == ["/forecast"]


def test_weather_elsewhere_is_searched_by_the_place_alone(service):
    told = answered("내일 도쿄 날씨 어때?")
    assert told == "도쿄(일본) 날씨\n내일 맑음, 0~9도, 강수 확률 3%\n(Open-Meteo)"
    assert service.asked[0][1]["name"] == "도쿄" and "내일" not in str(service.asked)


def test_weather_is_told_in_english_and_without_a_chance_where_there_is_none(service):
    assert answered("weather in tokyo").startswith("도쿄(일본)\nNow overcast, 4 °C")
    assert "확률" not in answered("모레 부산 날씨")


def test_the_place_of_the_settings_is_used_where_none_is_named(service):
    assert answered("날씨", context_of(place="서울")).startswith("서울 날씨")


def test_a_place_that_is_unknown_is_said_to_be(service):
    service.give("/search", {"generationtime_ms": 0.3})
    assert answered("없는마을 날씨") == (
        "‘없는마을’의 위치를 찾지 못했어요. 다른 이름으로 물어봐 주세요."
    )


def test_the_latest_closing_price_is_told(service):
    assert answered("삼성전자 주가 얼마야?") == (
        "삼성전자(005930)의 2026년 11월 27일 종가는 71,500원이에요. 전날보다 500원(-0.69%) 내렸어요.\n"
        "(금융위원회 주식시세정보. 실시간 값이 아니에요.)"
    )
    sent = service.asked[0][1]
    assert sent["itmsNm"] == "삼성전자" and sent["serviceKey"] == "a+key=="
    assert sent["beginBasDt"] == "20261114" and sent["resultType"] == "json"


def test_a_share_is_asked_by_its_code(service):
    answered("005930 주가")
    assert service.asked[0][1]["likeSrtnCd"] == "005930"


def test_a_share_that_is_unknown_is_said_to_be(service):
    service.give("/prices", prices())
    assert answered("없는회사 주가").startswith("‘없는회사’ 종목을 찾지 못했어요.")


@pytest.mark.parametrize("fields", [{"fltRt": "-"}, {"day": "20261399"}, {"clpr": "1e9"}])
def test_rows_that_are_no_prices_become_a_sentence(service, fields):
    service.give("/prices", prices(price(**fields)))
    assert answered("삼성전자 주가") == NO_STOCKS


def test_a_repeated_question_asks_the_service_once(service):
    context = context_of()
    assert len({answered("서울 날씨", context) for _ in range(3)}) == 1
    assert len(service.asked) == 1


def test_without_a_service_a_sentence_says_so(monkeypatch):
    with running_service() as (_, address):
        pass
    monkeypatch.setattr(weather, "FORECAST", f"{address}/forecast")
    monkeypatch.setattr(stocks, "PRICES", f"{address}/prices")
    assert answered("서울 날씨") == NO_WEATHER and answered("삼성전자 주가") == NO_STOCKS


def test_without_a_name_server_a_sentence_says_so(monkeypatch):
    monkeypatch.setattr(weather, "FORECAST", "https://service.invalid/forecast")
    assert answered("서울 날씨") == NO_WEATHER


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_answers_become_a_sentence(service, content):
    service.give("/forecast", content)
    service.give("/prices", content)
    assert answered("서울 날씨") == NO_WEATHER and answered("삼성전자 주가") == NO_STOCKS


@pytest.mark.parametrize("status", [302, 403, 429, 500])
def test_errors_and_redirects_become_a_sentence_and_are_not_followed(service, status):
    service.give("/forecast", b"{}", status, location="/elsewhere")
    assert answered("서울 날씨") == NO_WEATHER
    assert [path for path, _ in service.asked] == ["/forecast"]


def test_a_service_that_drips_is_not_waited_for(service):
    service.piece_pause = 0.05
    began = time.monotonic()
    assert answered("서울 날씨", context_of(0.3)) == NO_WEATHER
    assert time.monotonic() - began < 8


def test_control_characters_of_a_service_are_not_shown(service):
    place = {**GEOCODED["results"][0], "name": "도\x1b[2J쿄\u202e"}
    service.give("/search", {"results": [place]})
    assert answered("도쿄 날씨").startswith("도[2J쿄(일본)")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [*FORECAST, *FORECAST["current"], *FORECAST["daily"], "response", "body"]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


@given(value=JSON)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_gives_a_sentence(value):
    context = Context(lambda: NOW, random.Random(1), lambda *_: value, lambda _: "k")  # noqa: S311
    assert weather.answer(Match("ko", {"place": "서울", "day": "0"}), context)
    assert stocks.answer(Match("ko", {"name": "삼성전자"}), context)
