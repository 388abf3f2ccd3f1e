"""The messenger page in a real browser, against a real server with a scripted bot."""

import pytest

from tests.serving.page.scripted import GROUP
from tests.serving.page.steps import (
    bubbles,
    clear,
    log_in,
    messages_of,
    say,
    send,
    stored_texts,
    wait_until_idle,
)

pytestmark = pytest.mark.slow
XSS = "<img src=x onerror=\"document.title='broken'\"><b>굵게</b> <|eos|> &amp;"


def test_lines_of_a_reply_are_bubbles_with_one_time(server, talk):
    server.script = ["어", " 나야\n너", "는?\n", "뭐해"]
    page = talk()
    say(page, "안녕")
    assert bubbles(page) == ["안녕", "어 나야", "너는?", "뭐해"]
    assert page.locator("#log .other time").count() == 1
    assert page.locator("#log .name").all_inner_texts() == ["하늘"]
    assert page.locator("#pending").is_hidden()


def test_bubble_grows_and_dots_stand_between_bubbles(server, talk):
    server.script = ["첫째\n", 1.0, "둘", 1.5, "째"]
    page = talk()
    send(page, "안녕")
    page.wait_for_selector("#dots:visible")
    page.wait_for_selector("#log .other")
    assert page.locator("#dots").is_visible() and page.locator("#growing").is_hidden()
    page.wait_for_selector("#growing:visible")
    assert page.locator("#growing").inner_text() == "둘"
    wait_until_idle(page)
    assert bubbles(page, ".other") == ["첫째", "둘째"]


def test_messages_before_the_answer_form_one_turn(server, talk):
    server.script = [1.0, "응"]
    page = talk()
    send(page, "나 왔어")
    page.wait_for_selector("#stop:visible")
    say(page, "문 열어")
    assert bubbles(page) == ["나 왔어", "문 열어", "응"]
    assert messages_of(server.chats[-1]) == [("user", "나 왔어\n문 열어")]


def test_message_during_an_answer_keeps_what_was_said(server, talk):
    server.script = ["다 쓴 말\n쓰다 만", 30]
    page = talk()
    send(page, "하나")
    page.wait_for_selector("#growing:visible")
    server.script = ["그래"]
    say(page, "둘")
    assert bubbles(page) == ["하나", "다 쓴 말", "둘", "그래"]
    assert messages_of(server.chats[-1]) == [
        ("user", "하나"), ("assistant", "다 쓴 말"), ("user", "둘")
    ]  # fmt: skip


@pytest.mark.parametrize("by", ["button", "escape"])
def test_stop_keeps_what_is_written(server, talk, by):
    server.script = ["여기까지", 30, "더는 없어"]
    page = talk()
    send(page, "안녕")
    page.wait_for_selector("#growing:visible")
    page.click("#stop") if by == "button" else page.keyboard.press("Escape")
    page.get_by_text("답장을 멈췄어요.").wait_for()
    assert bubbles(page) == ["안녕", "여기까지"]
    assert page.locator("#send").is_visible()
    for _ in range(30):
        page.wait_for_timeout(100)
        if server.n_left:
            break
    assert server.n_left == 1  # the server was told


def test_retry_replaces_the_reply(server, talk):
    server.script = ["처음\n말"]
    page = talk()
    say(page, "안녕")
    server.script = ["다시"]
    page.click("#retry")
    page.get_by_text("다시", exact=True).wait_for()
    wait_until_idle(page)
    assert bubbles(page) == ["안녕", "다시"]
    assert messages_of(server.chats[-1]) == [("user", "안녕")]


def test_undo_takes_the_exchange_back_into_the_input(talk):
    page = talk()
    say(page, "하나")
    say(page, "둘")
    page.click("#undo")
    page.get_by_text("마지막 대화를 되돌렸어요.").wait_for()
    assert bubbles(page) == ["하나", "안녕!"]
    assert page.input_value("#input") == "둘"


def test_history_stays_after_a_reload_and_clear_deletes_it(talk):
    page = talk()
    say(page, "기억해")
    page.reload()
    page.wait_for_selector("#log .own")
    assert bubbles(page) == ["기억해", "안녕!"]
    clear(page, "#confirm-no")
    assert bubbles(page) == ["기억해", "안녕!"]
    clear(page, "#confirm-yes")
    page.get_by_text("대화를 모두 지웠어요.").wait_for()
    assert stored_texts(page) == []
    page.reload()
    page.wait_for_selector("#empty:visible")


