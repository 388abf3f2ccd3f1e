"""The page of a blind test: it says nothing of the truth, and carries the answers in its code."""

import base64
import json
import re

import pytest

from chatbot.crypto.age_keys import new_passphrase
from chatbot.evaluation.blind.code import Answer, Sheet, read_code, write_code
from chatbot.evaluation.blind.questions import Draft, Question, Speech
from chatbot.publishing.page.blind import (
    blind_page_text,
    questions_json,
    served_blind_page,
    write_blind_file,
)
from chatbot.publishing.page.lock import unlock
from chatbot.publishing.page.modules import WEB, bundle_modules
from tests.publishing.page.models import content_of

PHRASE = new_passphrase()
PERSONA = Speech("도윤", 0, [])
PAST = [Speech("하늘", 1, ["오늘 뭐해", "나 심심한데"]), Speech("도윤", 0, ["그냥 <b>집</b>"])]
TEXTS = [([f"왼쪽 {i}", "ㅋㅋ"], [f"오른쪽 {i}"]) for i in range(4)]


def draft(second_is_bot):
    return Draft(PERSONA, [Question(PAST, texts) for texts in TEXTS], second_is_bot)


CONTENT = questions_json("0a0b0c", draft([True, False, True, True]))


@pytest.fixture
def page(new_page, tmp_path):
    """An unlocked test in a browser without a network, at its first question."""
    path = tmp_path / "blind.html"
    path.write_text(blind_page_text(CONTENT), encoding="utf-8")
    page = new_page(offline=True, locale="ko-KR")
    page.goto(path.as_uri())
    page.click("#blind-start")
    return page


def shown(page):
    """Whether each question's second text is shown, as the page stores it."""
    return page.evaluate("() => JSON.parse(localStorage.getItem('chatbot.blind.0a0b0c')).shown")


def answers_of(page):
    return read_code(page.input_value("#blind-code"))


def test_neither_file_nor_page_holds_the_truth():
    other = questions_json("0a0b0c", draft([False, True, False, False]))
    assert other == CONTENT and set(json.loads(CONTENT)) == {"test", "persona", "questions"}


def test_nothing_is_readable_without_the_passphrase(tmp_path):
    path = tmp_path / "blind.html"
    write_blind_file(path, CONTENT, PHRASE)
    raw = path.read_bytes()
    assert unlock(content_of(path), PHRASE) == CONTENT
    for text in ("도윤", "하늘", "심심", "왼쪽", "오른쪽", "0a0b0c"):
        assert text.encode() not in raw and text.encode() not in content_of(path)
        assert base64.b64encode(text.encode())[:-4] not in raw or len(text.encode()) < 7


def test_it_loads_nothing_and_is_the_messengers_page():
    text = blind_page_text(CONTENT)
    policy = re.search('http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none'; ") and "connect-src" not in policy
    assert not re.search(r"(?:src|href)=\"(?!data:)", text.split("<body>")[0])
    for page in (text, served_blind_page()):
        assert 'id="gate-form"' in page and 'id="composer"' not in page


@pytest.mark.slow
def test_a_locked_test_is_answered_to_its_end_by_keyboard(new_page, tmp_path):
    path = tmp_path / "blind.html"
    write_blind_file(path, CONTENT, PHRASE)
    page = new_page(offline=True, locale="en-US")
    page.goto(path.as_uri())
    page.fill("#gate-secret", PHRASE)
    page.press("#gate-secret", "Enter")
    page.wait_for_selector("#blind-start:visible")
    for key in ("Enter", "3", "ArrowRight", "ArrowLeft", "1", "ArrowLeft", "ArrowRight"):
        page.keyboard.press(key)
    page.wait_for_selector("#blind-end:visible")
    said = [(a.says_bot, a.sure) for a in answers_of(page).answers]
    assert said == [(True, 3), (False, 0), (False, 1), (True, 0)]


def test_the_code_tells_what_was_shown(page):
    for place in range(4):
        second = page.locator("#blind-reply .bubble").all_inner_texts() == TEXTS[place][1]
        page.click("#blind-real")
        assert shown(page)[place] == second
    sheet = answers_of(page)
    assert sheet.test == "0a0b0c" and [a.shows_second for a in sheet.answers] == shown(page)


def test_the_last_answer_is_taken_back_and_an_early_end_too(page):
    page.click("#blind-bot")
    page.click("#blind-undo")
    page.click("#blind-real")
    page.click("#blind-stop")
    assert [answer.says_bot for answer in answers_of(page).answers] == [False]
    page.click("#blind-back")
    page.click("#blind-bot")
    page.reload()  # the answers are still there
    page.click("#blind-stop")
    assert [answer.says_bot for answer in answers_of(page).answers] == [False, True]


def test_another_friend_is_shown_texts_drawn_anew(page):
    page.evaluate("() => { crypto.getRandomValues = (bytes) => bytes.fill(7); }")
    page.click("#blind-bot")
    page.click("#blind-stop")
    page.click("#blind-copy")
    page.click("#blind-again")
    page.click("#blind-start")
    for _ in TEXTS:
        page.click("#blind-bot")
    sheet = answers_of(page)
    assert (sheet.judge, shown(page)) == ("0707", [True] * 4)


def test_messages_are_never_read_as_html_and_languages_change(page):
    assert "그냥 <b>집</b>" in page.locator("#blind-past .bubble").all_inner_texts()
    assert page.locator("#blind-heading").inner_text() == "질문 1 / 4"
    page.click("#chat [data-language=en]")
    assert page.locator("#blind-heading").inner_text() == "Question 1 of 4"


def test_the_page_writes_the_codes_that_we_read(new_page):
    page = new_page(offline=True)
    page.add_script_tag(content=bundle_modules(WEB / "blind/code.js"))
    for n in (1, 2, 29, 80):
        answers = tuple(Answer(i % 3 == 0, i % 2 == 0, i % 4) for i in range(n))
        sheet = Sheet("ff0102", "beef", answers)
        given = [[a.shows_second, a.says_bot, a.sure] for a in answers]
        code = page.evaluate(
            """([test, judge, answers]) => codeOfAnswers(test, judge, answers.map(
              ([showsSecond, saysBot, sure]) => ({showsSecond, saysBot, sure})))""",
            [sheet.test, sheet.judge, given],
        )
        assert code == write_code(sheet)
