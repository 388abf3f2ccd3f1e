"""The secret of the skill server: from .env alone, and not one that can be guessed."""

import pytest

from chatbot.errors import AccessError
from chatbot.serving.kakao.secret import load_kakao_secret
from tests.serving.kakao.channel import SECRET

ON = "serve.kakao.enabled=true"


def with_secret(project, text):
    (project.root / ".env").write_text(f"CHATBOT_KAKAO_SECRET={text}\n", encoding="utf-8")
    return project.config(ON)


def test_a_server_without_kakao_needs_none(project):
    assert load_kakao_secret(project.config()) is None


def test_a_drawn_secret_is_taken(project):
    assert load_kakao_secret(with_secret(project, SECRET)) == SECRET.encode()


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "needs CHATBOT_KAKAO_SECRET"), ("1234", "can be guessed"), ("'비밀 값'", "no header")],
)
def test_secrets_that_protect_nothing_are_refused(project, text, message):
    with pytest.raises(AccessError, match=message):
        load_kakao_secret(with_secret(project, text))


def test_serve_refuses_to_start_without_it(project, capsys):
    assert project.run("serve", "--set", ON) == 2
    assert "CHATBOT_KAKAO_SECRET" in capsys.readouterr().err
