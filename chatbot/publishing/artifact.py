"""A run's best checkpoint -> one file for somebody else, and a page about it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatbot.errors import CheckpointError
from chatbot.model.model_file import read_model, write_model
from chatbot.storage.files import sha256_of, write_json
from chatbot.training.checkpoint import load_inference


@dataclass(frozen=True)
class Published:
    """The written file and what model_info.json says of it."""

    path: Path
    info: dict[str, Any]


def publish(best: Path, target: Path, run_name: str) -> Published:
    """Write the inference model and model_info.json beside it; read back what was written."""
    gpt, tokenizer_text, about = load_inference(best)
    write_model(target, gpt, tokenizer_text, about)
    read_back, _, _ = read_model(target)
    if read_back.config != gpt.config:
        raise CheckpointError(f"{target} does not read back as written", hint="check the disk")
    info = {
        "file": target.name,
        "sha256": sha256_of(target),
        "size_bytes": target.stat().st_size,
        "n_params": gpt.config.n_params,
        "run_name": run_name,
        "step": about["step"],
        "val_loss": about["val_loss"],
        "val_bits_per_byte": about["val_bits_per_byte"],
        "data_fingerprint": about["data_fingerprint"],
        "tokenizer_sha256": about["tokenizer_sha256"],
    }
    write_json(target.with_name("model_info.json"), info)
    return Published(target, info)
