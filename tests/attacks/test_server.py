"""What a hostile client or a page of another site can do to a running server: nothing."""

import concurrent.futures
import json
import socket
import threading
import time

import httpx
import pytest

from chatbot.serving.app import create_app
from chatbot.serving.auth import Gate
from tests.serving.servers import (
    BEARER,
    PASSWORD,
    Sayer,
    asked,
    running,
    service_of,
    serving,
    started,
)

CHAT = "/v1/chat/completions"
LOGIN = {"password": PASSWORD}


@pytest.fixture(scope="module")
def sayer():
    return Sayer()


@pytest.fixture(scope="module")
def client(sayer):
    with serving(sayer, allowed_hosts=["talk.example.org"]) as client:
        yield client


def connect(client):
    return socket.create_connection((client.base_url.host, client.base_url.port), timeout=10)


def raw(client, content: bytes) -> bytes:
    """Send bytes, and return all that comes back."""
    with connect(client) as connection:
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


# ---------------------------------------------------------------- other sites
@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200), ("LOCALHOST:8000", 200), ("127.0.0.1:1", 200), ("[::1]:8000", 200), ("192.168.0.7:8000", 200),
        ("talk.example.org", 200), ("Talk.Example.Org:443", 200), ("localhost.", 200),
        ("evil.com", 421), ("localhost.evil.com", 421), ("evil.localhost", 421), ("127.0.0.1.evil.com", 421), ("talk.example.org.evil.com", 421),
        ("2130706433", 421), ("0x7f.1", 421), ("user@localhost", 421), ("localhost/evil", 421), ("localhost?x", 421), ("localhost:x", 421), ("", 421),
    ],
)  # fmt: skip
def test_dns_rebinding_only_own_names_are_answered(client, host, status):
    assert client.get("/v1/models", headers={"host": host}).status_code == status


@pytest.mark.parametrize("n_hosts", [0, 2])
def test_a_request_has_one_host(client, n_hosts):
    answer = raw(client, b"GET / HTTP/1.1\r\n" + b"Host: localhost\r\n" * n_hosts + b"\r\n")
    assert answer.split()[1] in (b"400", b"421")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200), ({"origin": "http://localhost:8000"}, 200), ({"origin": "https://localhost:8000"}, 200), ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"origin": "http://evil.com"}, 403), ({"origin": "null"}, 403), ({"origin": "http://localhost"}, 403), ({"origin": "http://localhost:80001"}, 403),
        ({"origin": "http://localhost:8000.evil.com"}, 403), ({"origin": "file://"}, 403), ({"origin": ""}, 403),
        ({"sec-fetch-site": "cross-site"}, 403), ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://localhost:8000", "sec-fetch-site": "cross-site"}, 403),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", [CHAT, "/login", "/logout"])
def test_cross_origin_requests_change_nothing(client, path, headers, status):
    body = {**asked(), **LOGIN}
    answer = client.post(path, json=body, headers={"host": "localhost:8000", **headers})
    assert answer.status_code == (204 if status == 200 and path != CHAT else status)


def test_other_sites_read_nothing_and_may_only_link_to_the_page(client):
    foreign = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    for path in ("/v1/models", "/metrics", "/", "/icon-192.png"):
        assert client.get(path, headers=foreign).status_code == 403
    link = {**foreign, "sec-fetch-mode": "navigate", "accept": "text/html"}
    assert client.get("/", headers=link).status_code == 200
    preflight = client.options(CHAT, headers={"origin": "http://evil.com", "access-control-request-method": "POST"})  # fmt: skip
    assert not any(name.startswith("access-control") for name in preflight.headers)


# ---------------------------------------------------------------- paths and bytes
@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd", "/page/../../../../etc/passwd", "/page/%2e%2e/%2e%2e/serving/auth.py", "/page/ui/..%2f..%2fauth.py", "/page/ui/%00", "//evil.com",
        "/\\evil.com", "/.env", "/page//etc/passwd", "/v1/models/../../metrics", "/V1/MODELS", "/v1/models;x", "/login/", "/page/ui/app_file.js",
        "/%2e%2e/v1/models", "/page/%2e%2e/v1/models", "/./metrics", "/health/../metrics", "/metrics%20", "/v1%2fmodels",
    ],
)  # fmt: skip
def test_paths_are_taken_literally(client, path):
    answer = raw(
        client, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    )
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] in (b"400", b"401", b"404") and b"\nlocation:" not in head.lower()
    assert b"root:" not in body and b"import " not in body


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A" * 100_000, b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: " + b"a" * 100_000,
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)  # fmt: skip
def test_malformed_http_harms_nobody(client, content):
    answer = raw(client, content)
    assert not answer or answer.split()[1].startswith(b"4")
    assert client.get("/health").status_code == 200


