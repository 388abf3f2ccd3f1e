"""The installable page: its worker keeps the shell and nothing that anybody wrote."""

import pytest

from chatbot.serving.page import PageAssets
from tests.serving.page.scripted import serving
from tests.serving.page.steps import log_in, say

pytestmark = pytest.mark.slow


def cached_paths(page):
    return page.evaluate(
        """async () => {
          const caches_ = await Promise.all((await caches.keys()).map((name) => caches.open(name)));
          const requests = await Promise.all(caches_.map((cache) => cache.keys()));
          return requests.flat().map(({url}) => new URL(url).pathname).sort();
        }"""
    )


def test_only_the_shell_is_cached_and_it_opens_without_a_server(server, new_page):
    page = new_page(locale="ko-KR")
    page.set_default_timeout(8000)
    with serving(server.app()) as address:
        page.goto(address)
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        log_in(page)
        page.reload()  # from now on through the worker
        page.wait_for_selector("#input:visible")
        say(page, "비밀")
        assert set(cached_paths(page)) == set(PageAssets().contents) - {"/sw.js"}
    page.reload()
    page.get_by_text("서버에 연결하지 못했어요.").wait_for()
    assert page.locator("#log").inner_text() == ""


def test_browser_accepts_the_manifest(address, new_page):
    page = new_page()
    page.goto(address)
    devtools = page.context.new_cdp_session(page)
    manifest = devtools.send("Page.getAppManifest")
    assert not manifest["errors"] and manifest["url"].endswith("/manifest.webmanifest")
