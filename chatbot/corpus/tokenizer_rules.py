"""Checks of a tokenizer.json before the tokenizers library reads it.

The library is written for trusted files: a chain of replacements can exhaust memory, a pattern can
run forever, an invalid one panics. In vocabularies of this program, every value except entries and
merges is fixed. Those of bases combine parts of many kinds: the kinds, their number, and the growth
of text are limited.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from chatbot.errors import CorpusError
from chatbot.storage.strict_json import read_json

MAX_VOCAB = 1 << 16  # of this program: token files have 16 bits
_MAX_OWN_VALUES = 8 * MAX_VOCAB
_MAX_VALUES = 2_000_000  # of bases: Gemma's 262,144 entries and 514,906 merges
_MAX_ID = 1 << 20
_MAX_PARTS, _MAX_REGEXES, _MAX_PATTERN, _MAX_PREFIX = 24, 8, 4096, 8
_MAX_CHARSMAP = 1 << 20
_STEPS = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
_KINDS = {
    "normalizer": (
        "Sequence NFC NFD NFKC NFKD Nmt Lowercase Strip StripAccents BertNormalizer Precompiled "
        "Prepend Replace ByteLevel"
    ),
    "pre_tokenizer": (
        "Sequence ByteLevel Metaspace Whitespace WhitespaceSplit Split Punctuation Digits "
        "BertPreTokenizer UnicodeScripts CharDelimiterSplit"
    ),
    "post_processor": "Sequence ByteLevel TemplateProcessing RobertaProcessing BertProcessing",
    "decoder": (
        "Sequence ByteLevel Metaspace WordPiece BPEDecoder CTC Replace ByteFallback Fuse Strip"
    ),
    "model": "BPE Unigram WordPiece WordLevel",
}
_LISTS = ("normalizers", "pretokenizers", "processors", "decoders")
# A pattern without repeated groups needs at most polynomial time. Removed first: what only looks
# like a group.
_ESCAPE_OR_CLASS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_UNBOUNDED = re.compile(
    r"\)[+*{]"  # a repeated group
    r"|\(\?(?!:|=|!|<=|<!|>|i:|i\))"  # names, conditions, comments, other flags
    r"|\{\d{4}|,\d{4}"
)
_REFERENCE = re.compile(r"\\[gk1-9]")


def own_document(added: list[str], vocab: dict[str, int], merges: list[Any]) -> dict[str, Any]:
    """Return the content of a tokenizer.json as this program writes it."""
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    added_tokens = [
        {"id": token, "content": content, **flags, "special": True}
        for token, content in enumerate(added)
    ]
    byte_level = {"type": "ByteLevel", "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added_tokens,
        "normalizer": None,
        "pre_tokenizer": {**byte_level, "add_prefix_space": False},
        "post_processor": None,
        "decoder": {**byte_level, "add_prefix_space": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": merges,
        },
    }


def require_own(text: str, control: Callable[[int], list[str]], alphabet: set[str]) -> None:
    """Raise CorpusError unless a tokenizer.json is one that this program writes.

    `control`: the control tokens, which have the first ids. `alphabet`: the characters for bytes,
    each of which is an entry.
    """
    try:
        content = read_json(text, _MAX_OWN_VALUES)
        vocab, merges = content["model"]["vocab"], content["model"]["merges"]
        added = control(len(content["added_tokens"]))
        if content != own_document(added, vocab, merges):
            raise ValueError("another program wrote it")
        if sorted(vocab.values()) != [*range(len(vocab))]:
            raise ValueError("its ids are not consecutive")
        entries = vocab.keys() - {*added}
        if [vocab[token] for token in added] != [*range(len(added))] or not entries >= alphabet:
            raise ValueError("a control token or a byte is missing")
        if len(vocab) > MAX_VOCAB or not alphabet.issuperset("".join(entries)):
            raise ValueError("an entry does not consist of bytes")
        if not vocab.keys() >= {*_entries_of(merges)}:
            raise ValueError("the result of a merge is not an entry")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged_tokenizer() from error


def _entries_of(merges: list[Any]) -> Iterator[str]:
    """Yield both parts and the result of every merge; older versions write "a b"."""
    for merge in merges:
        first, second = merge.split(" ") if isinstance(merge, str) else merge
        yield from (first, second, first + second)


def require_harmless(text: str) -> Any:
    """Return the content of a base's tokenizer.json; raises CorpusError for harmful content."""
    try:
        content = read_json(text, _MAX_VALUES)
        parts = [(step, part) for step in _STEPS for part in _parts(content, step)]
        for step, part in parts:
            _require_part(part, _KINDS[step].split())
        n_regexes = sum("Regex" in part.get("pattern", {}) for _, part in parts)
        if len(parts) > _MAX_PARTS or n_regexes > _MAX_REGEXES:
            raise ValueError("it has too many parts")
        if content["model"]["type"] not in _KINDS["model"].split():
            raise ValueError("its model is of an unknown kind")
        ids = [entry["id"] for entry in content["added_tokens"]]
        vocab = content["model"]["vocab"]
        ids += vocab.values() if isinstance(vocab, dict) else [len(vocab)]
        if not all(type(token) is int and 0 <= token < _MAX_ID for token in ids):
            raise ValueError("an id is out of range")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged_tokenizer() from error
    return content


def _parts(content: dict[str, Any], step: str) -> Iterator[dict[str, Any]]:
    """Yield the parts of a step, with sequences flattened."""
    waiting = [content.get(step)]
    while waiting:
        part = waiting.pop()
        if part is not None:
            yield part
            waiting += [inner for name in _LISTS for inner in part.get(name, [])]


def _require_part(part: dict[str, Any], kinds: list[str]) -> None:
    """Raise ValueError for a part of an unknown kind, or one with unbounded output or time."""
    if part["type"] not in kinds:
        raise ValueError("a part is of an unknown kind")
    pattern = part.get("pattern", {})
    plain, regex = (pattern.get(kind, "") for kind in ("String", "Regex"))
    is_unbounded = _UNBOUNDED.search(_ESCAPE_OR_CLASS.sub("x", regex)) or _REFERENCE.search(regex)
    if len(regex) > _MAX_PATTERN or is_unbounded:
        raise ValueError("a pattern could run forever")
    if len(part.get("precompiled_charsmap") or "") > _MAX_CHARSMAP:
        raise ValueError("a table is too large")
    # A replacement must not be longer than its pattern; a regex may match the empty string
    # everywhere.
    is_growing = len(part.get("content", "")) > max(len(plain), 1)
    if is_growing or len(part.get("prepend", "")) > _MAX_PREFIX:
        raise ValueError("a text could grow")


def damaged_tokenizer() -> CorpusError:
    """Return the error of an invalid tokenizer.json."""
    return CorpusError(
        "tokenizer.json is damaged, or another program wrote it",
        hint="run `chatbot preprocess` again, or ask for the model again",
    )
