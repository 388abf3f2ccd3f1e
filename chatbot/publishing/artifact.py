"""A run's best model -> one file for somebody else, encrypted or not, and a page about it."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatbot.crypto.age import Recipient, encrypt
from chatbot.errors import CheckpointError
from chatbot.model.gpt.file import ModelFile, model_bytes, read_model, write_model
from chatbot.settings.schema import WeightFormat
from chatbot.storage.files import atomic_write, sha256_of, write_json

if TYPE_CHECKING:
    from chatbot.model.pretrained.file import Tuned


@dataclass(frozen=True)
class Published:
    """The written file and what model_info.json says of it."""

    path: Path
    info: dict[str, Any]


def publish(best: Path, target: Path, run_name: str, number: WeightFormat) -> Published:
    """Write the run's model in a number format, read it back, and write model_info.json."""
    model = _best(best)
    write_model(target, model, number)
    if read_model(target).shape != model.shape:
        raise CheckpointError(f"{target} does not read back as written", hint="check the disk")
    return _described(target, model, run_name, number)


def publish_sealed(
    best: Path,
    target: Path,
    run_name: str,
    number: WeightFormat,
    recipients: Sequence[Recipient],
) -> Published:
    """Write the run's model as an age file for `recipients`; the plain one never is on a disk."""
    model = _best(best)
    with atomic_write(target) as file:
        encrypt(io.BytesIO(model_bytes(model, number)), file, recipients)
    return _described(target, model, run_name, number)


def publish_tuned(
    tuned: "Tuned", target: Path, number: WeightFormat, recipients: Sequence[Recipient]
) -> Published:
    """Write a fine-tuned base as one file, as an age file if there are recipients."""
    from chatbot.model.pretrained.file import tuned_bytes

    content = tuned_bytes(tuned, number)
    with atomic_write(target) as file:
        if recipients:
            encrypt(io.BytesIO(content), file, recipients)
        else:
            file.write(content)
    about = tuned.about
    described = ("base_model", "stage", "form", "run_name", "step", "val_loss")
    info = {
        "file": target.name,
        "sha256": sha256_of(target),
        "size_bytes": target.stat().st_size,
        "dtype": "fp16" if number == "fp16" else "fp32",
        "kind": tuned.kind,
        "n_params": sum(weight.numel() for weight in tuned.weights.values()),
        **{name: about[name] for name in described},
        "val_bits_per_byte": about["val_bits_per_byte"],
        "data_fingerprint": about["data_fingerprint"],
        "tokenizer_sha256": about["tokenizer_sha256"],
    }
    write_json(target.with_name("adapter_info.json"), info)
    return Published(target, info)


def _best(path: Path) -> ModelFile:
    if not path.is_file():
        raise CheckpointError(f"no model at {path}", hint="`chatbot train` makes one")
    return read_model(path)


def _described(target: Path, model: ModelFile, run_name: str, number: WeightFormat) -> Published:
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
