"""A pretrained base from a folder or the Hugging Face hub. The only module with transformers."""

import importlib.util
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor, nn

from chatbot.corpus.base_tokenizer import LINE, BaseTokenizer, Form, knows_lines, with_tokens
from chatbot.corpus.tokenizer import EOS
from chatbot.errors import ConfigError
from chatbot.model.chat_form import chat_form, plain_form, raw_form
from chatbot.settings import BaseModelConfig

_HUB_NAME = re.compile(r"[\w.\-]+/[\w.\-]+")


class Base:
    """Where a base is: its name as the user wrote it, and what transformers is told."""

    def __init__(self, settings: BaseModelConfig, root: Path) -> None:
        """Look; raises ConfigError for a name that can be neither a folder nor of the hub."""
        if not settings.base_model:
            raise ConfigError(
                "model.base_model names no base",
                hint="write a folder, or a name of the Hugging Face hub, into configs/sft.yaml",
            )
        self.settings = settings
        folder = root / settings.base_model
        self.is_local = (folder / "config.json").is_file()
        if not self.is_local and (folder.exists() or not _HUB_NAME.fullmatch(settings.base_model)):
            raise ConfigError(
                f"base {settings.base_model} is not there",
                hint="write a folder with a config.json, or a name of the hub such as owner/model",
            )
        self.place = str(folder.resolve()) if self.is_local else settings.base_model
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        if self.is_local:
            os.environ["HF_HUB_OFFLINE"] = "1"  # a folder needs no network

    @property
    def name(self) -> str:
        """The name as the user wrote it."""
        return self.settings.base_model

    @property
    def options(self) -> dict[str, Any]:
        """What every loader of transformers is told."""
        return {
            "revision": self.settings.revision,
            "trust_remote_code": self.settings.trust_remote_code,
            "local_files_only": self.is_local,
        }

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn what loading raises into a sentence."""
        from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

        try:
            yield
        except (OSError, ValueError, KeyError, ImportError) as error:
            causes = (error, error.__cause__, error.__context__)
            problem, hint = "cannot be opened", f"transformers says: {str(error).splitlines()[0]}"
            if any(isinstance(cause, GatedRepoError) for cause in causes):
                problem = "is gated"
                hint = "accept its terms on the hub and log in with `hf auth login`"
            elif any(isinstance(cause, RepositoryNotFoundError) for cause in causes):
                problem, hint = "is not on the hub", "check its name; private ones need a login"
            elif "trust_remote_code" in str(error):
                problem = "brings code of its own"
                hint = "model.trust_remote_code: true runs it; only for a base you trust"
            elif not self.is_local and isinstance(error, OSError):
                problem = "cannot be fetched"
                hint = "connect, or fetch it elsewhere and name its folder in model.base_model"
            raise ConfigError(f"base {self.name} {problem}", hint=hint) from error


def base_tokenizer(base: Base, n_speakers: int) -> tuple[BaseTokenizer, str]:
    """Return the tokenizer of a base in the form for a room, and a sentence about the form.

    `auto`: the chat template in a room of two, since it knows two roles; else the plain form.
    """
    from transformers import AutoTokenizer

    _be_quiet()
    with base.explained():
        theirs = AutoTokenizer.from_pretrained(base.place, **base.options)
    backend = getattr(theirs, "backend_tokenizer", None)
    if backend is None:
        raise ConfigError(
            f"base {base.name} has no tokenizer.json", hint="choose a base with a fast tokenizer"
        )
    wanted, why = base.settings.form, "chosen in configs/sft.yaml"
    form: Form | None = None
    if wanted == "auto":
        wanted = "chat" if theirs.chat_template and n_speakers == 2 else "plain"
        why = "a room of two" if wanted == "chat" else "one control token a speaker"
    if wanted == "chat":
        try:
            form = _chat_form(theirs, base)
        except ConfigError as error:
            if base.settings.form == "chat":
                raise
            why = str(error)
    if form is None:
        eos, bos = theirs.eos_token, theirs.bos_token or ""
        form = plain_form(bos, eos or EOS, n_speakers, [] if eos else [EOS])
    if not knows_lines(backend.to_str()):
        form = msgspec.structs.replace(form, added=[*form.added, LINE])
    text = with_tokens(backend.to_str(), form.added)
    return BaseTokenizer(text, form), f"form {form.kind}: {why}"


def _chat_form(theirs: Any, base: Base) -> Form:
    import jinja2

    if not theirs.chat_template:
        raise ConfigError(f"base {base.name} has no chat template", hint="set model.form: plain")

    def render(talk: list[dict[str, str]]) -> str:
        try:
            text = theirs.apply_chat_template(talk, tokenize=False, enable_thinking=False)
        except jinja2.TemplateError as error:
            raise ConfigError(
                f"the base's chat template refuses a talk: {error}",
                hint="set model.form: plain, or leave model.system_prompt empty",
            ) from error
        return str(text)

    return chat_form(render, base.settings.system_prompt)


def without_speakers(tokenizer: BaseTokenizer) -> BaseTokenizer:
    """Return the same vocabulary in the raw form: text that ends as a reply does."""
    return BaseTokenizer(tokenizer.text, raw_form(tokenizer.form, tokenizer.end_token))


def load_base(base: Base, device: torch.device, dtype: torch.dtype, *, in_4bit: bool) -> nn.Module:
    """Load the network of a base, frozen, in evaluation mode."""
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    _be_quiet()
    attention = base.settings.attn_implementation
    options: dict[str, Any] = {"dtype": dtype, **base.options}
    if attention != "auto":
        options["attn_implementation"] = attention
    if in_4bit:
        options["device_map"] = {"": device}
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
    with base.explained():
        model: nn.Module = AutoModelForCausalLM.from_pretrained(base.place, **options)
    model = model if in_4bit else model.to(device)
    return model.requires_grad_(False).eval()


def skeleton_of(base: Base, dtype: torch.dtype) -> nn.Module:
    """Return the network of a base without its weights: shapes only, on no device."""
    from transformers import AttentionInterface, AutoConfig, AutoModelForCausalLM

    _be_quiet()
    AttentionInterface.register("planned", _planned_attention)
    with base.explained():
        config = AutoConfig.from_pretrained(base.place, **base.options)
        with torch.device("meta"):
            model: nn.Module = AutoModelForCausalLM.from_config(
                config,
                dtype=dtype,
                attn_implementation="planned",
                trust_remote_code=base.settings.trust_remote_code,
            )
    return model.requires_grad_(False)


class _Attended(torch.autograd.Function):
    """Attention that computes nothing and keeps what a fused kernel keeps."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Map (B, H, T, D) each to the shape of the result."""
        result = q.new_empty((*q.shape[:-1], v.shape[-1]))
        ctx.save_for_backward(q, k, v, result)
        return result


