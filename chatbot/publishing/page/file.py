"""A model -> one HTML file that talks without a server: the page, its scripts, the locked model."""

import re
from base64 import b64encode
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
_SERVED = re.compile(r"<!-- served -->.*?<!-- /served -->\n", re.DOTALL)
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
    style = _source(WEB / "ui/page.css")
    script = _safe(bundle_modules(WEB / "ui/app_file.js"))
    worker = _safe(bundle_modules(WEB / "engine/worker.js") + "startWorker(self);\n")
    kernel = b64encode((WEB / "engine/kernel.wasm").read_bytes()).decode()
    policy = f'<meta http-equiv="Content-Security-Policy" content="{_policy(style, script)}">\n'
    scripts = "\n".join(
        (
            _text_element("content", b64encode(content).decode()),
            _text_element("kernel", kernel),
            _text_element("worker", worker),
            f"<script>{script}</script>",
            _END,
        )
    )
    page = _SERVED.sub(lambda _: f"<style>{style}</style>\n", _source(WEB / "ui/index.html"), 1)
    return page.replace(_CHARSET, _CHARSET + policy, 1).replace(_END, scripts, 1)


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


def _source(path: Path) -> str:
    return path.read_text(encoding="utf-8")
