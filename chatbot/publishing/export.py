"""Shared parts of exports: the registry of formats, and new folders."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from chatbot.corpus.tokenizer import Tokenizer
from chatbot.errors import ConfigError
from chatbot.model.bundle import Bundle
from chatbot.settings.schema import Config, SamplingConfig
from chatbot.storage.files import whole_folder, write_bytes
from chatbot.training.families import family_of

ExportDtype = Literal["fp32", "fp16", "bf16", "q8_0", "int8"]
USE = "AutoModelForCausalLM.from_pretrained opens it"


@dataclass(frozen=True)
class ExportOptions:
    """The dtype of the weights, and the passphrase of a format that is encrypted."""

    dtype: ExportDtype = "fp32"
    passphrase: str = field(default="", repr=False)


DEFAULTS = ExportOptions()


@dataclass(frozen=True)
class Export:
    """A format in which a family can be exported.

    `write` writes a model to a new path, and returns instructions for using it. `dtypes`: the
    available dtypes of weights, the default first.
    """

    write: Callable[[Bundle, Path, Config, ExportOptions], str]
    dtypes: tuple[ExportDtype, ...] = ()
    is_encrypted: bool = False

    @property
    def default(self) -> ExportDtype:
        """The dtype of weights where none is asked for."""
        return self.dtypes[0] if self.dtypes else "fp32"


@dataclass(frozen=True)
class Refusal:
    """The reason why a family cannot be exported in a format, and what to do instead."""

    message: str
    hint: str


# Key: format (hf, gguf, page), and whether an adapter is merged into its base.
Exports = Mapping[tuple[str, bool], Export | Refusal]


def exports_of(family: str) -> Exports:
    """Import a family's exports for other programs."""
    return cast(Exports, importlib.import_module(family_of(family).export).EXPORTS)


def require_new(target: Path) -> None:
    """Raise ConfigError if an export would replace anything but an empty folder."""
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise ConfigError(f"{target} already exists", hint="choose another name, or move it away")


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder that gets its name at the end; only an empty one is replaced."""
    require_new(folder)
    with whole_folder(folder) as part:
        yield part
        # Ignored by git wherever it is, because weights contain private messages.
        write_bytes(part / ".gitignore", b"*\n")


def generation_config(sampling: SamplingConfig, tokenizer: Tokenizer) -> dict[str, object]:
    """Return generation_config.json: sampling like ours, as far as transformers can."""
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
