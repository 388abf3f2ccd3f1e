"""One-file models: safetensors with shape, vocabulary and origin in the metadata."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from chatbot.errors import CheckpointError
from chatbot.model.gpt import GPT, load_gpt
from chatbot.model.shape import GPTConfig
from chatbot.storage.files import write_bytes

FORMAT = "chatbot-1"


def write_model(path: Path, model: GPT, tokenizer_text: str, about: dict[str, Any]) -> None:
    """Write an inference model atomically. `about` must hold no name and no text of a chat."""
    metadata = {
        "format": FORMAT,
        "shape": json.dumps(asdict(model.config)),
        "tokenizer": tokenizer_text,
        "about": json.dumps(about),
    }
    tensors = {name: p.detach().contiguous() for name, p in model.state_dict().items()}
    write_bytes(path, save(tensors, metadata))


def read_model(path: Path) -> tuple[GPT, str, dict[str, Any]]:
    """Return (GPT, tokenizer text, about); raises CheckpointError for any other file."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise CheckpointError(
                    f"{path} is no model of this program", hint="publish it again"
                )
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise CheckpointError(
            f"model {path} is damaged", hint="copy or publish it again"
        ) from error
    gpt = load_gpt(GPTConfig(**json.loads(metadata["shape"])), weights)
    return gpt, metadata["tokenizer"], json.loads(metadata["about"])
