"""A query of the settings: one SELECT, or it is refused before the database sees it."""

import re

from chatbot.errors import ConfigError

# String, quoted name, comment: what these contain is no command.
_OPAQUE = re.compile(
    r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|\#[^\n]*|/\*.*?\*/""",
    re.DOTALL,
)
_EXECUTED = re.compile(r"/\*M?!")  # MySQL runs what such comments contain
_WRITES = re.compile(
    r"\b(?:insert|update|delete|replace|merge|drop|alter|create|truncate|grant|revoke|rename|"
    r"call|load|lock|attach|detach|pragma|vacuum|execute|handler|into)\b(?!\s*\()",
    re.IGNORECASE,
)


def require_select(query: str) -> str:
    """Return a query without its last semicolon; raises ConfigError if it is no single SELECT.

    The session is read-only in any case: this check gives the better message.
    """
    text = query.strip().rstrip(";").rstrip()
    bare = _OPAQUE.sub(" ", text)
    if _EXECUTED.search(text) or not re.match(r"\s*\(*\s*(?:select|with)\b", bare, re.IGNORECASE):
        raise _refused("is no SELECT")
    if ";" in bare:
        raise _refused("is more than one statement")
    if match := _WRITES.search(bare):
        raise _refused(f"would write: it contains {match[0].upper()}")
    return text


def _refused(fault: str) -> ConfigError:
    return ConfigError(
        f"`qna.source.query` {fault}", hint="only SELECT is allowed; nothing is ever written"
    )
