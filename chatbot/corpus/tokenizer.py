"""Byte-level BPE: trained on a room, loaded for replies. Text never becomes a control token."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers, trainers

from chatbot.corpus.tokenizer_rules import damaged_tokenizer, require_own
from chatbot.errors import CorpusError

Ids = npt.NDArray[np.int64]

PAD, BOS, EOS = "<|pad|>", "<|bos|>", "<|eos|>"
SPEAKER = "<|spk:{}|>"
_N_FIXED = 3

# Bytes of text -> vocabulary size. Some 2,500 merges make every common syllable one token; more
# merges help only if the corpus is large enough to repeat words.
_VOCAB_BY_BYTES = ((400_000, 2048), (3_000_000, 4096), (20_000_000, 8192))
_VOCAB_LARGEST = 16_384


class Tokenizer(Protocol):
    """Text <-> tokens for training and replying, and the frames of turns.

    `bos_id` begins every session in the token files, `eos_id` ends the bot's own turns.
    """

    pad_id: int
    bos_id: int
    eos_id: int
    n_speakers: int

    @property
    def files(self) -> dict[str, str]:
        """The files to save, by name."""

    @property
    def sha256(self) -> str:
        """Fingerprint that binds weights to this vocabulary."""

    @property
    def vocab_size(self) -> int:
        """Number of tokens, control tokens included."""

    @property
    def control_ids(self) -> Ids:
        """Tokens (K,) that no text contains."""

    @property
    def prefix(self) -> tuple[int, ...]:
        """The tokens before the first turn."""

    @property
    def opening(self) -> tuple[int, ...]:
        """The start of speaker 1's first turn, if a template has its system prompt there."""

    def head(self, number: int) -> tuple[int, ...]:
        """Return the tokens before the text of a speaker's turn (the turn prefix)."""

    def tail(self, number: int) -> tuple[int, ...]:
        """Return the tokens after the text of a speaker's turn (the turn suffix)."""

    def encode(self, text: str) -> list[int]:
        """Encode ordinary text, never a control token."""

    def encode_all(self, texts: Sequence[str]) -> list[list[int]]:
        """Encode many texts."""

    def decode(self, tokens: Sequence[int]) -> str:
        """Decode ordinary tokens; control tokens are left out."""

    def token_bytes(self, token: int) -> bytes:
        """Return the bytes a token stands for: none for a control token."""

    @property
    def token_sizes(self) -> Ids:
        """Bytes that each token stands for: (V,), 0 for control tokens."""

    @property
    def space_ids(self) -> Ids:
        """Tokens of text that begin with white space."""

    @property
    def blank_ids(self) -> frozenset[int]:
        """Tokens of text that are white space and nothing else."""


def read_backend(text: str) -> Backend:
    """Read a tokenizer.json; raises CorpusError if it is invalid."""
    try:
        backend = Backend.from_str(text)
    except (
        BaseException
    ) as error:  # tokenizers raises plain Exception, and BaseException on a panic
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise damaged_tokenizer() from error
    backend.no_truncation()
    backend.no_padding()
    return backend


class TextCodec(Protocol):
    """Text <-> tokens through a backend, and the bytes of every token, for all tokenizers."""

    _backend: Backend

    @property
    def _bytes(self) -> list[bytes]:
        """Bytes that each token stands for."""

    def encode(self, text: str) -> list[int]:
        """Encode ordinary text, never a control token."""
        return list(self._backend.encode(text, add_special_tokens=False).ids)

    def encode_all(self, texts: Sequence[str]) -> list[list[int]]:
        """Encode many texts on all cores."""
        return [
            list(encoding.ids)
            for encoding in self._backend.encode_batch_fast(texts, add_special_tokens=False)
        ]

    def decode(self, tokens: Sequence[int]) -> str:
        """Decode ordinary tokens; control tokens are left out, broken UTF-8 becomes U+FFFD."""
        return b"".join(map(self.token_bytes, tokens)).decode("utf-8", "replace")

    def token_bytes(self, token: int) -> bytes:
        """Return the bytes a token stands for: none for a control token."""
        return self._bytes[token]

    @cached_property
    def token_sizes(self) -> Ids:
        """Bytes that each token stands for: (V,), 0 for control tokens."""
        return np.array([len(entry) for entry in self._bytes], dtype=np.int64)

    @cached_property
    def space_ids(self) -> Ids:
        """Tokens of text that begin with white space."""
        return np.flatnonzero([entry[:1].isspace() for entry in self._bytes])

    @cached_property
    def blank_ids(self) -> frozenset[int]:
        """Tokens of text that are white space and nothing else."""
        return frozenset(np.flatnonzero([entry.isspace() for entry in self._bytes]).tolist())


