"""The page for everybody: contrast, touch targets, large text, keyboards, and screen readers."""

import re
from itertools import product

import pytest

from chatbot.serving.page import PageAssets
from tests.serving.page.steps import say, send, wait_until_idle

CSS = PageAssets().contents["/page/ui/page.css"].decode()
AVATARS = re.findall(r"^\.avatar.*background: (#\w+)|^  background: (#9a4a1c)", CSS, re.MULTILINE)
# Ink on ground: every pair that the style sheet puts together.
PAIRS = [
    *product(("ink", "soft", "accent", "danger"), ("surface", "bar", "raised")),
    *product(("ink", "soft", "accent"), ("sunken",)),
    ("ink", "other"), ("own-ink", "own"), ("own-ink", "brand"),
    ("warn-ink", "warn"), ("good-ink", "good"),
]  # fmt: skip


def palette(theme):
    rule = r":root \{(.*?)\}" if theme == "light" else r":root\[data-theme='dark'\] \{(.*?)\}"
    return dict(re.findall(r"--([\w-]+): (#\w{6});", re.search(rule, CSS, re.DOTALL)[1]))


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first, second):
    dark, bright = sorted((luminance(first), luminance(second)))
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_from_its_ground(theme):
    colours = palette(theme)
    low = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in PAIRS}
    assert {pair: ratio for pair, ratio in low.items() if ratio < 4.5} == {}


def test_letters_stand_out_from_every_avatar():
    colours = [first or second for first, second in AVATARS]
    assert len(colours) == 6 and min(contrast("#ffffff", colour) for colour in colours) >= 4.5


@pytest.mark.slow
def test_every_control_has_a_name_and_room_for_a_finger(talk):
    page = talk(viewport={"width": 390, "height": 844}, has_touch=True)
    say(page, "안녕")
    page.click("#menu-open")
    controls = page.evaluate(
        """() => [...document.querySelectorAll('button, input, textarea')]
          .filter((e) => e.offsetParent)
          .map((e) => {
            const box = (e.closest('.sheet label') ?? e).getBoundingClientRect();
            const name = e.getAttribute('aria-label') || e.labels?.[0]?.textContent || e.textContent;
            return [name.trim(), Math.round(box.width), Math.round(box.height)];
          })"""
    )
    assert len(controls) > 15
    assert [c for c in controls if not c[0] or min(c[1:]) < 44] == []


@pytest.mark.slow
def test_text_of_twice_the_size_stays_inside_the_page(talk):
    page = talk(viewport={"width": 390, "height": 844})
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    say(page, "https://example.invalid/" + "길" * 200)
    page.click("#menu-open")
    wide = page.evaluate(
        """() => [...document.querySelectorAll('#chat *, #menu *')]
          .filter((e) => e.offsetParent && !e.closest('.unseen') && !e.matches('input'))
          .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
          .map((e) => e.id || e.className)"""
    )
    assert wide == []
    assert page.locator("#input").bounding_box()["width"] > 100


@pytest.mark.slow
def test_input_and_newest_bubble_stay_above_the_keyboard(talk):
    page = talk(viewport={"width": 390, "height": 844}, has_touch=True)
    for i in range(8):
        say(page, f"{i}번째\n줄이\n여럿")
    page.set_viewport_size({"width": 390, "height": 420})  # the keyboard takes the rest
    page.wait_for_function(
        """() => {
          const boxOf = (id) => document.getElementById(id).getBoundingClientRect();
          const composer = boxOf('composer');
          return composer.bottom <= 420 && boxOf('actions').bottom <= composer.top + 1;
        }"""
    )


@pytest.mark.slow
def test_bubble_is_read_aloud_when_it_is_complete(server, talk):
    server.script = ["첫째\n둘", 1.5, "째"]
    page = talk()
    send(page, "안녕")
    page.wait_for_selector("#growing:visible")
    log = page.get_by_role("log")
    assert log.get_attribute("aria-live") == "polite"
    assert "첫째" in log.inner_text() and "둘" not in log.inner_text()
    assert page.locator("#pending").get_attribute("aria-hidden") == "true"
    wait_until_idle(page)
    assert "둘째" in log.inner_text()


@pytest.mark.slow
def test_everything_is_reached_by_the_keyboard_in_reading_order(talk):
    page = talk()
    say(page, "안녕")
    page.evaluate("document.activeElement.blur()")
    order = []
    for _ in range(7):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.id"))
    ids = [name for name in order if name not in ("", "scroller")]
    assert ids[:4] == ["menu-open", "retry", "undo", "input"]


@pytest.mark.slow
def test_motion_stops_where_it_is_not_wanted(server, talk):
    server.script = [30]
    page = talk(reduced_motion="reduce")
    send(page, "안녕")
    page.wait_for_selector("#dots:visible")
    assert page.evaluate("document.getAnimations().length") == 0
