"""The files of the page: served as they are, with strict headers, and no others."""

import re
import struct
import zlib

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from chatbot.serving.icon import draw_icon
from chatbot.serving.page import PageAssets, routes
from chatbot.serving.security import OriginMiddleware

ASSETS = PageAssets()
SCRIPTS = [path for path in ASSETS.contents if path.endswith(".js")]


@pytest.fixture(scope="module")
def client():
    origins = Middleware(OriginMiddleware, host_names=())
    app = Starlette(routes=routes(ASSETS), middleware=[origins])
    return TestClient(app, base_url="http://127.0.0.1")


@pytest.mark.parametrize("path", ASSETS.contents)
def test_every_file_has_its_type_and_strict_headers(client, path):
    response = client.get(path)
    assert response.status_code == 200 and response.content == ASSETS.contents[path]
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cache-control"] == ("no-store" if path == "/" else "no-cache")


def test_page_names_only_files_that_are_served():
    page = ASSETS.contents["/"].decode()
    named = {url for url in re.findall(r'(?:href|src)="([^"]+)"', page) if url.startswith("/")}
    for path in SCRIPTS:
        text = ASSETS.contents[path].decode()
        named |= {f"/page/ui/{name}" for name in re.findall(r"from '\./([\w.]+)'", text)}
    assert named <= set(ASSETS.contents)
    assert "<script>" not in page and "style=" not in page and " onclick" not in page


def test_unchanged_file_is_not_sent_again(client):
    tag = client.get("/page/ui/page.css").headers["etag"]
    assert client.get("/page/ui/page.css", headers={"If-None-Match": tag}).status_code == 304
    assert client.get("/", headers={"If-None-Match": client.get("/").headers["etag"]}).content


@pytest.mark.parametrize(
    "path",
    [
        "/page/ui/",
        "/page/ui/app_file.js",
        "/page/ui/..%2f..%2f__init__.py",
        "/page/ui/%2e%2e/engine/kernel.c",
        "/page/engine/local.js",
        "/page/ui/page.css%00.js",
        "//page/ui/page.css",
    ],
)
def test_no_other_path_is_served(client, path):
    assert client.get(path).status_code == 404
    assert client.post("/").status_code == 405


def test_worker_keeps_the_shell_and_changes_with_it():
    worker = ASSETS.contents["/sw.js"].decode()
    assert worker.startswith("self.shell = {") and f'"version": "{ASSETS.version}"' not in worker
    paths = re.search(r'"paths": \[(.*)\]', worker)[1]
    assert '"/page/ui/page.css"' in paths and "/v1" not in paths and "/sw.js" not in paths
    assert PageAssets().contents["/sw.js"] == ASSETS.contents["/sw.js"]


@pytest.mark.parametrize("size", [192, 512])
def test_icon_is_a_png_with_the_bubble_in_the_middle(size):
    content = draw_icon(size)
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", content[16:24]) == (size, size)
    length = struct.unpack(">I", content[33:37])[0]
    rows = np.frombuffer(zlib.decompress(content[41 : 41 + length]), np.uint8)
    pixels = rows.reshape(size, -1)[:, 1:].reshape(size, size, 3)
    assert pixels[0, 0].tolist() == pixels[-1, -1].tolist() == [15, 118, 110]
    assert pixels[size // 3, size // 2].tolist() == [255, 255, 255]
