"""The tokenizer of a pretrained base, and the frames that its chat template puts around turns."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np
from tokenizers import AddedToken

from chatbot.corpus.tokenizer import (
    BpeTokenizer,
    Ids,
    TextCodec,
    Tokenizer,
    byte_chars,
    read_backend,
)
from chatbot.corpus.tokenizer_rules import require_harmless
from chatbot.errors import CorpusError
from chatbot.storage.strict_json import read_json

TOKENIZER_FILE, FORM_FILE = "tokenizer.json", "form.json"
_MAX_FORM_VALUES = 10_000
_AGAIN = "run `chatbot preprocess` again"
LINE = "\n"
_SPACE = "\u2581"  # SentencePiece's symbol for a space
_WORD = "zaqua"  # placeholder of a message while frames are extracted
Encode: TypeAlias = Callable[[str], tuple[int, ...]]
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
# NFKC form of a single jamo, as in ㅋㅋ -> the usual form. Vocabularies of normalized text
# contain only the former; syllables are never decomposed there.
_LONE_JAMO = {
    ord(unicodedata.normalize("NFKC", chr(code))): chr(code) for code in range(0x3131, 0x3164)
}
# Added tokens that are not words: <think>, <unused0>, [gMASK]; some files do not mark them special.
_LOOKS_LIKE_CONTROL = re.compile(r"<[^<>\s]+>|\[[^\[\]\s]+\]")


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """The frames of turns, as text that contains control tokens: form.json.

    `chat`: those of the base's chat template, with the bot as the assistant. `plain`: this
    program's own, with a control token for each speaker. `raw`: text without speakers. `added`:
    tokens that the base lacks. `opening`: start of speaker 1's first turn, where some templates put
    the system prompt.
    """

    kind: Literal["chat", "plain", "raw"]
    prefix: str
    heads: list[str]
    tails: list[str]
    added: list[str] = []
    opening: str = ""


class Frames(NamedTuple):
    """The frames of turns as tokens."""

    prefix: tuple[int, ...]
    opening: tuple[int, ...]
    heads: list[tuple[int, ...]]
    tails: list[tuple[int, ...]]

    @staticmethod
    def alone(form: Form, encode: Encode) -> "Frames":
        """Tokenize frames that consist of control tokens only."""
        heads, tails = map(encode, form.heads), map(encode, form.tails)
        return Frames(encode(form.prefix), (), list(heads), list(tails))


def chat_frames(form: Form, encode: Encode) -> Frames:
    """Tokenize frames as they are tokenized with text inside.

    SentencePiece includes the space before a word in its token, and some vocabularies join line
    breaks: a frame alone would give other tokens. Raises CorpusError if text inside frames gives
    other tokens than alone.
    """
    (bot, other), (bot_tail, other_tail) = form.heads, form.tails
    asked = f"{other}{form.opening}{_WORD}{other_tail}"
    answered = f"{asked}{bot}{_WORD}{bot_tail}"
    word = encode(_WORD)

    def parts(text: str, n_words: int) -> list[tuple[int, ...]]:
        return _split(encode(form.prefix + text), word, n_words)

    begin, after_question, after_reply, after_all = parts(
        f"{answered}{other}{_WORD}{other_tail}", 3
    )
    ended = parts(answered, 2)[-1]
    opened = _split(encode(f"{form.prefix}{other}{_WORD}"), word, 1)[0]
    head = after_reply[len(ended) :]
    prefix = opened[: len(opened) - len(head)]
    is_framed = (
        after_question[: len(after_all)] == after_all
        and after_reply[: len(ended)] == ended
        and opened == prefix + head
        and begin[: len(opened)] == opened
    )
    if not is_framed:
        raise _joined()
    heads = [after_question[len(after_all) :], head]
    return Frames(prefix, begin[len(opened) :], heads, [ended, after_all])


def _split(tokens: tuple[int, ...], word: tuple[int, ...], n_words: int) -> list[tuple[int, ...]]:
    """Return the tokens before, between and after the texts; CorpusError if theirs differ."""
    parts = []
    for _ in range(n_words):
        place = _find(word, tokens)
        if place is None:
            raise _joined()
        parts.append(tokens[:place])
        tokens = tokens[place + len(word) :]
    return [*parts, tokens]


def _find(part: Sequence[int], tokens: Sequence[int]) -> int | None:
    """Return the position of some tokens in others; None if they do not occur."""
    last = len(tokens) - len(part)
    whole = tuple(part)
    return next((i for i in range(last + 1) if tuple(tokens[i : i + len(whole)]) == whole), None)


def _joined() -> CorpusError:
    return CorpusError(
        "the base's tokenizer encodes the text of a turn differently inside its chat template "
        "than alone",
        hint="set model.form: plain in configs/sft.yaml, or leave model.system_prompt empty",
    )


class BaseTokenizer(TextCodec):
    """A base's tokenizer.json with a form of turns. Text never becomes a control token."""

    n_speakers: int
    added_ids: list[int]  # tokens that the base lacks
    unknown_id: int | None  # id of `<unk>`, if the vocabulary has it

    def __init__(self, text: str, form: Form) -> None:
        """Load; raises CorpusError if a form has no end of reply, or frames that look like text."""
        self.text, self.form = text, form
        content = require_harmless(text)
        self._decoder = _decoder_of(content)
        self._backend, framing = read_backend(text), read_backend(text)
        self._backend.encode_special_tokens = True
        self._control = {entry["id"] for entry in content["added_tokens"] if entry["special"]}
        self.vocab_size = 1 + max(self._backend.get_vocab(with_added_tokens=True).values())
        self.bos_id = (
            self.vocab_size
        )  # marks the start of sessions in the files; no network reads it
        self.n_speakers = len(form.heads)
        if len(form.tails) != self.n_speakers:
            raise ValueError("a speaker's turns have no end token")
        self.unknown_id = self._backend.token_to_id(content["model"].get("unk_token") or "")
        vocabulary = self._backend.get_vocab(with_added_tokens=True)
        self.added_ids = [vocabulary[token] for token in form.added]

        def encode(part: str) -> tuple[int, ...]:
            return tuple(framing.encode(part, add_special_tokens=False).ids)

        frames = chat_frames(form, encode) if form.kind == "chat" else Frames.alone(form, encode)
        self.prefix, self.opening = frames.prefix, frames.opening
        self._heads, self._tails = frames.heads, frames.tails
        # Turn prefixes that are ordinary text: messages must not contain them.
        self._written = [h for h in self._heads if h and h[0] not in self._control]
        self.eos_id = self.pad_id = self._end_of_reply()

    def _end_of_reply(self) -> int:
        """Return the first control token after a reply; raises CorpusError if there is none."""
        ends = [token for token in self._tails[0] if token in self._control]
        if not ends:
            raise CorpusError(
                "the base has no control token that ends a reply, so that replies would never stop",
                hint="set model.form: plain in configs/sft.yaml",
            )
        return ends[0]

    def encode(self, text: str) -> list[int]:
        """Encode ordinary text: no control token except `<unk>`."""
        return self._of_text(super().encode(text))

    def encode_all(self, texts: Sequence[str]) -> list[list[int]]:
        """Encode many texts on all cores."""
        return [self._of_text(ids) for ids in super().encode_all(texts)]

    def decode(self, tokens: Sequence[int]) -> str:
        """Decode tokens, without the space that SentencePiece puts before the text."""
        text = super().decode(tokens)
        return text if self._decoder == "ByteLevel" else text.removeprefix(" ")

    def _of_text(self, ids: list[int]) -> list[int]:
        """Remove control tokens: some vocabularies recognize them in text as if they were words.

        Also remove turn prefixes that are ordinary text.
        """
        if not self._forged.isdisjoint(ids):
            ids = [token for token in ids if token not in self._forged]
        for head in self._written:
            while (place := _find(head, ids)) is not None:
                ids = ids[:place] + ids[place + len(head) :]
        return ids

    @cached_property
    def _forged(self) -> frozenset[int]:
        return frozenset(self._control - {self.unknown_id})

    @property
    def files(self) -> dict[str, str]:
        """The files to save, by name."""
        form = json.dumps(msgspec.to_builtins(self.form), ensure_ascii=False, indent=1)
        return {TOKENIZER_FILE: self.text, FORM_FILE: form + "\n"}

    @cached_property
    def sha256(self) -> str:
        """Fingerprint of vocabulary and form."""
        return hashlib.sha256("".join(self.files.values()).encode()).hexdigest()

    @cached_property
    def control_ids(self) -> Ids:
        """Ids (K,) that no text contains, including unused ones."""
        used_ids = set(self._backend.get_vocab(with_added_tokens=True).values())
        holes = set(range(self.vocab_size)) - used_ids
        return np.array(sorted(self._control | holes), dtype=np.int64)

    @property
    def end_token(self) -> str:
        """The control token that ends a reply, as text."""
        return str(self._backend.id_to_token(self.eos_id))

    def head(self, number: int) -> tuple[int, ...]:
        """Return the tokens before the text of a speaker's turn (the turn prefix)."""
        self._require_speaker(number)
        return self._heads[number]

    def tail(self, number: int) -> tuple[int, ...]:
        """Return the tokens after the text of a speaker's turn (the turn suffix)."""
        self._require_speaker(number)
        return self._tails[number]

    def _require_speaker(self, number: int) -> None:
        if not 0 <= number < self.n_speakers:
            raise CorpusError(
                f"no speaker {number}", hint=f"this model knows speakers 0 to {self.n_speakers - 1}"
            )

    @cached_property
    def _bytes(self) -> list[bytes]:
        unbyte = {char: byte for byte, char in byte_chars().items()}
        table = [b""] * (self.vocab_size + 1)
        for entry, token in self._backend.get_vocab(with_added_tokens=True).items():
            if token in self._control:
                continue
            if self._decoder == "ByteLevel" and all(char in unbyte for char in entry):
                table[token] = bytes(unbyte[char] for char in entry)
            elif self._decoder == "ByteFallback" and (byte := _BYTE.fullmatch(entry)):
                table[token] = bytes([int(byte[1], 16)])
            else:
                table[token] = entry.replace(_SPACE, " ").translate(_LONE_JAMO).encode()
        return table


