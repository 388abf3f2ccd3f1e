"""A Kakao channel for tests: its requests, and a server that takes late answers."""

import contextlib
import json
import socket
import ssl
import threading
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec.structs import replace

from chatbot.serving.kakao.skill import PATH, KakaoParts, KakaoSkill
from chatbot.serving.skill_replies import SkillReplier
from chatbot.serving.skills import guide, reset
from chatbot.serving.skills.assistant import Assistant
from chatbot.serving.skills.interface import Context
from chatbot.settings.schema import KakaoConfig
from tests.serving.servers import service_of

SECRET = "jugos-bilak-nomet-tarip-kelun-dosaf"  # noqa: S105 of the tests
HEADER = {"X-Chatbot-Secret": SECRET}
CALLBACK = "https://bot-api.kakao.com/v1/bots/5f1/callback/a1b2c3"
SETTINGS = KakaoConfig(enabled=True, callback_seconds=5)
HASTY = replace(SETTINGS, answer_seconds=0.3)  # for a bot that does not answer in time


def payload(utterance="안녕\n", user="0123abcd", **request):
    """A request as documented, with fields that are not used."""
    return {
        "intent": {
            "id": "i1",
            "name": "폴백 블록",
            "extra": {"reason": {"code": 1, "message": "OK"}},
        },
        "userRequest": {
            "timezone": "Asia/Seoul",
            "params": {"surface": "Kakaotalk.plusfriend", "ignoreMe": "true"},
            "block": {"id": "b1", "name": "폴백 블록"},
            "utterance": utterance,
            "lang": "ko",
            "user": {
                "id": user,
                "type": "botUserKey",
                "properties": {"botUserKey": user, "plusfriendUserKey": "xyz", "isFriend": True},
            },
            **request,
        },
        "contexts": [],
        "bot": {"id": "bot1", "name": "my-bot"},
        "action": {
            "id": "a1",
            "name": "skill",
            "params": {},
            "detailParams": {},
            "clientExtra": {},
        },
        "flow": {"trigger": {"type": "TEXT_INPUT"}, "lastBlock": {"id": "", "name": ""}},
    }


class Posted:
    """A poster that remembers what it would have posted, and has an outcome."""

    def __init__(self, outcome="success"):
        self.outcome, self.posts, self.is_posted = outcome, [], threading.Event()

    def post(self, address, content):
        self.posts.append((address, json.loads(content)))
        self.is_posted.set()
        return self.outcome


def kakao_service(replier, poster=None, settings=SETTINGS, **limits):
    """A service with the skill server, and the skills that it requires."""
    skills = [reset, guide]
    lines = tuple(skill.HELP for skill in skills)
    assistant = Assistant(skills, Context(None, None, None, None, lines=lines))
    service = service_of(SkillReplier(replier, assistant), kakao=settings, **limits)
    parts = KakaoParts(
        SECRET.encode(), poster or Posted(), assistant.resets, service.metrics.called_back
    )
    kakao = KakaoSkill(service.conversations, service.rules, parts)
    return type(service)(**{**vars(service), "kakao": kakao})


def said(client, utterance="안녕\n", headers=HEADER, **request):
    """The answer to a message."""
    return client.post(PATH, json=payload(utterance, **request), headers=headers)


def texts(answer):
    """The texts of an answer's bubbles."""
    assert answer.status_code == 200, answer.text
    return [output["simpleText"]["text"] for output in answer.json()["template"]["outputs"]]


def certified(host, folder):
    """Contexts of a server with a certificate for a host, and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{host}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    path.write_bytes(private + public)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=public.decode())


@contextlib.contextmanager
def callback_server(context, status=200, body=b'{"taskId": "t", "status": "SUCCESS"}', **headers):
    """Yield the port of a server that takes late answers, and what it was sent."""
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["content-length"])
            received.append((self.headers["host"], self.path, self.rfile.read(length)))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *arguments: None  # a client that does not trust us leaves
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port, received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def redirected(monkeypatch, port):
    """Let every name resolve to a port of this computer; return the names that were asked for."""
    asked, connect = [], socket.create_connection

    def here(address, *arguments, **options):
        asked.append(address)
        return connect(("127.0.0.1", port), *arguments, **options)

    monkeypatch.setattr(socket, "create_connection", here)
    return asked


def limited(**fields):
    """The settings of the skill server, with other values."""
    return replace(SETTINGS, **fields)
