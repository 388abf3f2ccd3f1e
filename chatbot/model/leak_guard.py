"""The index of n-grams of a run's training data, as a file of the run's folder. No torch here."""

from pathlib import Path

from chatbot.corpus.ngrams import NgramIndex
from chatbot.errors import CheckpointError
from chatbot.model.tensors import GUARD_NAMES, Array, map_file, read_header, tensors_of
from chatbot.storage.files import write_bytes


def write_index(path: Path, index: NgramIndex) -> None:
    """Write an index, atomically."""
    from safetensors.numpy import save

    hashes, speakers = GUARD_NAMES
    tensors: dict[str, Array] = {hashes: index.hashes, speakers: index.speakers}
    write_bytes(path, save(tensors, {"data_fingerprint": index.data_fingerprint}))


def read_index(path: Path) -> NgramIndex | None:
    """Read an index; None if the file is missing or has none.

    Models of earlier versions had it among the weights. Raises CheckpointError if the file is
    damaged.
    """
    if not path.is_file():
        return None
    try:
        header = read_header(map_file(path))
    except (ValueError, KeyError) as error:
        hint = "delete it; `chatbot train` writes it again"
        raise CheckpointError(f"{path} is damaged", hint=hint) from error
    if not {*GUARD_NAMES} <= header.entries.keys():
        return None
    tensors = tensors_of(header)
    # A copy: Windows replaces no file that is mapped. torch wrote the hashes as I32.
    hashes, speakers = (tensors[name].copy() for name in GUARD_NAMES)
    return NgramIndex(hashes.view("uint32"), speakers, header.metadata.get("data_fingerprint", ""))
