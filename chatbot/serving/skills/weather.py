"""The weather of a place, from Open-Meteo: no key; free for uses that are not commercial.

Only the name of the place is sent, and of large Korean cities not even that.
"""

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from chatbot.serving.skills.interface import Context, Language, Match, asked, language_of
from chatbot.serving.skills.phrases import HOW, TELL, TOPIC
from chatbot.wording import printable

HELP: dict[Language, str] = {
    "ko": "서울 날씨 · 내일 부산 날씨 어때?",
    "en": "Weather in Seoul · What's the weather in Busan tomorrow?",
}
GEOCODING = "https://geocoding-api.open-meteo.com/v1/search"
FORECAST = "https://api.open-meteo.com/v1/forecast"
_CITIES = {
    "서울": (37.57, 126.98), "부산": (35.18, 129.08), "대구": (35.87, 128.60),
    "인천": (37.46, 126.71), "광주": (35.16, 126.85), "대전": (36.35, 127.38),
    "울산": (35.54, 129.31), "세종": (36.48, 127.29), "수원": (37.26, 127.03),
    "춘천": (37.88, 127.73), "강릉": (37.75, 128.88), "청주": (36.64, 127.49),
    "전주": (35.82, 127.15), "여수": (34.76, 127.66), "포항": (36.02, 129.34),
    "창원": (35.23, 128.68), "제주": (33.50, 126.53), "제주도": (33.38, 126.55),
}  # fmt: skip
_DAYS = {"오늘": 0, "지금": 0, "내일": 1, "모레": 2, "today": 0, "now": 0, "tomorrow": 1}
_DAY_NAMES: dict[Language, tuple[str, ...]] = {
    "ko": ("오늘", "내일", "모레"),
    "en": ("Today", "Tomorrow", "In two days"),
}
# A place of up to three words, with the day before, among or behind them.
_PLACE = r"(?P<place>[가-힣a-z'-]{1,30}?(?: [가-힣a-z'-]{1,30}?){0,4})"
_DAY = "(?:오늘|지금|내일|모레)(?:은|도)?"
_KOREAN = re.compile(rf"(?:{_PLACE}(?:의)? ?)?날씨(?: ?(?:정보|예보))?{TOPIC}{TELL}{HOW}")
_RAIN = re.compile(
    rf"(?P<place>(?:[가-힣]{{1,20}} )?{_DAY}(?: [가-힣]{{1,20}})?) "
    "비 ?(?:와|오나|올까|오니|오려나|옵니까|오나요|오냐)요?"
)
_ENGLISH = re.compile(
    r"(?:(?:what(?:'s| is)|how(?:'s| is)|tell me) )?(?:the )?(?:weather|forecast)(?: like)?"
    r"(?P<place>(?: [a-z'-]{1,30}){0,6}?)(?: please)?"
)
_PARTICLE = re.compile("(?<=..)(?:에|은|는|도)$")
_PREPOSITIONS = frozenset({"in", "for", "at"})
# Where a friend is, or lately: not for a forecast.
_NO_PLACES = frozenset(
    {
        *("거기", "그쪽", "저기", "요즘", "요새", "밖에", "바깥", "그날", "어제", "주말", "아침"),
        *("저녁", "밤", "오전", "오후", "새벽", "니네", "너네", "우리", "무슨"),
        *("이런", "그런", "좋은", "나쁜", "추운", "더운", "맑은", "흐린", "화창한", "따뜻한"),
    }
)
_HERE = frozenset({"여기", "이곳", "here"})


class _Place(msgspec.Struct):
    name: Annotated[str, Meta(min_length=1, max_length=100)]
    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    country: Annotated[str, Meta(max_length=100)] = ""


class _Places(msgspec.Struct):
    results: list[_Place] = []


_Degrees = Annotated[float, Meta(ge=-100, le=100)]
_Code = Annotated[int, Meta(ge=0, le=99)]


class _Current(msgspec.Struct):
    temperature_2m: _Degrees
    apparent_temperature: _Degrees
    weather_code: _Code


class _Daily(msgspec.Struct):
    weather_code: list[_Code]
    temperature_2m_max: list[_Degrees]
    temperature_2m_min: list[_Degrees]
    precipitation_probability_max: list[Annotated[int, Meta(ge=0, le=100)] | None]


class _Forecast(msgspec.Struct):
    current: _Current
    daily: _Daily


# The codes of the World Meteorological Organization that Open-Meteo uses: up to which -> words.
_WORDS: tuple[tuple[int, str, str], ...] = (
    (0, "맑음", "clear"),
    (1, "대체로 맑음", "mostly clear"),
    (2, "구름 조금", "partly cloudy"),
    (3, "흐림", "overcast"),
    (48, "안개", "fog"),
    (57, "이슬비", "drizzle"),
    (67, "비", "rain"),
    (77, "눈", "snow"),
    (82, "소나기", "showers"),
    (86, "소낙눈", "snow showers"),
    (99, "천둥번개", "thunderstorm"),
)


