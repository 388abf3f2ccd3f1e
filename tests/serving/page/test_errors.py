"""What goes wrong is a sentence on the page, and a way to go on."""

import pytest

from tests.serving.page.scripted import serving
from tests.serving.page.steps import bubbles, log_in, say, send, stored_texts, wait_until_idle

pytestmark = pytest.mark.slow


def test_wrong_password_is_a_sentence_and_the_right_one_opens(address, new_page):
    page = new_page(locale="ko-KR")
    page.goto(address)
    page.fill("#gate-secret", "닫혀라")
    page.click("#gate-action")
    page.get_by_text("비밀번호가 맞지 않아요.").wait_for()
    log_in(page)
    assert page.locator("#persona-name").inner_text() == "하늘"


def test_password_that_must_wait_counts_the_seconds_down(server, address, new_page):
    server.refusal = (429, {"Retry-After": "2"})
    page = new_page(locale="ko-KR")
    page.goto(address)
    page.fill("#gate-secret", "x")
    page.click("#gate-action")
    page.get_by_text("2초 뒤에").wait_for()
    assert page.locator("#gate-action").is_disabled()
    page.wait_for_selector("#gate-action:enabled")


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        ((429, {"Retry-After": "12"}), "너무 자주 시도했어요. 12초 뒤에 다시 시도해 주세요."),
        ((429, {"Retry-After": "600"}), "10분 뒤에"),
        ((503, {}), "지금은 이야기하는 사람이 많아요."),
        ((413, {}), "서버가 이 메시지를 받지 않았어요."),
        ((500, {}), "서버에 문제가 생겼어요."),
    ],
)
def test_refusal_is_a_sentence_with_another_try(server, talk, refusal, sentence):
    page = talk()
    server.refusal = refusal
    send(page, "안녕")
    page.get_by_text(sentence).wait_for()
    server.refusal = None
    page.click(".failure button")
    wait_until_idle(page)
    assert bubbles(page) == ["안녕", "안녕!"] and page.locator(".failure").count() == 0


@pytest.mark.parametrize(
    ("script", "finish", "sentence"),
    [
        (["반쯤"], None, "답장이 중간에 끊겼어요."),
        ([], "stop", "답장이 비어 있어요."),
        (["끝까지"], "length", "답장이 길어서 여기까지만 썼어요."),
    ],
)
def test_odd_end_of_a_reply_is_a_sentence(server, talk, script, finish, sentence):
    server.script, server.finish = script, finish
    page = talk()
    send(page, "안녕")
    page.get_by_text(sentence).wait_for()


def test_login_that_ran_out_is_asked_for_again_and_the_answer_comes(server, talk):
    page = talk()
    server.cookies.clear()
    send(page, "아직 있어?")
    page.wait_for_selector("#gate-secret:visible")
    assert page.locator("#gate-forget").is_visible()
    log_in(page)
    wait_until_idle(page)
    assert bubbles(page) == ["아직 있어?", "안녕!"]


def test_somebody_else_at_the_login_sees_nothing_of_the_conversation(server, talk):
    page = talk()
    say(page, "비밀")
    server.cookies.clear()
    send(page, "아직 있어?")
    page.click("#gate-forget")
    page.get_by_text("이전 대화를 지웠어요.").wait_for()
    log_in(page)
    page.wait_for_selector("#empty:visible")
    assert bubbles(page) == [] and stored_texts(page) == []


def test_logout_empties_the_other_tabs(talk):
    page = talk()
    say(page, "비밀")
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_text("비밀").wait_for()
    other.click("#menu-open")
    other.click("#leave")
    other.click("#confirm-yes")
    page.wait_for_selector("#gate-secret:visible")
    assert "비밀" not in page.locator("#log").inner_text()


def test_server_that_comes_back_answers_by_itself(server, new_page):
    page = new_page(locale="ko-KR")
    page.set_default_timeout(8000)
    with serving(server.app()) as address:
        page.goto(address)
        log_in(page)
    send(page, "여보세요")
    page.get_by_text("서버에 연결하지 못했어요.").wait_for()
    page.get_by_text("연결되면 알려 드릴게요.").wait_for()
    with serving(server.app(), port=int(address.rpartition(":")[2])):
        page.get_by_text("다시 연결됐어요.").wait_for()
        wait_until_idle(page)
        assert bubbles(page) == ["여보세요", "안녕!"]
        page.close()


def test_without_a_database_the_conversation_is_in_memory_and_says_so(address, new_page):
    page = new_page(locale="ko-KR")
    page.add_init_script("Object.defineProperty(window, 'indexedDB', {value: undefined})")
    page.goto(address)
    log_in(page)
    page.get_by_text("페이지를 닫으면 대화가 사라져요.").wait_for()
    say(page, "안녕")
    assert bubbles(page) == ["안녕", "안녕!"]
