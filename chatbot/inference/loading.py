"""Settings -> the model that answers: the run's best, or the published one."""

import ctypes
from pathlib import Path

from chatbot.corpus.speakers import read_numbers
from chatbot.corpus.tokenizer import BpeTokenizer
from chatbot.errors import CheckpointError, ConfigError
from chatbot.inference.bot import Bot, BotSettings
from chatbot.model.language_model import LanguageModel
from chatbot.model.model_file import ModelFile, read_model
from chatbot.model.numpy_gpt import NumpyGPT
from chatbot.settings import Config
from chatbot.training.folder import RunFolder

# Below this a GPU spends its time on starting kernels, and importing torch takes seconds.
_WORTH_A_GPU = 100_000_000


def published_path(config: Config) -> Path:
    """Where `publish` puts the model."""
    return config.path(config.storage.artifacts_dir) / "model_latest.safetensors"


def find_model(config: Config) -> Path:
    """Return the file that answers: `dialogue.model`, else the run's best, else the published."""
    wanted = config.dialogue.model
    if wanted != "auto":
        path = config.path(wanted)
        if not path.is_file():
            raise CheckpointError(
                f"dialogue.model {wanted} is not there", hint="set it to auto in configs/gen.yaml"
            )
        return path
    for path in (RunFolder(config.run_dir).model, published_path(config)):
        if path.is_file():
            return path
    raise CheckpointError(
        f"run {config.run_name} has no model yet", hint="run `chatbot train` first"
    )


def bot_settings(config: Config) -> BotSettings:
    """Gather what shapes a reply."""
    rules = config.processed.preprocess
    return BotSettings(config.sampling, config.output, config.dialogue, rules)


def load_bot(config: Config) -> Bot:
    """Load the model that answers, with its own vocabulary, and give it an empty conversation."""
    file = read_model(find_model(config))
    tokenizer = BpeTokenizer(file.tokenizer_text)
    model = language_model(file, config.runtime.device)
    number = speaker_number(config, tokenizer.n_speakers)
    return Bot(model, tokenizer, bot_settings(config), number)


def speaker_number(config: Config, n_speakers: int) -> int:
    """Return who the bot speaks as: 0, the persona, or the one that `dialogue.speak_as` names."""
    wanted = config.dialogue.speak_as
    if wanted == "auto":
        return 0
    numbers = read_numbers(config.processed_dir / "speakers.json", n_speakers)
    number = numbers.get(wanted, int(wanted) if wanted.isdecimal() else -1)
    if not 0 <= number < n_speakers:
        raise ConfigError(
            "dialogue.speak_as names nobody that this model knows",
            hint=f"write a name of the room, or a number from 0 to {n_speakers - 1}",
        )
    return number


def language_model(file: ModelFile, device: str) -> LanguageModel:
    """Return the network in numpy, or in torch where a GPU is named or pays back."""
    if device == "cpu" or (
        device == "auto" and not (file.shape.n_params >= _WORTH_A_GPU and _has_cuda())
    ):
        return NumpyGPT(file.shape, file.weights)
    from chatbot.model.device import choose_device
    from chatbot.model.gpt import TorchLanguageModel, load_gpt

    return TorchLanguageModel(load_gpt(file.shape, file.weights).to(choose_device(device)))


def _has_cuda() -> bool:
    """Ask the driver itself, without torch."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int()
    is_ready = driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
    return bool(is_ready and count.value)
