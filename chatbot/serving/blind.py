"""A blind test -> an application: its page, the questions and the answers behind the password."""

from collections.abc import Callable

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chatbot.errors import ChatbotError
from chatbot.publishing.page.blind import served_blind_page
from chatbot.serving.api_errors import invalid
from chatbot.serving.app import protected
from chatbot.serving.authentication import AuthenticationMiddleware, Authenticator
from chatbot.serving.body import read_body
from chatbot.serving.page import Assets, read_files, routes
from chatbot.serving.requests import decoded
from chatbot.settings.schema import ServeConfig

_FOLDERS = ("ui", "blind")
_TYPES = (".js", ".css")
_CODE_BYTES = 1024


class CodeRequest(msgspec.Struct, frozen=True):
    """The body of POST /blind/answers."""

    code: str


class Idle:
    """The work of a server that answers everything at once."""

    async def close(self, patience_seconds: float) -> None:
        """Nothing runs."""


def blind_assets() -> Assets:
    """Return the page and its scripts and styles."""
    contents = {
        f"/page/{folder}/{name}": content
        for folder in _FOLDERS
        for name, content in sorted(read_files(folder).items())
        if name.endswith(_TYPES) and name != "sw.js"
    }
    return Assets({"/": served_blind_page().encode(), **contents})


def create_blind_app(
    questions: bytes,
    count: Callable[[str], None],
    authenticator: Authenticator,
    limits: ServeConfig,
) -> Starlette:
    """Return the application of a test; `count` is called with the code of each friend.

    What it raises as ChatbotError is a refusal.
    """

    async def ask(request: Request) -> Response:
        del request
        return Response(questions, media_type="application/json")

    async def take(request: Request) -> Response:
        body = decoded(await read_body(request, limits, _CODE_BYTES), CodeRequest)
        try:
            count(body.code)
        except ChatbotError as error:
            raise invalid(str(error), "code") from error
        return Response(status_code=204)

    guard = [Middleware(AuthenticationMiddleware, authenticator=authenticator)]
    own = [
        Route("/login", authenticator.log_in, methods=["POST"]),
        Route("/logout", authenticator.log_out, methods=["POST"]),
        Route("/blind/questions", ask, methods=["GET"], middleware=guard),
        Route("/blind/answers", take, methods=["POST"], middleware=guard),
    ]
    return protected([*routes(blind_assets()), *own], limits)