def _planned_attention(
    module: nn.Module, q: Tensor, k: Tensor, v: Tensor, *_: Any, **__: Any
) -> tuple[Tensor, None]:
    """Stand in for attention on a network without weights. No mask is asked for."""
    del module
    result: Tensor = _Attended.apply(q, k, v)
    return result.transpose(1, 2).contiguous(), None


def can_quantize(device: torch.device) -> bool:
    """Whether 4 bits are to be had: CUDA, and bitsandbytes is installed."""
    return device.type == "cuda" and importlib.util.find_spec("bitsandbytes") is not None


def empty_network(config: dict[str, Any], dtype: torch.dtype) -> Any:
    """Return a network of a config.json with weights that mean nothing yet."""
    from transformers import AutoConfig, AutoModelForCausalLM

    _be_quiet()
    known = {name: value for name, value in config.items() if name != "model_type"}
    made = AutoConfig.for_model(config["model_type"], **known)
    return AutoModelForCausalLM.from_config(made, dtype=dtype)


def reopened(folder: Path) -> nn.Module:
    """Open a folder as others do."""
    from transformers import AutoModelForCausalLM

    _be_quiet()
    model: nn.Module = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
    return model.eval()


def new_kv_cache() -> Any:
    """Return an empty cache of keys and values."""
    from transformers import DynamicCache

    return DynamicCache()


def _be_quiet() -> None:
    """Keep the library's progress bars and advice out of our talk."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
