"""The files that training reads: names, stats.json, memory-mapped tokens and loss masks."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from chatbot.corpus.hf_tokenizer import FORM_FILE, open_tokenizer
from chatbot.corpus.speakers import FILE as SPEAKERS_FILE
from chatbot.corpus.speakers import SpeakerMarks
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.errors import ConfigError, CorpusError
from chatbot.ingest.cleaning.normalization import TextRules
from chatbot.ingest.masking.sealing import FILE as MASKED_FILE
from chatbot.ingest.qna.prompts import QuestionForm
from chatbot.ingest.qna.sessions import TableAccount
from chatbot.storage.files import restore_directory, sha256_of

VERSION = 2
Setting = bool | int | float | str | list[str]  # a field of `PreprocessConfig`
SPLITS = ("train", "val")
_AGAIN = "run `chatbot preprocess` again"
SEARCH_DIR = "search"  # the index of `chatbot why`, which holds the messages
# All files in a folder of processed data. It is replaced as a whole, so it must contain nothing
# else.
_WRITTEN = (
    *("stats.json", SPEAKERS_FILE, "preview.json", MASKED_FILE, "tokenizer.json", FORM_FILE),
    SEARCH_DIR,
    *(f"{split}{end}" for split in SPLITS for end in (".bin", "_loss_mask.bin", ".jsonl")),
)
_LITTER = frozenset([".gitkeep", ".DS_Store", "Thumbs.db", "desktop.ini"])


class SplitStats(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one split. `n_control` + `n_target` + `n_context` = `n_tokens`.

    `n_control` counts tokens that are never trained: frames, and the text of context-only turns.
    """

    n_sessions: int
    n_turns: int
    n_tokens: int
    n_control: int
    n_target: int
    n_context: int
    n_text_bytes: int


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """stats.json: every line of every export, every message and every token accounted for.

    Messages seen = messages, media and system lines of the exports - those merged with another
    export (`merged`, by room); messages kept = seen - dropped. `context_only` counts, by rule, the
    kept ones that are not trained; None in data of older versions, which dropped them. Rows of
    tables are counted in `tables` only. `question`: how these ask, if nothing else is trained.
    """

    version: int = VERSION
    fingerprint: str
    dtype: str
    vocab_size: int
    n_speakers: int
    speaker_mode: str
    persona_reason: str
    tokenizer_sha256: str
    exports: dict[str, dict[str, int]]
    merged: dict[str, int] = {}
    messages: dict[str, int]
    dropped: dict[str, int]
    context_only: dict[str, int] | None = None
    masked: dict[str, int]
    tables: dict[str, TableAccount] = {}
    question: QuestionForm = QuestionForm()
    splits: dict[str, SplitStats]
    files: dict[str, str]
    settings: dict[str, Setting]
    speakers: SpeakerMarks | None = None

    @property
    def text_rules(self) -> TextRules:
        """How its text is written, which a model carries."""
        rules = msgspec.convert(self.settings, TextRules)
        return msgspec.structs.replace(rules, question=self.question)


@dataclass(frozen=True)
class TokenStore:
    """One split: tokens (N,) and loss mask (N,), memory-mapped; sessions begin at bos."""

    tokens: npt.NDArray[Any]
    loss_mask: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Corpus:
    """The output of `preprocess`, opened for reading."""

    train: TokenStore
    val: TokenStore
    tokenizer: Tokenizer
    stats: Stats


def session_bounds(
    tokens: npt.NDArray[Any], bos_id: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the starts (at bos) and ends of the S sessions: (S,) each."""
    starts = np.flatnonzero(tokens == bos_id).astype(np.int64)
    return starts, np.append(starts[1:], len(tokens))


def fingerprint_of(file_hashes: dict[str, str]) -> str:
    """Return one hash over the hashes of all data files, which checkpoints store."""
    lines = "\n".join(f"{name} {file_hashes[name]}" for name in sorted(file_hashes))
    return hashlib.sha256(lines.encode()).hexdigest()


def require_replaceable(folder: Path) -> None:
    """Raise CorpusError if a folder contains other files, which processed data would replace."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise ConfigError(
            f"{folder} is not a folder for processed data only", hint="name a new folder"
        )
    names = {path.name for path in folder.iterdir()} if folder.exists() else set()
    names -= _LITTER
    if names and not ("stats.json" in names and names <= set(_WRITTEN)):
        raise ConfigError(
            f"{folder} contains files that preprocess did not write and would delete",
            hint="choose a new folder for processed data, or move those files away",
        )


def read_stats(folder: Path) -> Stats:
    """Read stats.json; raises CorpusError if there is none or it is damaged."""
    restore_directory(folder)
    path = folder / "stats.json"
    if not path.exists():
        raise CorpusError(f"no processed data in {folder}", hint="run `chatbot preprocess` first")
    try:
        stats = msgspec.json.decode(path.read_bytes(), type=Stats)
    except msgspec.DecodeError as error:
        raise CorpusError(f"{path} is damaged", hint=_AGAIN) from error
    if stats.version != VERSION:
        raise CorpusError(f"{path} was written by another version", hint=_AGAIN)
    return stats


def remove_corpus(folder: Path) -> None:
    """Remove processed data, but no other files in its folder."""
    restore_directory(folder)
    shutil.rmtree(folder / SEARCH_DIR, ignore_errors=True)
    for name in _WRITTEN:
        (folder / name).unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def open_corpus(folder: Path) -> Corpus:
    """Open processed data after checking every file against its hash in stats.json."""
    stats = read_stats(folder)
    for name, digest in stats.files.items():
        if not (folder / name).is_file():
            raise CorpusError(f"{folder / name} is missing", hint=_AGAIN)
        if sha256_of(folder / name) != digest:
            raise CorpusError(
                f"{folder / name} has changed since stats.json was written", hint=_AGAIN
            )
    tokenizer = open_tokenizer(folder)
    train, val = (open_store(folder, split, stats.dtype) for split in SPLITS)
    return Corpus(train, val, tokenizer, stats)


def open_store(folder: Path, split: str, dtype: str) -> TokenStore:
    """Map the files of one split into memory."""
    return TokenStore(
        np.memmap(folder / f"{split}.bin", dtype=dtype, mode="r"),
        np.memmap(folder / f"{split}_loss_mask.bin", dtype=np.uint8, mode="r"),
    )
