"""Nothing is read or sent before the settings allow it."""

import pytest

from chatbot.cli import window_bridge
from chatbot.errors import ConfigError
from chatbot.settings.bridge import BridgeConfig
from chatbot.settings.schema import Config


def config_with(**bridge):
    return Config(bridge=BridgeConfig(**bridge))


@pytest.mark.parametrize(("bridge", "name"), [
    ({}, None), ({}, "바다"), ({"rooms": ["바다 모임"]}, None), ({"rooms": ["바다 모임"], "own_name": "가람"}, "바다"),
    ({"rooms": ["바다", "산"], "own_name": "가람"}, None),
])  # fmt: skip
def test_a_room_is_refused_unless_its_whole_name_is_allowed(bridge, name):
    with pytest.raises(ConfigError) as error:
        window_bridge.room_of(config_with(**bridge), name)
    assert "바다" not in f"{error.value} {error.value.hint}"


@pytest.mark.parametrize(
    "bridge",
    [{}, {"auto": True}, {"policy": window_bridge.POLICY[0]}, {"auto": True, "policy": "네"}],
)
def test_sending_without_asking_needs_a_setting_and_a_sentence(bridge):
    with pytest.raises(ConfigError):
        window_bridge.require_unattended(config_with(**bridge))


@pytest.mark.parametrize("sentence", window_bridge.POLICY)
def test_the_sentence_stands_in_the_documentation(sentence, request):
    window_bridge.require_unattended(config_with(auto=True, policy=sentence))
    pages = [
        (request.config.rootpath / f"docs/bridge{end}.md").read_text(encoding="utf-8")
        for end in ("", ".ko")
    ]
    assert any(sentence in page for page in pages)


@pytest.mark.parametrize(
    ("typed", "sent"),
    [(["y"], "안녕"), (["n"], None), ([""], None), (["e", "응"], "응"), (["e", " "], None)],
)
def test_only_a_yes_or_an_edit_sends(typed, sent, monkeypatch):
    answers = iter(typed)
    monkeypatch.setattr(window_bridge, "ask", lambda question: next(answers))
    assert window_bridge.approve_at_terminal("안녕") == sent
