"""A run's best model -> one file for somebody else, and a page about it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatbot.errors import CheckpointError
from chatbot.model.model_file import read_model, write_model
from chatbot.settings import WeightFormat
from chatbot.storage.files import sha256_of, write_json


@dataclass(frozen=True)
class Published:
    """The written file and what model_info.json says of it."""

    path: Path
    info: dict[str, Any]


def publish(best: Path, target: Path, run_name: str, number: WeightFormat) -> Published:
    """Write the run's model in a number format, read it back, and write model_info.json."""
    if not best.is_file():
        raise CheckpointError(f"no model at {best}", hint="`chatbot train` makes one")
    model = read_model(best)
    write_model(target, model, number)
    if read_model(target).shape != model.shape:
        raise CheckpointError(f"{target} does not read back as written", hint="check the disk")
    about = model.about
    info = {
        "file": target.name,
        "sha256": sha256_of(target),
        "size_bytes": target.stat().st_size,
        "dtype": number,
        "n_params": model.shape.n_params,
        "run_name": run_name,
        "step": about["step"],
        "val_loss": about["val_loss"],
        "val_bits_per_byte": about["val_bits_per_byte"],
        "data_fingerprint": about["data_fingerprint"],
        "tokenizer_sha256": about["tokenizer_sha256"],
    }
    write_json(target.with_name("model_info.json"), info)
    return Published(target, info)