def _decoder_of(content: dict[str, Any]) -> str:
    """Return the kind of decoder from tokens to bytes: ByteLevel, ByteFallback or Metaspace."""
    decoder = content.get("decoder") or {}
    steps = [step["type"] for step in decoder.get("decoders", [decoder]) if step]
    for name in ("ByteLevel", "ByteFallback", "Metaspace"):
        if name in steps:
            return name
    if _SPACE in json.dumps(decoder, ensure_ascii=False):
        return "Metaspace"
    raise CorpusError(
        f"the decoder of the base's tokenizer is not supported: {' and '.join(steps) or 'none'}",
        hint="choose a base with a byte-level or SentencePiece tokenizer",
    )


def with_tokens(text: str, added: list[str]) -> str:
    """Return a tokenizer.json with added tokens, and every control token marked special."""
    backend = read_backend(text)
    backend.add_special_tokens([token for token in added if token != LINE])
    line = AddedToken(LINE, normalized=False, special=False)
    backend.add_tokens([line for token in added if token == LINE])
    content = json.loads(backend.to_str())
    for entry in content["added_tokens"]:
        entry["special"] |= bool(_LOOKS_LIKE_CONTROL.fullmatch(entry["content"]))
    return json.dumps(content, ensure_ascii=False)


def knows_lines(text: str) -> bool:
    """Whether a tokenizer.json can encode a line break, which separates the messages of a turn."""
    backend = read_backend(text)
    return LINE in backend.decode(backend.encode(f"a{LINE}a", add_special_tokens=False).ids)


def open_tokenizer(folder: Path) -> Tokenizer:
    """Open the tokenizer of a folder: a base's if it has a form.json, else this program's own."""
    names = [TOKENIZER_FILE, *([FORM_FILE] if (folder / FORM_FILE).exists() else [])]
    return read_tokenizer({name: (folder / name).read_text(encoding="utf-8") for name in names})


def read_tokenizer(files: Mapping[str, str]) -> Tokenizer:
    """Return the tokenizer of saved `files`."""
    if FORM_FILE not in files:
        return BpeTokenizer(files[TOKENIZER_FILE])
    try:
        form = msgspec.convert(read_json(files[FORM_FILE], _MAX_FORM_VALUES), Form)
        return BaseTokenizer(files[TOKENIZER_FILE], form)
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise CorpusError("the tokenizer is damaged", hint=_AGAIN) from error