def chunked(n_bytes):
    for _ in range(n_bytes // 65536):
        yield b" " * 65536


def test_oversized_bodies_are_refused_while_they_arrive(client):
    for content in (b"[" + b"1," * 1_000_000, chunked(20_000_000)):
        try:
            answer = client.post(CHAT, content=content)
        except httpx.WriteError:  # closed before the whole arrived
            continue
        assert answer.status_code == 413 and answer.json()["error"]["code"] == "too_large"


def test_a_million_messages_are_refused(sayer):
    one = json.dumps({"role": "user", "content": "x"})
    body = ('{"messages":[' + ",".join([one] * 1_000_000) + "]}").encode()
    with serving(sayer, max_body_bytes=100_000_000) as client:
        began = time.monotonic()
        answer = client.post(CHAT, content=body)
        assert answer.json()["error"]["code"] == "too_many_messages"
        assert time.monotonic() - began < 10


def test_without_a_password_nothing_is_read(client):
    with httpx.Client(base_url=client.base_url) as stranger:
        assert stranger.post(CHAT, content=b"x" * 3_000_000).status_code == 401
        for path in ("/v1/models", "/v1/models/main", "/metrics", "/api/tags", "/api/ps"):
            assert stranger.get(path).status_code == 401


def test_only_the_page_and_the_login_are_open(client):
    """Every route that is not listed here asks for the password first."""
    is_open = {"/", "/health", "/openapi.json", "/api/version", "/login", "/logout", "/sw.js", "/manifest.webmanifest"}  # fmt: skip
    app = create_app(service_of(Sayer(), Gate(PASSWORD, None)))
    with httpx.Client(base_url=client.base_url) as stranger:
        for route in app.routes:
            path = route.path.replace("{model:path}", "main")
            if path in is_open or path.startswith(("/page/", "/icon-")):
                continue
            method = next(iter(route.methods - {"HEAD"}))
            assert stranger.request(method, path).status_code == 401, path


# ---------------------------------------------------------------- slowness
HALF = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.slow
def test_a_thousand_slow_connections_keep_nobody_out(sayer):
    with serving(sayer, max_connections=64, send_seconds=1.0) as client:
        slow = []
        for _ in range(1000):
            slow.append(connect(client))
            slow[-1].sendall(HALF)
        began = time.monotonic()
        assert client.post(CHAT, json=asked()).status_code == 200
        assert time.monotonic() - began < 1
        time.sleep(2.5)
        closed = sum(_is_closed(connection) for connection in slow)
        for connection in slow:
            connection.close()
    assert closed == 1000


def _is_closed(connection):
    connection.setblocking(False)
    try:
        return connection.recv(100) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@pytest.mark.slow
@pytest.mark.parametrize("piece", [b"X", b"X-Header: 1\r\n"])
def test_a_byte_now_and_then_is_not_enough(sayer, piece):
    with serving(sayer, send_seconds=1.0) as client, connect(client) as slow:
        slow.sendall(HALF)
        with pytest.raises(OSError):
            for _ in range(30):
                time.sleep(0.1)
                slow.sendall(piece)


@pytest.mark.slow
def test_a_slow_body_is_told_so(sayer):
    token = BEARER["Authorization"]
    head = HALF + b"Authorization: " + token + b"\r\nContent-Length: 100\r\n\r\n"
    with serving(sayer, send_seconds=0.5) as client, connect(client) as slow:
        slow.sendall(head + b"{")
        assert slow.recv(1000).split()[1] == b"408"


@pytest.mark.slow
def test_who_does_not_read_is_dropped_and_frees_the_place():
    sayer = Sayer(pieces=("a" * 1_000_000,) * 24)
    with serving(sayer, n_slots=1, send_seconds=0.5) as client, connect(client) as slow:
        body = json.dumps(asked(stream=True)).encode()
        token = BEARER["Authorization"]
        slow.sendall(HALF + b"Authorization: " + token + f"\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)  # fmt: skip
        time.sleep(2)
        sayer.pieces = ("안녕",)
        assert client.post(CHAT, json=asked()).status_code == 200
        with pytest.raises(OSError):
            while slow.recv(1 << 20):
                pass
            raise ConnectionError("ended without its last chunk")


def test_who_leaves_ends_the_reply():
    sayer = Sayer(pieces=("하",) * 1000, pause_seconds=0.01)
    with serving(sayer) as client:
        with client.stream("POST", CHAT, json=asked(stream=True)) as answer:
            next(answer.iter_lines())
        with pytest.raises(httpx.ReadTimeout):
            client.post(CHAT, json=asked(stream=False), timeout=httpx.Timeout(5, read=0.5))
        deadline = time.monotonic() + 5
        while len(sayer.cancelled) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert len(sayer.cancelled) == 2


def test_a_shutdown_ends_streams_by_an_error(monkeypatch):
    monkeypatch.setattr("chatbot.serving.server._GRACE_SECONDS", 0.2)
    service = service_of(Sayer(pieces=("하",) * 5000, pause_seconds=0.01))
    with (
        started(service) as (address, server),
        httpx.stream("POST", f"{address}{CHAT}", json=asked(stream=True)) as answer,
    ):
        lines = answer.iter_lines()
        next(lines)
        server.should_exit = True
        rest = "".join(lines)
    assert '"code":"shutting_down"' in rest[-200:] and "[DONE]" not in rest


# ---------------------------------------------------------------- guessing
def hammer(address, until, n_threads, via):
    """Guess at full speed in threads, each as soon as it is answered; return all statuses."""

    def guess(thread):
        statuses, number = [], 0
        with httpx.Client(base_url=address, timeout=30) as client:
            while not until.is_set():
                number += 1
                word = f"{thread}-{number}"
                if via == "login":
                    answer = client.post("/login", json={"password": word})
                else:
                    answer = client.get("/v1/models", headers={"Authorization": f"Bearer {word}"})
                statuses.append(answer.status_code)
        return statuses

    with concurrent.futures.ThreadPoolExecutor(n_threads) as pool:
        return [status for many in pool.map(guess, range(n_threads)) for status in many]


def seconds_to_log_in(address, **options):
    began = time.monotonic()
    with httpx.Client(base_url=address, timeout=30, **options) as owner:
        while owner.post("/login", json=LOGIN).status_code == 429:
            time.sleep(0.05)
        assert owner.get("/v1/models").status_code == 200
    return time.monotonic() - began


@pytest.mark.slow
@pytest.mark.parametrize("via", ["login", "token"])
def test_the_owner_logs_in_while_somebody_guesses_at_full_speed(via):
    service = service_of(Sayer(), Gate(PASSWORD, None))
    with running(service) as address, concurrent.futures.ThreadPoolExecutor(1) as pool:
        until = threading.Event()
        attack = pool.submit(hammer, address, until, 5, via)
        time.sleep(1)
        elsewhere = httpx.HTTPTransport(local_address="127.0.0.2")
        there = seconds_to_log_in(address, transport=elsewhere)
        here = seconds_to_log_in(address)
        until.set()
        statuses = attack.result()
    assert there < 1 and here < 10
    assert 200 not in statuses and 204 not in statuses
    assert statuses.count(401) < 4 + 20 + 8  # of those that were checked


def test_a_session_chosen_by_somebody_else_is_replaced(client):
    with httpx.Client(base_url=client.base_url) as victim:
        name = f"chatbot_session_{8000}"
        victim.cookies.set(name, "chosen", domain="127.0.0.1")
        assert victim.get("/v1/models").status_code == 401
        cookies = victim.post("/login", json=LOGIN).headers.get_list("set-cookie")
        assert "chosen" not in cookies[0]
        for part in ("HttpOnly", "SameSite=strict", "Path=/"):
            assert part in cookies[0]
        assert "Secure" not in cookies[0]
    with httpx.Client(base_url=client.base_url) as attacker:
        attacker.cookies.set(name, "chosen", domain="127.0.0.1")
        assert attacker.get("/v1/models").status_code == 401


def test_cookies_are_secure_behind_tls(client):
    through = {"x-forwarded-proto": "https", "host": "talk.example.org", "origin": "https://talk.example.org"}  # fmt: skip
    cookies = client.post("/login", json=LOGIN, headers=through).headers.get_list("set-cookie")
    assert len(cookies) == 2 and all("Secure" in cookie for cookie in cookies)


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "cf-connecting-ip"])
def test_a_tunnel_to_a_server_without_a_password_is_shut(sayer, header):
    with serving(sayer, password=None) as client:
        assert client.get("/v1/models").status_code == 200
        assert client.get("/v1/models", headers={header: "6.6.6.6"}).status_code == 403


