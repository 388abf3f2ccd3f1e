"""A pretrained base from a folder or the Hugging Face hub. The only module with transformers."""

import copy
import importlib.util
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from chatbot.errors import ChatbotError, CheckpointError, ConfigError
from chatbot.model.interface import HfConfig
from chatbot.model.pretrained.fingerprint import Fingerprint, fingerprint_of
from chatbot.model.tensors import Shapes
from chatbot.settings.schema import BaseModelConfig

LONGEST = 4096  # tokens of a conversation: the cache fits a small GPU
# Keys of a config.json that load code or other forms of the weights.
_NOT_READ = {
    "model_type", "auto_map", "quantization_config", "attn_implementation", "_attn_implementation",
}  # fmt: skip
_MAX_BUFFER_BYTES = 256 << 20
_HUB_NAME = re.compile(r"[\w.\-]+/[\w.\-]+")


class Base:
    """The location of a base: its name as the user wrote it, and the options for transformers."""

    def __init__(self, settings: BaseModelConfig, root: Path) -> None:
        """Locate the base; raises ConfigError if it is neither a folder nor a hub model."""
        if not settings.base_model:
            raise ConfigError(
                "model.base_model is empty",
                hint="write a folder, or a name of the Hugging Face hub, into configs/sft.yaml",
            )
        self.settings = settings
        folder = root / settings.base_model
        self.is_local = (folder / "config.json").is_file()
        if not self.is_local and (folder.exists() or not _HUB_NAME.fullmatch(settings.base_model)):
            raise ConfigError(
                f"base {settings.base_model} is missing",
                hint="write a folder with a config.json, or a name of the hub such as owner/model",
            )
        self.place = str(folder.resolve()) if self.is_local else settings.base_model

    @property
    def name(self) -> str:
        """The name as the user wrote it."""
        return self.settings.base_model

    @property
    def label(self) -> str:
        """The name in saved files: the last part of a path, which may contain private names."""
        return Path(self.place).name if self.is_local else self.place

    @property
    def options(self) -> dict[str, object]:
        """The options for every loader of transformers."""
        return {
            "revision": self.settings.revision,
            "trust_remote_code": self.settings.trust_remote_code,
            "local_files_only": self.is_local,
        }

    def file(self, name: str) -> Path | None:
        """Return the local path of one of its files; None if it has no such file."""
        if self.is_local:
            path = Path(self.place) / name
            return path if path.is_file() else None
        cached = _library(self).utils.hub.cached_file(
            self.place,
            name,
            revision=self.settings.revision,
            _raise_exceptions_for_missing_entries=False,
        )
        return None if cached is None else Path(cached)

    def fingerprint(self) -> Fingerprint:
        """Return the fingerprint of the base.

        A hub base must have been downloaded. Raises ConfigError if it has no weights.
        """
        with self.explained():
            paths = self._weight_files()
            config = self.config()
            code = self._code_files(config)
        if not paths:
            raise ConfigError(f"base {self.name} has no weights", hint="download all of its files")
        return fingerprint_of(paths, config, code)

    def size_bytes(self) -> int:
        """Return the bytes of its weights' files, 0 before a hub base is downloaded."""
        if not self.is_local:
            return 0
        return sum(path.stat().st_size for path in self._weight_files())

    def config(self) -> HfConfig:
        """Return the content of its config.json; empty if it has none."""
        path = self.file("config.json")
        return json.loads(path.read_text(encoding="utf-8")) if path else {}

    def _code_files(self, config: HfConfig) -> list[Path]:
        """Return the Python modules of a base that its config.json names."""
        modules = {str(name).rpartition(".")[0] for name in config.get("auto_map", {}).values()}
        return [path for name in sorted(modules) if (path := self.file(f"{name}.py"))]

    def _weight_files(self) -> list[Path]:
        """Return the weights' files that transformers loads, in order."""
        for name in ("model.safetensors", "pytorch_model.bin"):
            if path := self.file(name):
                return [path]
            if index := self.file(f"{name}.index.json"):
                names = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
                return [path for name in sorted(set(names)) if (path := self.file(name))]
        return []

    def load_tokenizer(self) -> Any:
        """Load its tokenizer as transformers does."""
        return _library(self).AutoTokenizer.from_pretrained(self.place, **self.options)

    def stored_dtype(self) -> torch.dtype:
        """Return the dtype of its stored weights; fp32 if config.json does not say."""
        config = self.config()
        name = str(config.get("dtype") or config.get("torch_dtype")).removeprefix("torch.")
        dtypes = {"bfloat16": torch.bfloat16, "float16": torch.float16}
        return dtypes.get(name, torch.float32)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Re-raise errors of loading as ConfigError with a hint."""
        try:
            yield
        except ChatbotError:
            raise
        except torch.OutOfMemoryError as error:
            raise ConfigError(
                f"base {self.name} does not fit into GPU memory",
                hint="`chatbot plan` shows what fits: model.load_in_4bit, a smaller base",
            ) from error
        # For a damaged file the libraries raise plain Exception and their own types.
        except Exception as error:
            problem, hint = self._problem_of(error)
            raise ConfigError(f"base {self.name} {problem}", hint=hint) from error

    def _problem_of(self, error: Exception) -> tuple[str, str]:
        from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

        causes = (error, error.__cause__, error.__context__)
        if any(isinstance(cause, GatedRepoError) for cause in causes):
            return "is gated", "accept its terms on the hub and log in with `hf auth login`"
        if any(isinstance(cause, RepositoryNotFoundError) for cause in causes):
            return "is not on the hub", "check its name; private ones need a login"
        if "trust_remote_code" in str(error):
            return (
                "contains its own code",
                "model.trust_remote_code: true runs it; only for a base you trust",
            )
        if not self.is_local and isinstance(error, OSError):
            return (
                "cannot be downloaded",
                "connect to the internet, or set model.base_model to the folder of a download",
            )
        first = next(iter(str(error).splitlines()), type(error).__name__)
        return "cannot be opened", f"it is damaged or not supported; the library says: {first}"


def load_base(base: Base, device: torch.device, dtype: torch.dtype, *, in_4bit: bool) -> nn.Module:
    """Load the network of a base, frozen, in evaluation mode."""
    library = _library(base)
    attention = base.settings.attn_implementation
    options: dict[str, object] = {"dtype": dtype, **base.options}
    if attention != "auto":
        options["attn_implementation"] = attention
    if in_4bit:
        options["device_map"] = {"": device}
        options["quantization_config"] = library.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
    with base.explained():
        model: nn.Module = library.AutoModelForCausalLM.from_pretrained(base.place, **options)
    model = model if in_4bit else model.to(device)
    return model.requires_grad_(False).eval()


def skeleton_of(base: Base, dtype: torch.dtype) -> nn.Module:
    """Return the network of a base without its weights: shapes only, on no device."""
    library = _library(base)
    library.AttentionInterface.register("planned", _planned_attention)
    with base.explained():
        config = library.AutoConfig.from_pretrained(base.place, **base.options)
        own_code = base.settings.trust_remote_code
        with torch.device("meta"):
            make = partial(
                library.AutoModelForCausalLM.from_config, dtype=dtype, trust_remote_code=own_code
            )
            try:
                model: nn.Module = make(copy.deepcopy(config), attn_implementation="planned")
            except (KeyError, ValueError):  # an architecture with its own attention
                model = make(config)
    return model.requires_grad_(False)


class _Attended(torch.autograd.Function):
    """Attention that computes nothing, but saves as much for backward as a fused kernel."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Map (B, H, T, D) each to the shape of the result."""
        result = q.new_empty((*q.shape[:-1], v.shape[-1]))
        ctx.save_for_backward(q, k, v, result)
        return result


