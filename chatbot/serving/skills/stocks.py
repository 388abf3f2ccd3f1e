"""The closing price of a Korean share, from the open data of the Financial Services Commission.

The documented interface of data.go.kr (1160100, stock prices): a free key, one working day late.
Only the name or the code of the share is sent.
"""

import re
from datetime import date, timedelta
from typing import Annotated
from urllib.parse import unquote

import msgspec
from msgspec import Meta

from chatbot.serving.skills.interface import Context, Language, Match, asked, language_of
from chatbot.serving.skills.phrases import HOW, TELL, TOPIC
from chatbot.wording import printable

HELP: dict[Language, str] = {"ko": "삼성전자 주가", "en": "NAVER stock price"}
KEY_NAME = "CHATBOT_STOCK_KEY"
SECRETS = (KEY_NAME,)
PRICES = "https://apis.data.go.kr/1160100/service/GetStockSecuritiesInfoService/getStockPriceInfo"
_N_DAYS = 14  # a holiday is not longer
_NAME = r"(?P<name>[가-힣a-z0-9][가-힣a-z0-9&.\- ]{1,19}?)"
_NOW = r"(?:(?:오늘|지금|현재) )?"
_COST = "(?: ?(?:얼마야|얼마|얼마예요|얼마에요|얼마지|얼마니|얼마인가요))?"
_KOREAN = re.compile(
    rf"{_NOW}{_NAME} ?(?:주가|시세|주식 ?(?:가격|시세)){TOPIC}{TELL}{_COST}{HOW}"
    rf"|{_NOW}{_NAME.replace('name', 'name2')} 주식 (?:얼마야|얼마예요|얼마지|알려 ?줘)"
)
_ENGLISH = re.compile(
    rf"(?:what(?:'s| is) )?(?:the )?(?:stock|share) price of {_NAME}"
    rf"|(?:what(?:'s| is) )?(?:the )?{_NAME.replace('name', 'name2')} (?:stock|share) price"
)
_NO_NAMES = frozenset(
    {
        *("요즘", "요새", "오늘", "지금", "현재", "우리", "내", "니", "네", "그", "그거", "이거"),
        *("저거", "무슨", "미국", "한국", "어제", "내일", "집"),
    }
)


class _Price(msgspec.Struct):
    """A row; all values are text."""

    basDt: Annotated[str, Meta(pattern=r"^\d{8}$")]  # noqa: N815 as the service writes them
    srtnCd: Annotated[str, Meta(pattern=r"^[0-9A-Z]{6,9}$")]  # noqa: N815
    itmsNm: Annotated[str, Meta(min_length=1, max_length=100)]  # noqa: N815
    clpr: Annotated[str, Meta(pattern=r"^\d{1,12}$")]
    vs: Annotated[str, Meta(pattern=r"^-?\d{1,12}$")]
    fltRt: Annotated[str, Meta(pattern=r"^-?(\d{1,4}|\d{0,4}\.\d{1,4})$")]  # noqa: N815


class _Items(msgspec.Struct):
    item: list[_Price] = []


class _Body(msgspec.Struct):
    items: _Items | str = ""  # "" where there are none


class _Response(msgspec.Struct):
    body: _Body


class _Answer(msgspec.Struct):
    response: _Response


def recognizes(text: str) -> Match | None:
    """Return the share whose price a message asks for."""
    request = asked(text)
    for pattern in (_KOREAN, _ENGLISH):
        if match := pattern.fullmatch(request):
            name = (match["name"] or match["name2"] or "").strip()
            is_name = name and name.split(" ")[0] not in _NO_NAMES
            return Match(language_of(text), {"name": name}) if is_name else None
    return None


def answer(match: Match, context: Context) -> str:
    """Tell the latest closing price, or why not."""
    name, is_korean = match.values["name"], match.language == "ko"
    try:
        prices = _prices_of(name, context)
        if prices:
            return _told(max(prices, key=lambda price: price.basDt), match.language)
    except (OSError, ValueError, msgspec.ValidationError):
        return (
            "지금은 주가 정보를 가져올 수 없어요. 잠시 뒤 다시 물어봐 주세요."
            if is_korean
            else "I cannot get stock prices right now. Please try again later."
        )
    return (
        f"‘{name}’ 종목을 찾지 못했어요. 국내 종목의 정확한 이름이나 코드로 물어봐 주세요."
        if is_korean
        else f"I know no Korean share “{name}”; ask by its exact Korean name or its code."
    )


def _prices_of(name: str, context: Context) -> list[_Price]:
    key = context.read_secret(KEY_NAME)
    if not key:
        raise ValueError("no key")
    field = "likeSrtnCd" if re.fullmatch(r"\d{6}", name) else "itmsNm"
    parameters = {
        "serviceKey": unquote(key),  # the portal shows a key in both spellings
        "numOfRows": "20",
        "pageNo": "1",
        "resultType": "json",
        "beginBasDt": f"{context.now() - timedelta(days=_N_DAYS):%Y%m%d}",
        field: name.upper(),
    }
    items = msgspec.convert(context.fetch_json(PRICES, parameters), _Answer).response.body.items
    return items.item if isinstance(items, _Items) else []


def _told(price: _Price, language: Language) -> str:
    name, change = printable(price.itmsNm).strip(), int(price.vs)
    day = date(int(price.basDt[:4]), int(price.basDt[4:6]), int(price.basDt[6:]))
    share = f"{float(price.fltRt):+.2f}%"
    if language == "en":
        moved = f"{change:+,} won, {share}"
        return (
            f"{name} ({price.srtnCd}): {int(price.clpr):,} won at the close of {day} ({moved}).\n"
            "(Financial Services Commission, data.go.kr)"
        )
    moved = "전날과 같아요" if not change else f"전날보다 {abs(change):,}원({share}) "
    moved += "" if not change else ("올랐어요" if change > 0 else "내렸어요")
    closing = f"{day.year}년 {day.month}월 {day.day}일 종가는 {int(price.clpr):,}원이에요"
    return (
        f"{name}({price.srtnCd})의 {closing}. {moved}.\n"
        "(금융위원회 주식시세정보. 실시간 값이 아니에요.)"
    )
