"""The page in one file: it talks without a network, and shows nothing without its passphrase."""

import base64
import gzip
import hashlib
import json
import re

import pytest
from msgspec.structs import replace

from chatbot.crypto.age_keys import new_passphrase
from chatbot.publishing.export import ExportOptions
from chatbot.publishing.page.file import export_page, page_text
from chatbot.publishing.page.lock import unlock
from chatbot.settings.schema import Config, SamplingConfig
from tests.publishing.page.models import content_of, random_bundle

SHAPE = {"n_layer": 2, "n_head": 4, "n_kv_head": 2, "n_embd": 64, "n_hidden": 96, "block_size": 128}
PHRASE = new_passphrase()
CONFIG = replace(
    Config(),
    sampling=SamplingConfig(temperature=0, min_new_tokens=20, forbidden_words=[]),
)
_HELPERS = """
  const bytes = contentOf(document);
  const codeFor = async (content, phrase) => {
    try {
      (await openModel(content, phrase, () => {})).close();
      return 'opened';
    } catch (error) {
      return error.code;
    }
  };
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    target = tmp_path_factory.mktemp("page") / "page.html"
    export_page(random_bundle(dict(SHAPE)), target, CONFIG, ExportOptions("int8", PHRASE))
    return target


@pytest.fixture
def page(new_page, path):
    """The file in a browser without a network, and what it asks for in `page.addresses`."""
    page = new_page(offline=True, locale="en-US")
    page.addresses = []
    page.on("request", lambda request: page.addresses.append(request.url))
    page.goto(path.as_uri())
    return page


def run_in(page, script, *arguments):
    return page.evaluate(f"async (given) => {{{_HELPERS}{script}}}", arguments)


def test_it_opens_and_replies_without_a_network(page, path):
    page.fill("#gate-secret", PHRASE)
    page.click("#gate-action")
    page.fill("#input", "안녕 뭐해?")
    page.click("#send")
    page.wait_for_selector("#retry:visible")
    assert len(page.locator("#log .bubble").all()) >= 2
    opened, worker = page.addresses
    assert opened == path.as_uri() and worker.startswith("blob:null/")


def test_a_page_that_is_cut_off_says_so_and_a_whole_one_does_not(new_page, page, path, tmp_path):
    assert page.locator("#page-opening").count() == 0
    whole = path.read_text(encoding="utf-8")
    cut = tmp_path / "cut.html"
    cut.write_text(whole[: len(whole) // 2], encoding="utf-8")
    page = new_page(offline=True, reduced_motion="reduce")
    page.goto(cut.as_uri())
    page.wait_for_selector("#page-opening:visible", timeout=5000)


def test_a_wrong_passphrase_is_said_and_the_right_one_opens_then(page):
    page.fill("#gate-secret", PHRASE[:-1])
    page.click("#gate-action")
    page.wait_for_selector("#gate-error:not(:empty)")
    page.fill("#gate-secret", f" {PHRASE} ")
    page.click("#gate-action")
    page.wait_for_selector("#input:visible")


def test_a_changed_byte_opens_nothing(page):
    codes = run_in(
        page,
        """const codes = [];
        for (const place of [0, 9, 20, 30, 60, bytes.length - 40, bytes.length - 1]) {
          const changed = bytes.slice();
          changed[place] ^= 1;
          codes.push(await codeFor(changed, given[0]));
        }
        return [...codes, await codeFor(bytes.slice(0, 50), given[0])];""",
        PHRASE,
    )
    assert codes == ["damaged"] * 8


@pytest.mark.slow
def test_a_byte_changed_on_purpose_opens_nothing(page):
    codes = run_in(
        page,
        """const codes = [];
        for (const place of [8, 12, 28, 39, 40, 1000, bytes.length - 33]) {
          const changed = bytes.slice();
          changed[place] ^= 1;
          const digest = await crypto.subtle.digest('SHA-256', changed.subarray(0, -32));
          changed.set(new Uint8Array(digest), changed.length - 32);
          codes.push(await codeFor(changed, given[0]));
        }
        return [...codes, await codeFor(bytes, given[0])];""",
        PHRASE,
    )
    assert codes == ["wrong-passphrase"] * 7 + ["opened"]


def test_a_reply_can_be_stopped_and_another_asked_for(page):
    last, n_texts, reason = run_in(
        page,
        """const backend = await openModel(bytes, given[0], () => {});
        const request = {turns: [{persona: null, text: '안녕'}], persona: backend.personas[0].id};
        const stop = new AbortController();
        let error = null;
        try {
          for await (const event of backend.reply(request, stop.signal)) {
            if (event.kind === 'text') {
              stop.abort();
            }
          }
        } catch (caught) {
          error = caught.name;
        }
        const events = [];
        for await (const event of backend.reply(request, new AbortController().signal)) {
          events.push(event);
        }
        return [error, events.filter(({kind}) => kind === 'text').length, events.at(-1).reason];""",
        PHRASE,
    )
    assert last == "AbortError" and n_texts > 1 and reason in ("stop", "length")


def test_the_page_goes_on_while_a_reply_is_computed(page):
    longest = run_in(
        page,
        """const backend = await openModel(bytes, given[0], () => {});
        let [longest, last] = [0, performance.now()];
        const clock = setInterval(() => {
          longest = Math.max(longest, performance.now() - last);
          last = performance.now();
        }, 5);
        const turns = [{persona: null, text: '긴 말 '.repeat(300)}];
        for await (const event of backend.reply({turns, persona: '0'}, new AbortController().signal));
        clearInterval(clock);
        return longest;""",
        PHRASE,
    )
    assert longest < 1000


def test_nothing_is_readable_without_the_passphrase(path):
    bundle = random_bundle(dict(SHAPE))
    vocabulary = [entry for entry in bundle.tokenizer.vocabulary if len(entry) > 9]
    planted = ["<|bos|>", "embed_tokens", "vocab", "sampling", *vocabulary]
    raw, content = path.read_bytes(), content_of(path)
    scripts = re.sub(rb"<(script|style).*?</\1>", b"", raw, flags=re.DOTALL)
    for word in planted:
        assert word.encode() not in content and word.encode() not in scripts
        assert base64.b64encode(word.encode())[:-4] not in raw.split(b'id="worker"')[0]


def test_the_content_is_the_model_and_its_settings(path):
    payload = unlock(content_of(path), PHRASE)
    end = 4 + int.from_bytes(payload[:4], "little")
    description = json.loads(gzip.decompress(payload[4:end]))
    assert description["sampling"]["min_new_tokens"] == 20
    assert description["personas"] == [{"id": "0", "name": ""}]


def test_its_policy_allows_its_own_texts_and_no_connection(path):
    text = path.read_text(encoding="utf-8")
    policy = re.search('http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none'; ") and "connect-src" not in policy
    script, style = (
        re.search(f"<{name}>(.*?)</{name}>", text, re.DOTALL)[1] for name in ("script", "style")
    )
    for part in (script, style):
        digest = base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert not re.search(r"(?:src|href)=\"(?!data:)", text.split("<body>")[0])


def test_on_an_insecure_origin_the_reason_is_said(new_page, path):
    page = new_page()
    page.route("http://page.test/", lambda route: route.fulfill(path=path))
    page.goto("http://page.test/")
    assert run_in(page, "return codeFor(bytes, 'any');") == "no-crypto"


def test_a_page_without_content_says_so(new_page, tmp_path):
    (tmp_path / "page.html").write_text(page_text(b""), encoding="utf-8")
    page = new_page()
    page.goto((tmp_path / "page.html").as_uri())
    code = page.evaluate("() => { try { contentOf(document); } catch (e) { return e.code; } }")
    assert code == "no-content"


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["int8", "fp16"])
def test_the_file_is_at_most_one_and_a_half_times_its_weights(tmp_path, dtype):
    shape = {**SHAPE, "n_layer": 4, "n_kv_head": 4, "n_embd": 256, "n_hidden": 704}
    bundle = random_bundle(shape)
    export_page(bundle, tmp_path / "page.html", CONFIG, ExportOptions(dtype, PHRASE))
    n_bytes = bundle.n_params * {"int8": 1, "fp16": 2}[dtype]
    assert (tmp_path / "page.html").stat().st_size <= 1.5 * n_bytes