def _planned_attention(
    module: nn.Module, q: Tensor, k: Tensor, v: Tensor, *_: Any, **__: Any
) -> tuple[Tensor, None]:
    """Replace attention in a network without weights, to count its memory. Needs no mask."""
    del module
    result: Tensor = _Attended.apply(q, k, v)
    return result.transpose(1, 2).contiguous(), None


def context_of(base: Base) -> int:
    """Return the maximum context of a base, in tokens."""
    library = _library(base)
    with base.explained():
        config = library.AutoConfig.from_pretrained(base.place, **base.options).get_text_config()
    return int(getattr(config, "max_position_embeddings", 0) or LONGEST)


def can_quantize(device: torch.device) -> bool:
    """Whether 4-bit quantization is available: CUDA, and bitsandbytes is installed."""
    return device.type == "cuda" and importlib.util.find_spec("bitsandbytes") is not None


def empty_network(config: HfConfig, dtype: torch.dtype, shapes: Shapes) -> Any:
    """Return the network of a config.json with uninitialized weights.

    Raises CheckpointError, before memory is allocated, unless its weights have the shapes of a
    file.
    """
    library = _library()
    values = {name: value for name, value in config.items() if name not in _NOT_READ}
    try:
        hf_config = library.AutoConfig.for_model(config["model_type"], **values)
        with torch.device("meta"):
            plan = library.AutoModelForCausalLM.from_config(copy.deepcopy(hf_config), dtype=dtype)
        n_buffer_bytes = sum(buffer.nbytes for buffer in plan.buffers())
        planned = plan.state_dict(keep_vars=True)
        if n_buffer_bytes > _MAX_BUFFER_BYTES or any(
            name not in planned or planned[name].shape != shape for name, shape in shapes.items()
        ):
            raise ValueError("the weights belong to another network")
        stored = {id(planned[name]) for name in shapes}
        if not stored >= {
            id(weight) for weight in planned.values()
        }:  # tied weights are stored once
            raise ValueError("weights are missing")
        return library.AutoModelForCausalLM.from_config(hf_config, dtype=dtype)
    # For an invalid config the libraries raise their own types.
    except Exception as error:
        raise CheckpointError(
            "the fine-tuned base has an architecture that is not supported",
            hint="update transformers; bases with their own code cannot be opened this way",
        ) from error


def reopened(folder: Path) -> nn.Module:
    """Open a saved folder with transformers, as other programs do."""
    model: nn.Module = _library().AutoModelForCausalLM.from_pretrained(
        folder, local_files_only=True
    )
    return model.eval()


def new_kv_cache(config: Any) -> Any:
    """Return an empty cache of keys and values for a network with this config.

    Layers with a sliding window keep all tokens, so that the cache can be cut; layers with a
    recurrent state need their own kind of cache.
    """
    cache = _library().DynamicCache(config=config)
    return cache if any(getattr(cache, "is_linear", ())) else _library().DynamicCache()


def register_attention(name: str, attend: Any, make_mask: Any) -> None:
    """Give an attention function and its masks a name for configs."""
    _library().AttentionInterface.register(name, attend)
    _library().AttentionMaskInterface.register(name, make_mask)


def attention_function(name: str, eager: Any) -> Any:
    """Return the attention function of a name; `eager`: the one of the architecture itself."""
    return _library().AttentionInterface().get_interface(name, eager)


def mask_function(name: str) -> Any:
    """Return the function that makes the masks of a named attention."""
    return _library().AttentionMaskInterface()[name]


def _library(base: Base | None = None) -> Any:
    """Import transformers without its progress bars and advice, and offline for a folder."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    # Without this, a service of the hub is asked to convert bases to safetensors.
    os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")
    if base is not None and base.is_local:
        os.environ["HF_HUB_OFFLINE"] = "1"
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers
