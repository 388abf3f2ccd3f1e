"""Addresses of late answers, and the one request that is made to them."""

import http.client

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.serving.kakao.callback import CallbackPoster, callback_address
from tests.serving.kakao.channel import CALLBACK, callback_server, certified, redirected

HOST = "bot-api.kakao.com"
HOSTILE = (
    None, "", " ", "kakao.com", "/callback", "//bot-api.kakao.com/x",
    "http://bot-api.kakao.com/x", "ftp://bot-api.kakao.com/x", "file:///etc/passwd",
    "https://example.org/x", "https://kakao.com.example.org/x", "https://evilkakao.com/x",
    "https://kakao.com@example.org/x", "https://user:word@bot-api.kakao.com/x",
    "https://example.org#.kakao.com", "https://example.org?.kakao.com", "https://example.org/.kakao.com",
    "https://example.org\\.kakao.com/x", "https://bot-api.kakao.com\\@example.org/x",
    "https://bot-api.kakao.com:8443/x", "https://bot-api.kakao.com:0/x", "https://bot-api.kakao.com:/x",
    "https://bot-api.kakao.com:99999/x", "https://bot-api.kakao.com./x", "https://.kakao.com/x",
    "https://a..kakao.com/x", "https://-.kakao.com/x", "https://127.0.0.1/x", "https://[::1]/x",
    "https://localhost/x", "https://169.254.169.254/x", "https://[::1].kakao.com/x",
    "https://bot-api.kakao.com/x\r\nHost: example.org", "https://bot-api.kakao.com/a b",
    "https://bot-api.kakao。com/x", "https://ｋakao.com/x", "https://bot-api.kakao.com/콜백",
    "https://bot-api.kakao.com/x#fragment", "https://%6bakao.com/x", "https://a%2ekakao.com/x",
    "https://bot_api\x00.kakao.com/x", "https://bot-api.kakao.com/" + "a" * 3000,
)  # fmt: skip


@pytest.mark.parametrize("url", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_addresses_are_no_addresses(url):
    assert callback_address(url) is None


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        (CALLBACK, HOST, "/v1/bots/5f1/callback/a1b2c3"),
        ("https://kakao.com", "kakao.com", "/"),
        ("https://bot-api.kakao.com:443/x?a=1&b=2", HOST, "/x?a=1&b=2"),
        ("https://a.b.kakao.com/x", "a.b.kakao.com", "/x"),
        ("HTTPS://Bot-API.Kakao.com/x", HOST, "/x"),
    ],
)
def test_addresses_of_kakao_are(url, host, target):
    address = callback_address(url)
    assert (address.host, address.target) == (host, target)


def test_the_token_is_in_no_repr():
    assert "a1b2c3" not in repr(callback_address(CALLBACK))


@given(st.text(alphabet="htps:/@.#?\\kao.cmev[]1%:443 -", max_size=60))
def test_whatever_passes_is_a_name_of_kakao(text):
    for url in (text, f"https://{text}", f"https://{text}.kakao.com/x", f"https://kakao.com{text}"):
        if address := callback_address(url):
            assert address.host == "kakao.com" or address.host.endswith(".kakao.com")
            assert address.target.startswith("/") and not set(address.target) & set("\r\n ")
            assert set(address.host) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")


@pytest.fixture(scope="module")
def contexts(tmp_path_factory):
    return certified(HOST, tmp_path_factory.mktemp("certificates"))


def posted(monkeypatch, contexts, client=None, **answer):
    """The outcome of a post to a server, and what it was sent."""
    server_context, client_context = contexts
    with callback_server(server_context, **answer) as (port, received):
        asked = redirected(monkeypatch, port)
        outcome = CallbackPoster(client or client_context).post(callback_address(CALLBACK), b"{}")
    assert asked == [(HOST, 443)]
    return outcome, received


def test_an_answer_is_posted_once_to_the_address(monkeypatch, contexts):
    outcome, received = posted(monkeypatch, contexts)
    assert outcome == "success" and received == [(HOST, "/v1/bots/5f1/callback/a1b2c3", b"{}")]


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b'{"status": "FAIL", "message": "Invalid callback token. Check your callback token."}', "expired"),
        (b'{"status": "ERROR", "message": "Use callback true setting required."}', "refused"),
        (b'{"status": "FAIL", "message": "skill quota exceeded", "timestamp": 1}', "refused"),
        (b'{"status": "WHAT"}', "failed"),
        (b"<html>", "failed"),
        (b"\xff", "failed"),
        (b"x" * 100_000, "failed"),
    ],
)  # fmt: skip
def test_refusals_are_told_apart(monkeypatch, contexts, body, outcome):
    assert posted(monkeypatch, contexts, body=body)[0] == outcome


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(monkeypatch, contexts, status):
    outcome, received = posted(
        monkeypatch, contexts, status=status, location="https://example.org/"
    )
    assert outcome == "failed" and len(received) == 1


def test_a_server_without_a_trusted_certificate_gets_no_answer(monkeypatch, contexts):
    import ssl

    outcome, received = posted(monkeypatch, contexts, client=ssl.create_default_context())
    assert outcome == "failed" and not received


def test_a_certificate_of_another_name_gets_no_answer(monkeypatch, tmp_path):
    outcome, received = posted(monkeypatch, certified("example.org", tmp_path))
    assert outcome == "failed" and not received


def test_without_a_network_the_post_has_failed(monkeypatch):
    def offline(*arguments, **options):
        raise OSError("no network")

    monkeypatch.setattr(http.client.HTTPSConnection, "connect", offline)
    assert CallbackPoster().post(callback_address(CALLBACK), b"{}") == "failed"
