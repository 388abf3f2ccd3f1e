"""A scripted server, and a browser that has logged in to it."""

import pytest

from tests.serving.page.scripted import ScriptedServer, serving
from tests.serving.page.steps import log_in


@pytest.fixture
def server():
    return ScriptedServer()


@pytest.fixture
def address(server):
    with serving(server.app()) as address:
        yield address


@pytest.fixture
def talk(address, new_page):
    """Return what opens the page in a new browser profile and logs in."""

    def open_page(**options):
        page = new_page(locale="ko-KR", **options)
        page.set_default_timeout(8000)
        page.goto(address)
        log_in(page)
        return page

    return open_page