class BpeTokenizer(TextCodec):
    """A trained byte-level BPE in the `tokenizer.json` format of Hugging Face.

    Ids: 0 pad, 1 bos, 2 eos, from 3 one for each speaker, then bytes and merges. It splits text
    like GPT-2, which llama.cpp supports.
    """

    pad_id, bos_id, eos_id = 0, 1, 2
    prefix = (1,)
    opening: tuple[int, ...] = ()
    n_speakers: int

    def __init__(self, text: str) -> None:
        """Load from the text of a tokenizer.json; CorpusError if it is not this program's."""
        require_own(text, control_tokens, {*byte_chars().values()})
        self.text = text
        self._backend = read_backend(text)
        # By default added tokens are matched inside text: a message could forge the end of a turn.
        self._backend.encode_special_tokens = True
        self.n_speakers = len(self._backend.get_added_tokens_decoder()) - _N_FIXED

    @property
    def vocab_size(self) -> int:
        """Number of tokens, control tokens included."""
        return self._backend.get_vocab_size()

    @property
    def files(self) -> dict[str, str]:
        """The files to save, by name."""
        return {"tokenizer.json": self.text}

    @property
    def n_control(self) -> int:
        """Ids below this are control tokens, all others text."""
        return _N_FIXED + self.n_speakers

    @cached_property
    def sha256(self) -> str:
        """Fingerprint that binds weights to this vocabulary."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def speaker_id(self, number: int) -> int:
        """Return the control token of a speaker id; raises CorpusError if there is none."""
        if not 0 <= number < self.n_speakers:
            raise CorpusError(
                f"no speaker {number}", hint=f"this model knows speakers 0 to {self.n_speakers - 1}"
            )
        return _N_FIXED + number

    @cached_property
    def control_ids(self) -> Ids:
        """Tokens (K,) that no text contains."""
        return np.arange(self.n_control)

    def head(self, number: int) -> tuple[int, ...]:
        """Return the tokens before the text of a speaker's turn (the turn prefix)."""
        return (self.speaker_id(number),)

    def tail(self, number: int) -> tuple[int, ...]:
        """Return the tokens after the text of a speaker's turn (the turn suffix)."""
        del number
        return (self.eos_id,)

    @cached_property
    def vocabulary(self) -> dict[str, int]:
        """Ids of all entries, control tokens included, as tokenizer.json writes them."""
        return self._backend.get_vocab()

    @cached_property
    def _bytes(self) -> list[bytes]:
        unbyte = {char: byte for byte, char in byte_chars().items()}
        table = [b""] * self.vocab_size
        for entry, token in self.vocabulary.items():
            if token >= self.n_control:
                table[token] = bytes(unbyte[char] for char in entry)
        return table


def control_tokens(n_control: int) -> list[str]:
    """Return the first tokens of a vocabulary, in the order of their ids."""
    return [PAD, BOS, EOS, *(SPEAKER.format(number) for number in range(n_control - _N_FIXED))]


def byte_chars() -> dict[int, str]:
    """Return GPT-2's printable character for each byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    odd = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {
        byte: chr(256 + number) for number, byte in enumerate(odd)
    }


def choose_vocab_size(n_text_bytes: int) -> int:
    """Return a vocabulary size for a corpus of this size in bytes."""
    return next((size for limit, size in _VOCAB_BY_BYTES if n_text_bytes < limit), _VOCAB_LARGEST)


def train_tokenizer(texts: Iterable[str], vocab_size: int, n_speakers: int) -> BpeTokenizer:
    """Train on an iterator of texts; memory grows with distinct words, not with the corpus."""
    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        show_progress=False,
        special_tokens=control_tokens(_N_FIXED + n_speakers),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    backend.train_from_iterator(texts, trainer)
    return BpeTokenizer(json.dumps(json.loads(backend.to_str()), ensure_ascii=False))
