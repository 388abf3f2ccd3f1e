"""Secrets come from the environment, a file that it names, or .env."""

import pytest

from chatbot.crypto.secrets import read_secret
from chatbot.errors import AccessError


def test_the_environment_wins_over_a_named_file_and_that_over_dotenv(tmp_path):
    (tmp_path / ".env").write_text("KEY='$stored'\n")
    (tmp_path / "key").write_text("$filed\n")
    named = {"KEY_FILE": str(tmp_path / "key")}
    assert read_secret(tmp_path, "KEY", {"KEY": "$given", **named}) == "$given"
    assert read_secret(tmp_path, "KEY", named) == "$filed"
    assert read_secret(tmp_path, "KEY", {}) == "$stored"
    assert read_secret(tmp_path, "OTHER", {"OTHER": ""}) is None


def test_a_named_file_that_is_missing_is_an_error(tmp_path):
    with pytest.raises(AccessError, match="KEY_FILE"):
        read_secret(tmp_path, "KEY", {"KEY_FILE": str(tmp_path / "nothing")})
