"""The page that is one file: its lock, and its sentences where it cannot be opened."""

import base64
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from tests.serving.page.scripted import serving

pytestmark = pytest.mark.slow
UI = Path(__file__).parents[3] / "chatbot/publishing/page/web/ui"
CONTENT = bytes(range(256)) * 3000 + b"end"
ENGINE = """
import {BackendError} from '/page/ui/backend.js';
export async function openModel(content, passphrase, onProgress) {
  onProgress({stage: 'opening', done: 1, total: 4});
  await new Promise((done) => setTimeout(done, 300));
  if (passphrase !== 'amber tide') throw new BackendError('wrong-passphrase');
  if (content.length !== 768003 || content[256 * 3000] !== 101) throw new BackendError('damaged');
  if (globalThis.tooSmall) throw new RangeError('Array buffer allocation failed');
  const historyKey = await crypto.subtle.generateKey(
    {name: 'AES-GCM', length: 256}, false, ['encrypt', 'decrypt']);
  return {
    storageKey: 'k', isFast: false, historyKey, personas: [{id: 'a', name: '하늘'}], close() {},
    async *reply() {
      yield {kind: 'text', text: '여기 있어'};
      yield {kind: 'end', reason: 'stop'};
    },
  };
}
"""


@pytest.fixture
def page(new_page):
    """The page as a file would hold it, with an engine that opens for one passphrase."""
    html = (UI / "index.html").read_text(encoding="utf-8").replace("app_server.js", "app_file.js")
    content = base64.b64encode(CONTENT).decode()
    element = f'<script id="content" type="text/plain">\n{content}\n</script></body>'

    async def answer(request):
        path = request.url.path
        if path == "/":
            text = html if "empty" in request.url.query else html.replace("</body>", element)
            return Response(text, media_type="text/html")
        if path == "/page/engine/local.js":
            return Response(ENGINE, media_type="text/javascript")
        file = UI / path.rpartition("/")[2]
        kind = {".js": "text/javascript", ".css": "text/css"}.get(file.suffix)
        return Response(file.read_bytes() if kind else b"", media_type=kind)

    with serving(Starlette(routes=[Route("/{path:path}", answer)])) as address:
        opened = new_page(locale="ko-KR", base_url=address)
        opened.set_default_timeout(8000)
        yield opened


def unlock(page, passphrase):
    page.fill("#gate-secret", passphrase)
    page.click("#gate-action")


def test_passphrase_opens_and_locking_closes(page):
    page.goto("/")
    assert "하늘" not in page.content()
    unlock(page, "amber tide")
    page.get_by_text("챗봇을 열고 있어요 (25%)").wait_for()
    page.fill("#input", "안녕")
    page.keyboard.press("Enter")
    page.get_by_text("여기 있어").wait_for()
    page.click("#menu-open")
    page.click("#leave")
    page.wait_for_selector("#gate-secret:visible")


def test_stored_messages_are_sealed_with_the_key_of_the_file(page):
    page.goto("/")
    unlock(page, "amber tide")
    page.fill("#input", "비밀이야")
    page.keyboard.press("Enter")
    page.get_by_text("여기 있어").wait_for()
    rows = page.evaluate(
        """async () => {
          const wait = (request) => new Promise((done) => { request.onsuccess = () => done(request.result); });
          const database = await wait(indexedDB.open('chatbot'));
          const rows = await wait(database.transaction('messages').objectStore('messages').getAll());
          return rows.map((row) => [Object.keys(row).sort().join(), row.sealed.byteLength > 30]);
        }"""
    )
    assert rows == [["id,iv,room,sealed", True]] * 2


def test_wrong_passphrase_is_a_sentence_in_both_languages(page):
    page.goto("/")
    unlock(page, "amber tide!")
    page.get_by_text("암호가 맞지 않아요.").wait_for()
    page.click("[data-language=en]")
    page.get_by_text("This is not the passphrase.").wait_for()
    assert page.locator("#gate-action").is_enabled()


@pytest.mark.parametrize(
    ("broken", "path", "sentence"),
    [
        ("globalThis.tooSmall = true", "/", "이 기기의 메모리가 부족해요."),
        ("1", "/?empty", "이 파일에는 챗봇이 들어 있지 않아요."),
        (
            "addEventListener('DOMContentLoaded', () => {"
            "  document.getElementById('content').textContent = '한글'; })",
            "/",
            "파일이 손상됐어요.",
        ),
    ],
)
def test_file_that_cannot_be_opened_is_a_sentence(page, broken, path, sentence):
    page.add_init_script(broken)
    page.goto(path)
    unlock(page, "amber tide")
    page.get_by_text(sentence).wait_for()


def test_address_without_cryptography_says_what_to_do(page):
    page.add_init_script("Object.defineProperty(crypto, 'subtle', {value: undefined})")
    page.goto("/")
    page.get_by_text("파일을 기기에 저장해서 열거나").wait_for()
    assert page.locator("#gate-secret").is_hidden()


def test_browser_without_webassembly_is_slower_and_goes_on(page):
    page.add_init_script("delete globalThis.WebAssembly")
    page.goto("/")
    page.get_by_text("WebAssembly가 없어서").wait_for()
    unlock(page, "amber tide")
    page.locator(".notice").get_by_text("WebAssembly가 없어서").wait_for()