def recognizes(text: str) -> Match | None:
    """Return the place and the day whose weather a message asks for."""
    request = asked(text)
    for pattern in (_KOREAN, _RAIN, _ENGLISH):
        if match := pattern.fullmatch(request):
            words = (match["place"] or "").split()
            if pattern is _ENGLISH and words and words[0] not in {*_PREPOSITIONS, *_DAYS}:
                return None  # how is the weather where you are
            return _asked_for(words, language_of(text))
    return None


def _asked_for(words: list[str], language: Language) -> Match | None:
    """Split the words before the request into a day and a place."""
    bare = [_PARTICLE.sub("", word) for word in words]
    days = [_DAYS[word] for word in bare if word in _DAYS]
    place = [word for word, day in zip(words, bare, strict=True) if day not in _DAYS]
    place = [word for word in place if word not in _PREPOSITIONS]
    if len(days) > 1 or len(place) > 3 or _NO_PLACES.intersection(place):
        return None
    name = "" if len(place) == 1 and place[0] in _HERE else " ".join(place)
    return Match(language, {"place": name, "day": str(sum(days))})


def answer(match: Match, context: Context) -> str:
    """Tell the weather, or why not."""
    is_korean = match.language == "ko"
    name = match.values["place"] or context.place
    if not name:
        return (
            "어느 지역의 날씨를 알려 드릴까요? ‘서울 날씨’처럼 물어봐 주세요."
            if is_korean
            else "Which place? Ask like “weather in Seoul”."
        )
    try:
        place = _located(name, match.language, context)
        if place is None:
            return (
                f"‘{name}’의 위치를 찾지 못했어요. 다른 이름으로 물어봐 주세요."
                if is_korean
                else f"I do not know where “{name}” is."
            )
        forecast = _forecast_of(place, context)
    except (OSError, ValueError, msgspec.ValidationError):
        return (
            "지금은 날씨 정보를 가져올 수 없어요. 잠시 뒤 다시 물어봐 주세요."
            if is_korean
            else "I cannot get the weather right now. Please try again later."
        )
    return _told(place, forecast, int(match.values["day"]), match.language)


def _located(name: str, language: Language, context: Context) -> _Place | None:
    if name in _CITIES:
        return _Place(name, *_CITIES[name])
    parameters = {"name": name, "count": "1", "language": language, "format": "json"}
    places = msgspec.convert(context.fetch_json(GEOCODING, parameters), _Places).results
    return places[0] if places else None


def _forecast_of(place: _Place, context: Context) -> _Forecast:
    parameters = {
        "latitude": f"{place.latitude:.2f}",
        "longitude": f"{place.longitude:.2f}",
        "current": "temperature_2m,apparent_temperature,weather_code",
        "daily": "weather_code,temperature_2m_max,temperature_2m_min,precipitation_probability_max",
        "timezone": "auto",
        "forecast_days": "3",
    }
    forecast = msgspec.convert(context.fetch_json(FORECAST, parameters), _Forecast)
    daily = forecast.daily
    columns = (daily.weather_code, daily.temperature_2m_max, daily.temperature_2m_min)
    lengths = [len(column) for column in columns]
    if min(*lengths, len(daily.precipitation_probability_max)) < len(_DAY_NAMES["ko"]):
        raise ValueError("too few days")
    return forecast


def _told(place: _Place, forecast: _Forecast, day: int, language: Language) -> str:
    current, daily = forecast.current, forecast.daily
    low, high = daily.temperature_2m_min[day], daily.temperature_2m_max[day]
    chance = daily.precipitation_probability_max[day]
    name = printable(place.name).strip()
    where = f"{name}({printable(place.country).strip()})" if place.country else name
    words, is_korean = _words(daily.weather_code[day], language), language == "ko"
    rain = "" if chance is None else f", 강수 확률 {chance}%"
    if not is_korean:
        rain = "" if chance is None else f", {chance} % chance of rain"
    span = f"{low:.0f}~{high:.0f}도" if is_korean else f"{low:.0f} to {high:.0f} °C"
    told = f"{_DAY_NAMES[language][day]} {words}, {span}{rain}"
    if day == 0:
        degrees, felt = f"{current.temperature_2m:.0f}", f"{current.apparent_temperature:.0f}"
        now = _words(current.weather_code, language)
        told = (
            f"지금 {now}, {degrees}도(체감 {felt}도)\n{told}"
            if is_korean
            else f"Now {now}, {degrees} °C (feels like {felt} °C)\n{told}"
        )
    return f"{where} 날씨\n{told}\n(Open-Meteo)" if is_korean else f"{where}\n{told}\n(Open-Meteo)"


def _words(code: int, language: Language) -> str:
    korean, english = next((ko, en) for highest, ko, en in _WORDS if code <= highest)
    return korean if language == "ko" else english
