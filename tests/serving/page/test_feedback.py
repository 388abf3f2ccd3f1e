"""The page tells its user that choices are stored, and reports each when it is certain."""

import pytest

from tests.serving.page.steps import say, wait_until_idle

pytestmark = pytest.mark.slow


def retry(page, server, reply):
    server.script = [reply]
    n_chats = len(server.chats)
    page.click("#retry")
    page.wait_for_function(
        "text => document.querySelector('#log').innerText.includes(text)", arg=reply
    )
    wait_until_idle(page)
    assert len(server.chats) == n_chats + 1


def wait_for_choices(page, server, n):
    for _ in range(600):
        if len(server.choices) >= n:
            break
        page.wait_for_timeout(50)
    return [(each["kind"], each["rejected"], each["chosen"]) for each in server.choices]


def test_a_retried_reply_loses_to_the_one_that_is_answered(server, talk):
    server.stores_choices, server.script = True, ["싫어"]
    page = talk()
    page.get_by_text("암호화되어 저장돼요").wait_for()
    say(page, "밥 먹자")
    retry(page, server, "그래")
    assert not server.choices
    say(page, "몇 시?")
    assert wait_for_choices(page, server, 1) == [("retry", "싫어", "그래")]
    assert [m["content"] for m in server.choices[0]["messages"]] == ["밥 먹자"]
    page.click("#undo")
    assert wait_for_choices(page, server, 2)[1] == ("undo", "그래", None)


def test_nothing_is_reported_unless_it_is_stored(server, talk):
    page = talk()
    say(page, "밥 먹자")
    retry(page, server, "그래")
    say(page, "몇 시?")
    page.click("#undo")
    page.get_by_text("마지막 대화를 되돌렸어요.").wait_for()
    assert not server.choices