def test_two_people_share_nothing(client, sayer):
    owners = []
    for _ in range(2):
        with httpx.Client(base_url=client.base_url) as person:
            person.post("/login", json=LOGIN)
            person.post(CHAT, json=asked())
            owners.append(sayer.questions[-1].owner)
            assert sayer.questions[-1].turns == ((None, "오늘 뭐함"),)
    assert owners[0] != owners[1]


def test_html_in_replies_is_json_that_no_browser_runs():
    said = '<script>alert("x")</script>'
    with serving(Sayer(pieces=(said,))) as client:
        answer = client.post(CHAT, json=asked())
        assert answer.json()["choices"][0]["message"]["content"] == said
        for page in (answer, client.get("/", headers={"accept": "text/html"}), client.get("/x")):
            policy = page.headers["content-security-policy"]
            assert "default-src 'none'" in policy and "unsafe" not in policy
            assert page.headers["x-content-type-options"] == "nosniff"


def test_no_text_is_logged(caplog, capfd):
    with caplog.at_level("DEBUG"), serving(Sayer()) as client:
        for stream in (True, False):
            client.post(CHAT, json=asked(stream=stream))
        client.post(CHAT, json={"messages": "오늘 뭐함"})
    shown = capfd.readouterr()
    own = [r.getMessage() for r in caplog.records if r.name.split(".")[0] in ("chatbot", "uvicorn")]
    for text in ("오늘", "뭐함", "안녕", PASSWORD):
        assert text not in "".join([*own, shown.out, shown.err])
