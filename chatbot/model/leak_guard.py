"""The index of n-grams of a run's training data, as a file of the run's folder. No torch here."""

from pathlib import Path

from chatbot.corpus.ngrams import NgramIndex
from chatbot.errors import CheckpointError
from chatbot.model.bundle import GUARD_NAMES, Array, map_file, tensors_in
from chatbot.storage.files import write_bytes


def write_index(path: Path, index: NgramIndex) -> None:
    """Write an index, atomically."""
    from safetensors.numpy import save

    hashes, speakers = GUARD_NAMES
    tensors: dict[str, Array] = {hashes: index.hashes, speakers: index.speakers}
    write_bytes(path, save(tensors, {"data_fingerprint": index.data_fingerprint}))


def read_index(path: Path) -> NgramIndex | None:
    """Read an index; None if the file is missing, or holds none.

    Models of earlier versions held theirs among the weights. Raises CheckpointError if the file
    is damaged.
    """
    if not path.is_file():
        return None
    try:
        metadata, tensors = tensors_in(map_file(path))
    except (ValueError, KeyError) as error:
        hint = "delete it; `chatbot train` makes it again"
        raise CheckpointError(f"{path} is damaged", hint=hint) from error
    if not {*GUARD_NAMES} <= tensors.keys():
        return None
    # A copy: Windows replaces no file that is mapped. torch wrote the hashes as I32.
    hashes, speakers = (tensors[name].copy() for name in GUARD_NAMES)
    return NgramIndex(hashes.view("uint32"), speakers, metadata.get("data_fingerprint", ""))
