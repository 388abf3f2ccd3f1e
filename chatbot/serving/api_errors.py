"""Why a request is not served: a status, a sentence, and codes that programs understand."""

import logging
import traceback
from http import HTTPStatus
from pathlib import Path

_LOG = logging.getLogger("chatbot.serving")

_KINDS = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}


class ApiError(Exception):
    """An answer of 400 and above; `param` names the field of the request, if it is one.

    `code` is what a program tells refusals apart by, and translates. Neither the message nor the
    code holds text of a conversation.
    """

    def __init__(
        self, status: int, message: str, *, code: str, param: str | None = None, wait: int = 0
    ) -> None:
        super().__init__(message)
        self.status = HTTPStatus(status)
        self.code = code
        self.param = param
        self.wait_seconds = wait

    @property
    def kind(self) -> str:
        """The class of error that clients of OpenAI know."""
        if self.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return "server_error"
        return _KINDS.get(self.status, "invalid_request_error")

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the answer: when to try again, how to log in."""
        if self.status is HTTPStatus.UNAUTHORIZED:
            return {"www-authenticate": "Bearer"}
        return {"retry-after": str(self.wait_seconds)} if self.wait_seconds else {}


def invalid(message: str, param: str | None = None, code: str = "invalid_request") -> ApiError:
    """Return the error of a request with a wrong field."""
    return ApiError(400, message, code=code, param=param)


def unsupported(param: str) -> ApiError:
    """Return the error of a field that would change the answer and has no effect here."""
    return invalid(f"{param} would have no effect here; leave it out", param, "unsupported")


def stopping() -> ApiError:
    """Return the error of a reply that a shutdown of the server ends."""
    return ApiError(503, "the server is shutting down", code="shutting_down", wait=30)


def error_of_exception(error: Exception) -> ApiError:
    """Log where an unexpected error came from, never its text; return the error that follows."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(frames[-4:]))
    _LOG.error("%s at %s", type(error).__name__, places)
    return ApiError(500, "the server made a mistake; its log says where", code="internal_error")
