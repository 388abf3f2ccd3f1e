"""The messenger page: its files, the icons and the service worker -> routes of the server.

The headers that protect it, of which its scripts need nothing looser, are those of `security`.
"""

import hashlib
import json
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chatbot.serving.icon import draw_icon

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".png": "image/png",
}
_FOLDER = "/page/ui/"
_ONLY_IN_THE_FILE = ("app_file.js", "content.js", "file.js")  # of pages that need no server
_ICON_SIZES = (192, 512)


class Assets:
    """The files of a page by their path."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.contents = contents

    async def respond(self, request: Request) -> Response:
        """Answer with the file of a path; no other path is looked up on the disk."""
        content = self.contents.get(request.url.path)
        if content is None:
            return Response("not found", status_code=404)
        suffix = "." + request.url.path.rpartition(".")[2]
        media_type = _TYPES.get(suffix, _TYPES[".html"])
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        # A file is asked for at every start, so that an upgrade never mixes old and new ones.
        caching = "no-store" if media_type == _TYPES[".html"] else "no-cache"
        headers = {"Cache-Control": caching, "ETag": tag}
        if caching == "no-cache" and request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=media_type, headers=headers)


class PageAssets(Assets):
    """The files of the messenger by their path; they are read and drawn once."""

    def __init__(self) -> None:
        sources = read_files("ui")
        worker = sources.pop("sw.js")
        super().__init__(
            {
                "/": sources.pop("index.html"),
                "/manifest.webmanifest": sources.pop("manifest.webmanifest"),
                **{f"/icon-{size}.png": draw_icon(size) for size in _ICON_SIZES},
                **{f"{_FOLDER}{name}": content for name, content in sorted(sources.items())},
            }
        )
        shell = json.dumps({"version": self.version, "paths": list(self.contents)})
        self.contents["/sw.js"] = f"self.shell = {shell};\n".encode() + worker

    @property
    def version(self) -> str:
        """A digest of all files: a changed one makes browsers fetch the shell anew."""
        digest = hashlib.sha256()
        for path, content in self.contents.items():
            digest.update(f"{path}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()[:16]


def read_files(folder: str) -> dict[str, bytes]:
    """Return the files of a folder of the page by name, without those of pages in one file."""
    return {
        path.name: path.read_bytes()
        for path in (files("chatbot.publishing.page") / "web" / folder).iterdir()
        if path.is_file() and path.name not in _ONLY_IN_THE_FILE
    }


def routes(assets: Assets) -> list[Route]:
    """Return the routes of the page, none of which needs a password."""
    return [Route(path, assets.respond, methods=["GET"]) for path in assets.contents]
