"""An engine of the page in a browser."""

import pytest

from chatbot.publishing.page.modules import WEB, bundle_modules
from tests.publishing.page.models import Engine


@pytest.fixture
def engine(new_page):
    """The engine of the page, in a browser without a network."""
    page = new_page(offline=True)
    page.add_script_tag(content=bundle_modules(WEB / "engine/worker.js"))
    return Engine(page)
