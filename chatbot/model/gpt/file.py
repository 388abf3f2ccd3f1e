"""Our own network <-> bundle: in numpy, or in torch where that is faster. No torch here."""

import ctypes
from dataclasses import asdict
from typing import TYPE_CHECKING

import msgspec

from chatbot.corpus.hf_tokenizer import TOKENIZER_FILE
from chatbot.errors import CheckpointError
from chatbot.model.bundle import About, Bundle, Weights
from chatbot.model.gpt.config import GPTConfig, require_sane
from chatbot.model.gpt.numpy_network import NumpyGPT
from chatbot.model.interface import BatchLanguageModel
from chatbot.settings.schema import Config

if TYPE_CHECKING:
    from chatbot.model.gpt.network import GPT

# Below this size a GPU mostly waits for kernel launches, and importing torch takes seconds.
_WORTH_A_GPU = 100_000_000


def gpt_bundle(shape: GPTConfig, weights: Weights, tokenizer_text: str, about: About) -> Bundle:
    """Return our own network, with weights named as in `weight_shapes`, as a bundle."""
    files = {TOKENIZER_FILE: tokenizer_text}
    return Bundle("gpt", "full", asdict(shape), weights, files, about)


def shape_of(bundle: Bundle) -> GPTConfig:
    """Return the shape of our own network; raises CheckpointError for another kind of model."""
    try:
        shape = msgspec.convert(bundle.config, GPTConfig)
        require_sane(shape, len(bundle.weights))
    except (ValueError, TypeError) as error:
        raise CheckpointError("the model's shape is damaged", hint="publish it again") from error
    return shape


def talking_shape(bundle: Bundle) -> GPTConfig:
    """Return the shape; raises CheckpointError if the vocabulary is not the network's."""
    shape = shape_of(bundle)
    if bundle.tokenizer.vocab_size != shape.vocab_size:
        raise CheckpointError("the vocabulary belongs to another model", hint="publish it again")
    return shape


def open_network(bundle: Bundle, config: Config) -> "GPT":
    """Return the network in torch, on the configured device."""
    from chatbot.model.device import choose_device
    from chatbot.model.gpt.network import load_gpt

    device = choose_device(config.runtime.device)
    return load_gpt(talking_shape(bundle), bundle.weights).to(device)


def language_model(bundle: Bundle, config: Config) -> BatchLanguageModel:
    """Return the network in numpy, or in torch if a GPU is configured or makes it faster."""
    device = config.runtime.device
    is_worth_it = bundle.n_params >= _WORTH_A_GPU
    if device == "cpu" or (device == "auto" and not (is_worth_it and _has_cuda())):
        return NumpyGPT(talking_shape(bundle), bundle.weights)
    return open_network(bundle, config).language_model()


def _has_cuda() -> bool:
    """Ask the driver directly, without torch."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int()
    is_ready = driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
    return bool(is_ready and count.value)
