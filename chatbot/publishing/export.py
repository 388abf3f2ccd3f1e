"""What every family's export shares: a table of what is written, and a folder that is new."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from chatbot.corpus.tokenizer import Tokenizer
from chatbot.errors import ConfigError
from chatbot.model.bundle import Bundle
from chatbot.settings.schema import Config, SamplingConfig
from chatbot.storage.files import whole_folder, write_bytes
from chatbot.training.families import family_of

ExportDtype = Literal["fp32", "fp16", "bf16", "q8_0"]
USE = "AutoModelForCausalLM.from_pretrained opens it"


@dataclass(frozen=True)
class Export:
    """A form that a family is written in.

    `write` writes a model to a path, which must be new, and returns how it is used. `dtypes`: of
    the weights, those that may be asked for.
    """

    write: Callable[[Bundle, Path, Config, ExportDtype], str]
    dtypes: tuple[ExportDtype, ...] = ()


# By format (hf, gguf), and whether an adapter is worked into its base.
Exports = Mapping[tuple[str, bool], Export]


def exports_of(family: str) -> Exports:
    """Import what writes the models of a family for other programs."""
    return cast(Exports, importlib.import_module(family_of(family).export).EXPORTS)


def require_new(target: Path) -> None:
    """Raise ConfigError where an export would replace anything but an empty folder."""
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise ConfigError(f"{target} already exists", hint="name another, or move it away")


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Lend a folder that takes its name when it is whole; what holds anything is not replaced."""
    require_new(folder)
    with whole_folder(folder) as part:
        yield part
        # Git passes it by, wherever it is: weights hold what was written in the chat.
        write_bytes(part / ".gitignore", b"*\n")


def generation_config(sampling: SamplingConfig, tokenizer: Tokenizer) -> dict[str, object]:
    """Return how transformers shall draw tokens: as we do, as far as it can."""
    return {
        "do_sample": sampling.temperature > 0,
        "temperature": sampling.temperature or 1.0,
        "top_k": sampling.top_k,
        "top_p": sampling.top_p,
        "min_p": sampling.min_p,
        "repetition_penalty": sampling.repetition_penalty,
        "max_new_tokens": sampling.max_new_tokens,
        "pad_token_id": tokenizer.pad_id,
        "bos_token_id": tokenizer.prefix[0] if tokenizer.prefix else None,
        "eos_token_id": tokenizer.eos_id,
    }
