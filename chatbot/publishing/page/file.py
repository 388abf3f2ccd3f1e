"""A model -> one HTML file that talks without a server: the page, its scripts, the locked model."""

import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from chatbot.errors import ConfigError
from chatbot.model.bundle import Bundle
from chatbot.publishing.export import ExportOptions
from chatbot.publishing.page.lock import lock
from chatbot.publishing.page.modules import WEB, bundle_modules
from chatbot.publishing.page.payload import pack
from chatbot.settings.kinds import WeightFormat
from chatbot.settings.schema import Config
from chatbot.storage.files import write_bytes

_DTYPES: dict[str, WeightFormat] = {"int8": "int8", "fp16": "fp16"}
_MOST_BYTES = 256 << 20  # in base64, a text of a browser holds 384 MiB
SERVED = re.compile(r"<!-- served -->.*?<!-- /served -->\n", re.DOTALL)
_CHARSET, _END = '<meta charset="utf-8">\n', "</body>"


def export_page(bundle: Bundle, target: Path, config: Config, options: ExportOptions) -> str:
    """Write a page that holds a model, encrypted with a passphrase; return how to use it."""
    payload = pack(bundle, config, _DTYPES[options.dtype])
    if len(payload) > _MOST_BYTES:
        raise ConfigError(
            f"the page would hold {len(payload) >> 20} MiB; browsers open at most "
            f"{_MOST_BYTES >> 20}",
            hint="choose --dtype int8, train a smaller model, or talk through `chatbot serve`",
        )
    write_bytes(target, page_text(lock(payload, options.passphrase)).encode())
    return "it opens in any current browser, without a network; the passphrase unlocks it"


def page_text(content: bytes) -> str:
    """Return the HTML of a page with locked content."""
    worker = bundle_modules(WEB / "engine/worker.js") + "startWorker(self);\n"
    kernel = b64encode((WEB / "engine/kernel.wasm").read_bytes()).decode()
    texts = {"content": b64encode(content).decode(), "kernel": kernel, "worker": _safe(worker)}
    script = bundle_modules(WEB / "ui/app_file.js")
    return single_file(source("ui/index.html"), source("ui/page.css"), script, texts)


def single_file(page: str, style: str, script: str, texts: Mapping[str, str]) -> str:
    """Return a page with its style, its script and, by id, texts that the script reads.

    `page`: HTML with the marks of ui/index.html.
    """
    policy = _policy(style, _safe(script))
    elements = [_text_element(name, text) for name, text in texts.items()]
    scripts = "\n".join((*elements, f"<script>{script}</script>", _END))
    tag = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
    page = SERVED.sub(lambda _: f"<style>{style}</style>\n", page, 1)
    return page.replace(_CHARSET, _CHARSET + tag, 1).replace(_END, scripts, 1)


def source(name: str) -> str:
    """Return a text of the page's folder."""
    return (WEB / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Return a policy that allows these two texts, a worker of this page, and no connection."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_hash(script)}' 'wasm-unsafe-eval'",
            f"style-src '{_hash(style)}'",
            "worker-src blob:",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _text_element(name: str, text: str) -> str:
    """Return an element that no browser runs: the page reads its text."""
    return f'<script id="{name}" type="text/plain">{text}</script>'


def _safe(script: str) -> str:
    """Raise ValueError for a script that would end its element; "<!--" changes where that is."""
    if re.search(r"</script|<!--", script, re.IGNORECASE):
        raise ValueError("a script of the page contains a mark of HTML")
    return script
