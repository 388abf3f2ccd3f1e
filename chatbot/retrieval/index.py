"""Rows of text -> an index on disk (BM25), and its nearest rows to a text. N rows, P postings."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any

import msgspec
import numpy as np
import numpy.typing as npt

from chatbot.errors import ConfigError, CorpusError
from chatbot.retrieval.terms import TERMS, Keys, Kind, split_keys
from chatbot.storage.files import (
    explained,
    part_of,
    restore_directory,
    whole_folder,
    write_bytes,
)
from chatbot.storage.private import written_for_owner

VERSION = 1
Floats = npt.NDArray[np.float64]
_K1, _B = 1.2, 0.75
_AT_ONCE = 4096  # rows
# Postings are sorted in this many parts, so that only one of them is in memory.
_N_PARTS = 64
_PART_BITS = np.uint64(58)
_ABOUT, _SPILL = "index.json", "spill"
WARRANTY = "warranty.json"  # of a desk, beside its index
_FILES = {_ABOUT, "rows.bin", *(f"{name}.npy" for name in ("bounds", "selves", "hashes", "starts"))}
_FILES |= {"places.bin", "impacts.bin", WARRANTY}


class Row(msgspec.Struct, frozen=True, gc=False):
    """A text that is searched for, by an id of its source; `answer`: what was said to it."""

    id: str
    text: str
    answer: str = ""


class Match(msgspec.Struct, frozen=True):
    """A row near a text.

    `similarity` is Dice's over BM25's weights, 1 for equal terms: the score of the row divided by
    the mean of what the text and the row score for themselves. So it compares between texts.
    """

    row: Row
    similarity: float


class About(msgspec.Struct, frozen=True, kw_only=True):
    """index.json: what an index was made of. `mean_length` in terms."""

    version: int = VERSION
    kind: Kind
    fingerprint: str
    n_rows: int
    n_postings: int
    mean_length: float


# ---------------------------------------------------------------- writing
def build_index(folder: Path, rows: Iterable[Row], kind: Kind, fingerprint: str) -> About:
    """Write an index, which replaces the previous one only when it is complete.

    `fingerprint`: of the data that the rows come from. Memory holds 16 bytes a row, one batch of
    rows and a part of the postings. Raises CorpusError without a row, ConfigError if the folder
    contains other files, which it would replace.
    """
    _require_replaceable(folder)
    with written_for_owner(), whole_folder(folder) as part:
        with explained(folder):
            lengths = _spill(part, rows, kind)
            if not len(lengths):
                raise CorpusError("there is no row to index", hint="check the source of the rows")
            n_postings = _write_postings(part, lengths)
            shutil.rmtree(part / _SPILL)
        about = About(
            kind=kind,
            fingerprint=fingerprint,
            n_rows=len(lengths),
            n_postings=n_postings,
            mean_length=_mean(lengths),
        )
        write_bytes(part / _ABOUT, msgspec.json.encode(about))
    return about


def remove_index(folder: Path) -> bool:
    """Remove an index, and nothing else; return whether there was one."""
    restore_directory(folder)
    if not (folder / _ABOUT).is_file():
        return False
    for name in _FILES:
        (folder / name).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
    return True


def _require_replaceable(folder: Path) -> None:
    restore_directory(folder)
    is_other = folder.exists() and (folder.is_symlink() or not folder.is_dir())
    if is_other or (folder.exists() and not {path.name for path in folder.iterdir()} <= _FILES):
        raise ConfigError(
            f"{folder} contains files that are no index, which would be deleted",
            hint="name a new folder for the index",
        )


def _mean(lengths: npt.NDArray[np.int64]) -> float:
    return max(1.0, float(lengths.mean()))


def _spill(folder: Path, rows: Iterable[Row], kind: Kind) -> npt.NDArray[np.int64]:
    """Write rows.bin and the keys of all terms in parts by hash; return the lengths (N,)."""
    lengths: list[npt.NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    sizes: list[npt.NDArray[np.int64]] = [np.zeros(1, dtype=np.int64)]
    (folder / _SPILL).mkdir()
    n_rows = 0
    with (folder / "rows.bin").open("wb") as written:
        rows = iter(rows)
        while batch := list(islice(rows, _AT_ONCE)):
            content = [msgspec.msgpack.encode(row) for row in batch]
            written.writelines(content)
            sizes.append(np.array([len(row) for row in content]))
            keys = TERMS[kind]([row.text for row in batch])
            lengths.append(np.bincount(split_keys(keys)[1], minlength=len(batch)))
            _append_parts(folder / _SPILL, keys + np.uint64(n_rows))
            n_rows += len(batch)
    np.save(folder / "bounds.npy", np.cumsum(np.concatenate(sizes)))
    return np.concatenate(lengths)


def _append_parts(folder: Path, keys: Keys) -> None:
    keys.sort()
    for part in np.split(keys, np.searchsorted(keys >> _PART_BITS, np.arange(1, _N_PARTS))):
        if len(part):
            with (folder / str(int(part[0] >> _PART_BITS))).open("ab") as file:
                file.write(part.tobytes())


def _write_postings(folder: Path, lengths: npt.NDArray[np.int64]) -> int:
    """Write, sorted by hash: hashes, starts (of their postings), places and impacts (P,)."""
    all_hashes, counts = [np.zeros(0, dtype=np.uint32)], [np.zeros(1, dtype=np.int64)]
    selves = np.zeros(len(lengths))
    norms = _norms(lengths, _mean(lengths))
    with (folder / "places.bin").open("wb") as places, (folder / "impacts.bin").open("wb") as out:
        for path in sorted((folder / _SPILL).iterdir(), key=lambda path: int(path.name)):
            keys, n_times = np.unique(np.fromfile(path, np.uint64), return_counts=True)
            hashes, rows = split_keys(keys)
            unique, n_rows = np.unique(hashes, return_counts=True)
            idf = np.repeat(_idf(n_rows, len(lengths)), n_rows)
            impacts = idf * _saturated(n_times, norms[rows])
            selves += np.bincount(rows, weights=impacts, minlength=len(lengths))
            _append(places, rows)
            _append(out, impacts.astype(np.float32))
            all_hashes.append(unique)
            counts.append(n_rows)
    starts = np.cumsum(np.concatenate(counts))
    np.save(folder / "hashes.npy", np.concatenate(all_hashes))
    np.save(folder / "starts.npy", starts)
    np.save(folder / "selves.npy", selves.astype(np.float32))
    return int(starts[-1])


def _append(file: IO[bytes], values: npt.NDArray[Any]) -> None:
    file.write(values.tobytes())


def _idf(n_rows: npt.NDArray[np.int64] | int, n: int) -> Floats:
    """Return the weight of terms that occur in `n_rows` of n rows; never below 0."""
    return np.asarray(np.log1p((n - n_rows + 0.5) / (np.asarray(n_rows) + 0.5)))


def _norms(lengths: npt.NDArray[np.int64], mean_length: float) -> Floats:
    return np.asarray(_K1 * (1 - _B + _B * lengths / mean_length))


def _saturated(n_times: npt.NDArray[np.int64], norms: Floats) -> Floats:
    return np.asarray(n_times * (_K1 + 1) / (n_times + norms))


# ---------------------------------------------------------------- searching
class Index:
    """An index that is mapped into memory; any number of threads may search it."""

    def __init__(self, folder: Path, about: About) -> None:
        self.about = about
        self._rows = np.memmap(folder / "rows.bin", dtype=np.uint8, mode="r")
        self._places = _mapped(folder / "places.bin", np.uint32)
        self._impacts = _mapped(folder / "impacts.bin", np.float32)
        self._bounds, self._selves, self._hashes, self._starts = (
            np.load(folder / f"{name}.npy", mmap_mode="r")
            for name in ("bounds", "selves", "hashes", "starts")
        )

    def __len__(self) -> int:
        return self.about.n_rows

    def row(self, place: int) -> Row:
        """Return the row at a place."""
        start, end = self._bounds[place : place + 2]
        return msgspec.msgpack.decode(self._rows[start:end].tobytes(), type=Row)

    def rows(self) -> Iterator[Row]:
        """Yield all rows in order."""
        return map(self.row, range(len(self)))

    def search(self, text: str, n_nearest: int) -> list[Match]:
        """Return the rows nearest to a text, by BM25, the nearest first, at most `n_nearest`.

        Rows without a term in common are never returned.
        """
        scores, own_score = self._scores(text)
        n_nearest = min(n_nearest, int(np.count_nonzero(scores)))
        if n_nearest == 0:
            return []
        least = np.partition(scores, -n_nearest)[-n_nearest]
        places = np.flatnonzero(scores >= least)
        places = places[np.argsort(-scores[places], kind="stable")[:n_nearest]]
        similarities = 2 * scores[places] / (own_score + self._selves[places])
        return [
            Match(self.row(int(place)), min(1.0, float(similarity)))
            for place, similarity in zip(places, similarities, strict=True)
        ]

    def _scores(self, text: str) -> tuple[Floats, float]:
        """Return the score (N,) of each row for a text, and that of the text for itself.

        A term that no row has counts in the latter only.
        """
        hashes, _ = split_keys(TERMS[self.about.kind]([text]))
        unique, n_times = np.unique(hashes, return_counts=True)
        if not len(unique):
            return np.zeros(len(self)), 0.0
        spans = [self._span(term) for term in unique]
        n_rows = np.array([span.stop - span.start for span in spans])
        norm = _norms(np.array([len(hashes)]), self.about.mean_length)
        own = float((_idf(n_rows, len(self)) * _saturated(n_times, norm)).sum())
        places = np.concatenate([self._places[span] for span in spans])
        impacts = np.concatenate([self._impacts[span] for span in spans])
        scores = np.bincount(places, weights=impacts, minlength=len(self))
        return scores.astype(np.float64, copy=False), own

    def _span(self, term: np.uint32) -> slice:
        """Return where the postings of a term are."""
        place = int(np.searchsorted(self._hashes, term))
        if place == len(self._hashes) or self._hashes[place] != term:
            return slice(0, 0)
        return slice(int(self._starts[place]), int(self._starts[place + 1]))


def _mapped(path: Path, dtype: Any) -> npt.NDArray[Any]:
    # A file without content cannot be mapped: all rows are without a letter.
    return np.memmap(path, dtype=dtype, mode="r") if path.stat().st_size else np.zeros(0, dtype)


def open_index(folder: Path, fingerprint: str | None, command: str) -> Index:
    """Open an index of the data with this fingerprint; None: of whatever data.

    `command` writes it. Raises CorpusError if it is missing, damaged, or of other data.
    """
    restore_directory(folder)
    hint = f"run `{command}`"
    try:
        about = msgspec.json.decode((folder / _ABOUT).read_bytes(), type=About)
        index = Index(folder, about) if about.version == VERSION else None
    except FileNotFoundError as error:
        raise CorpusError(f"no index in {folder}", hint=hint) from error
    except (msgspec.DecodeError, ValueError, OSError) as error:
        raise CorpusError(f"the index in {folder} is damaged", hint=hint) from error
    if index is None:
        raise CorpusError(f"the index in {folder} is of another version", hint=hint)
    if fingerprint is not None and about.fingerprint != fingerprint:
        raise CorpusError(f"the index in {folder} is of other data", hint=f"{hint} again")
    return index


@contextmanager
def temporary_index(folder: Path, rows: Iterable[Row], kind: Kind, command: str) -> Iterator[Index]:
    """Build an index that is deleted when the block ends, in a folder of private data.

    What a killed process leaves there has a name that `remove_leftovers` knows. Raises CorpusError
    without a row.
    """
    part = part_of(folder / "index")
    try:
        build_index(part, rows, kind, "")
        yield open_index(part, "", command)
    finally:
        shutil.rmtree(part, ignore_errors=True)
