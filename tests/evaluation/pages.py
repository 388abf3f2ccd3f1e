"""What a page of HTML holds, for tests."""

from html.parser import HTMLParser


class Reader(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, page: str):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


def assert_loads_nothing(page: str) -> None:
    """No tag and no address makes a browser ask for anything."""
    assert not {"script", "img", "link", "iframe"} & set(Reader(page).tags)
    assert "http" not in page and "@import" not in page and "url(" not in page
