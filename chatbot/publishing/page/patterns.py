"""Patterns of Python -> patterns of JavaScript, so that the page has ours and no second copy."""

import re
from collections.abc import Iterator
from functools import cache

# Escapes for which Python and JavaScript mean different characters.
_WORD, _DIGIT = r"\p{L}\p{N}_", r"\p{Nd}"
_AS_THEY_ARE = frozenset(r"^$\.*+?()[]{}|/nrtfvx")
_AT_END = r"(?=\n?(?![^]))"
_GROUPS = {"(?P<": "(?<", "(?-i:": "(?:"}


def js_pattern(pattern: re.Pattern[str]) -> tuple[str, str]:
    """Return the source and the flags of a pattern that finds the same in JavaScript.

    A part that distinguishes case, `(?-i:...)`, does not there. Raises ValueError for what is not
    translated.

    >>> js_pattern(re.compile("(?P<name>[0-9])"))
    ('(?<name>[0-9])', 'gu')
    """
    flags = "giu" if pattern.flags & re.IGNORECASE else "gu"
    if pattern.flags & ~(re.IGNORECASE | re.UNICODE):
        raise ValueError("a flag is not translated")
    return "".join(_translated(pattern.pattern)), flags


def _translated(source: str) -> Iterator[str]:
    place = 0
    while place < len(source):
        group = next((start for start in _GROUPS if source.startswith(start, place)), None)
        if group is not None:
            yield _GROUPS[group]
            place += len(group)
        elif source[place] == "[":
            end = _end_of_class(source, place)
            yield _class(source[place + 1 : end])
            place = end + 1
        elif source[place] == "\\":
            token, place = _escape(source, place)
            yield _outside_class(token)
        else:
            yield {".": r"[^\n]", "$": _AT_END}.get(source[place], source[place])
            place += 1


def _end_of_class(source: str, place: int) -> int:
    """Return the place of the bracket that ends a class."""
    place += 2  # its first character may be a bracket
    while source[place] != "]":
        place += 2 if source[place] == "\\" else 1
    return place


def _class(content: str) -> str:
    """Translate the content of a class; one without [^\\S] or [^\\W] stays a class."""
    is_negated = content.startswith("^")
    place, parts, excluded = int(is_negated), [], []
    while place < len(content):
        if content[place] != "\\":
            parts.append(content[place])
            place += 1
            continue
        token, place = _escape(content, place)
        if token in (r"\S", r"\W"):
            excluded.append(_inside_class(token.lower()))
        else:
            parts.append(_inside_class(token))
    if not excluded:
        return f"[{'^' * is_negated}{''.join(parts)}]"
    if not is_negated or len(excluded) > 1:
        raise ValueError("a class is not translated")
    rest = f"(?![{''.join(parts)}])" if parts else ""
    return f"(?:{rest}[{excluded[0]}])"


def _escape(source: str, place: int) -> tuple[str, int]:
    """Return the escape at a place, without its backslash if it needs none, and what follows."""
    char = source[place + 1]
    if char in "uU":
        end = place + 2 + (4 if char == "u" else 8)
        return f"\\u{{{int(source[place + 2 : end], 16):x}}}", end
    if char in "bBAZ0":
        raise ValueError(f"the escape \\{char} is not translated")
    is_needed = char in _AS_THEY_ARE or char in "dDwWsS-123456789"
    return ("\\" if is_needed else "") + char, place + 2


def _outside_class(token: str) -> str:
    plain = {r"\d": _DIGIT, r"\D": r"\P{Nd}", r"\-": "-"}
    if token in (r"\s", r"\w", r"\S", r"\W"):
        return f"[{'^' * token[1].isupper()}{_inside_class(token.lower())}]"
    return plain.get(token, token)


def _inside_class(token: str) -> str:
    return {r"\d": _DIGIT, r"\w": _WORD, r"\s": _spaces()}.get(token, token)


@cache
def _spaces() -> str:
    r"""Return the content of a class with what \s finds in Python."""
    codes = [code for code in range(0x10000) if chr(code).isspace()]
    return "".join(f"\\u{{{code:x}}}" for code in codes)