def test_logout_deletes_the_history_for_the_next_person(server, talk):
    page = talk()
    say(page, "비밀")
    assert stored_texts(page) == ["비밀", "안녕!"]
    page.click("#menu-open")
    page.click("#leave")
    page.click("#confirm-yes")
    page.wait_for_selector("#gate-secret:visible")
    assert not server.cookies and stored_texts(page) == []
    log_in(page)
    assert bubbles(page) == []


def test_two_browsers_have_two_histories(talk):
    first, second = talk(), talk()
    say(first, "첫째의 말")
    second.reload()
    second.wait_for_selector("#empty:visible")
    assert bubbles(second) == []


def test_persona_of_a_group_is_chosen_and_the_others_keep_their_names(server, talk):
    server.personas = GROUP
    page = talk()
    say(page, "하늘아")
    page.click("#persona")
    page.get_by_role("button", name="Minji").click()
    server.script = ["왜"]
    say(page, "민지는?")
    chat = server.chats[-1]
    assert chat["model"] == "bot-1"
    assert [m.get("name") for m in chat["messages"]] == [None, "하늘", None]
    assert {m["role"] for m in chat["messages"]} == {"user"}
    assert page.locator("#log .name").all_inner_texts() == ["하늘", "Minji"]


def test_enter_that_ends_a_syllable_sends_nothing(server, talk):
    page = talk()
    page.focus("#input")
    keyboard = page.context.new_cdp_session(page)
    keyboard.send("Input.imeSetComposition", {"text": "안", "selectionStart": 1, "selectionEnd": 1})
    page.keyboard.press("Enter")
    assert page.input_value("#input") == "안" and not server.chats
    keyboard.send("Input.insertText", {"text": "안"})
    # Safari: the composition is over, and the key has the code of an input method.
    page.evaluate(
        """document.getElementById('input').dispatchEvent(new KeyboardEvent('keydown',
             {key: 'Enter', keyCode: 229, bubbles: true, cancelable: true}))"""
    )
    assert page.input_value("#input") == "안" and not server.chats
    page.keyboard.press("Enter")
    wait_until_idle(page)
    assert bubbles(page, ".own") == ["안"]


def test_shift_enter_breaks_the_line_and_the_input_grows(talk):
    page = talk()
    low = page.locator("#input").bounding_box()["height"]
    page.type("#input", "하나")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("둘")
    assert page.locator("#input").bounding_box()["height"] > low + 10
    page.keyboard.press("Enter")
    wait_until_idle(page)
    assert bubbles(page, ".own") == ["하나\n둘"]


def test_markup_and_control_tokens_are_text_in_both_directions(server, talk):
    server.personas = [{"id": "bot", "name": "<i>하늘</i>"}]
    server.script = [XSS]
    page = talk()
    say(page, XSS)
    assert bubbles(page) == [XSS, XSS]
    assert page.locator("#log img, #log b, header i").count() == 0
    assert page.title() == "<i>하늘</i>"


def test_long_reading_is_shown(server, talk):
    server.script = [": reading 512/2048", 5, "다 읽었어"]
    page = talk()
    send(page, "안녕")
    page.get_by_text("대화를 읽고 있어요 (512 / 2048)").first.wait_for()


def test_language_and_appearance_are_remembered(talk):
    page = talk(color_scheme="light")
    page.click("#menu-open")
    page.get_by_label("English").check()
    page.get_by_label("Dark").check()
    assert page.get_by_text("Delete the conversation").is_visible()
    page.reload()
    page.wait_for_selector("#input:visible")
    assert page.locator("#input").get_attribute("placeholder") == "Write a message"
    assert page.evaluate("[document.documentElement.lang, document.documentElement.dataset.theme]") == ["en", "dark"]  # fmt: skip


def test_conversation_is_saved_as_text(talk):
    page = talk()
    say(page, "안녕")
    page.click("#menu-open")
    with page.expect_download() as download:
        page.click("#export")
    text = download.value.path().read_text(encoding="utf-8")
    assert "나: 안녕\n" in text and "하늘: 안녕!\n" in text
    assert "하늘" not in download.value.suggested_filename


def test_page_asks_nobody_but_its_server(address, talk):
    page = talk()
    asked, refused = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: refused.append(message.text))
    page.reload()
    page.wait_for_selector("#input:visible")
    say(page, "안녕")
    assert all(url.startswith((address, "data:")) for url in asked)
    assert not [text for text in refused if "Content Security Policy" in text]
