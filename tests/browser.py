"""A headless Chromium for the tests of the page; they are skipped where none is installed."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Chromium:
    """A running browser of Playwright, and the loop that Playwright runs in this thread."""

    browser: Any
    loop: Any

    @contextmanager
    def used(self) -> Iterator[None]:
        """Mark the loop as running only meanwhile: other tests of this thread run their own."""
        asyncio._set_running_loop(self.loop)
        try:
            yield
        finally:
            asyncio._set_running_loop(None)


@pytest.fixture(scope="session")
def chromium():
    """A running browser: Playwright's download, or the one of the system."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    playwright = api.sync_playwright().start()
    running = Chromium(None, asyncio.get_running_loop())
    with running.used():
        own = Path(playwright.chromium.executable_path)
        program = str(own) if own.exists() else next(filter(None, map(shutil.which, _PROGRAMS)), "")
        if program:
            browser = playwright.chromium.launch(executable_path=program, args=list(_FLAGS))
            running = Chromium(browser, running.loop)
    if program:
        yield running
    with running.used():
        if program:
            running.browser.close()
        playwright.stop()
    if not program:
        pytest.skip("Chromium is not installed")


@pytest.fixture
def new_page(chromium):
    """Return what opens a page in a context of its own; it takes the options of `new_context`.

    `offline=True` cuts the network. An error that no script catches fails the test.
    """
    contexts, errors = [], []

    def open_page(**options):
        contexts.append(chromium.browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: errors.append(error.message))
        return page

    with chromium.used():
        yield open_page
        for context in contexts:
            context.close()
    assert not errors
