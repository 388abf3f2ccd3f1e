"""Settings -> the model that answers: the run's best, or the published one."""

import ctypes
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from chatbot.corpus.tokenizer import BpeTokenizer
from chatbot.crypto.age import Identity, decrypt
from chatbot.crypto.age_keys import identity_of
from chatbot.crypto.secrets import read_secret
from chatbot.errors import AccessError, CheckpointError
from chatbot.inference.bot import Bot, BotSettings
from chatbot.inference.speakers import choose_speaker, speakers_of
from chatbot.ingest.cleaning.rules import TEXT_SETTINGS
from chatbot.model.gpt.file import ModelFile, read_model, read_model_bytes
from chatbot.model.gpt.numpy_network import NumpyGPT
from chatbot.model.interface import LanguageModel
from chatbot.settings.schema import Config, PreprocessConfig
from chatbot.training.folder import RunFolder

# Below this a GPU spends its time on starting kernels, and importing torch takes seconds.
_WORTH_A_GPU = 100_000_000
SEALED = ".enc"
_AGAIN = "copy or publish it again"


def published_path(config: Config) -> Path:
    """Where `publish` puts the model."""
    return config.path(config.storage.artifacts_dir) / "model_latest.safetensors"


def sealed_path(config: Config) -> Path:
    """Where `publish --encrypt` puts it."""
    return published_path(config).with_suffix(SEALED)


def nobody() -> str | None:
    """Be the one who is asked for a secret where nobody is."""
    return None


def model_identity(config: Config, ask: Callable[[], str | None] = nobody) -> Identity:
    """Return the key that opens the project's encrypted models; raises AccessError without one.

    It is looked for in the environment and .env; then `ask` is asked, who may answer None.
    """
    name = config.security.model_key_env
    key = read_secret(Path(config.root), name) or ask()
    if not key:
        raise AccessError(
            f"the model is encrypted and {name} is not set",
            hint=f"put the key you were given into .env: {name}=...",
        )
    return identity_of(key)


def open_model(path: Path, config: Config, ask: Callable[[], str | None] = nobody) -> ModelFile:
    """Read a model; one that is encrypted is decrypted in memory, never onto a disk."""
    if path.suffix != SEALED:
        return read_model(path)
    return read_model_bytes(decrypted(path, config, ask), str(path))


def decrypted(path: Path, config: Config, ask: Callable[[], str | None] = nobody) -> bytearray:
    """Return the content of an encrypted file, in memory."""
    content = bytearray()
    with path.open("rb") as file:
        for chunk in decrypt(file, [model_identity(config, ask)]):
            content += chunk
    return content


def named_model(config: Config) -> Path | None:
    """Return what `dialogue.model` names; raises CheckpointError if it is not there."""
    wanted = config.dialogue.model
    if wanted == "auto":
        return None
    path = config.path(wanted)
    if not path.exists():
        raise CheckpointError(f"`dialogue.model` {wanted} is not there", hint="set it to auto")
    return path


def find_model(config: Config) -> Path:
    """Return the file that answers: `dialogue.model`, else the run's best, else the published."""
    named = named_model(config)
    if named is not None:
        return named
    run = RunFolder(config.run_dir).model
    if run.is_file():
        return run
    return find_published(published_path(config).name, config)


def find_published(name: str, config: Config) -> Path:
    """Return a published file, encrypted or not, in artifacts/ or beside the settings.

    Raises CheckpointError if there is none; a copy that a browser renamed is proposed.
    """
    folders = [config.path(config.storage.artifacts_dir), Path(config.root)]
    names = [name, Path(name).with_suffix(SEALED).name]
    for path in (folder / name for folder in folders for name in names):
        if path.is_file():
            return path
    copies = [
        path
        for folder in folders
        for path in sorted(folder.glob(f"{Path(name).stem}*"))
        if path.suffix in (SEALED, ".safetensors")
    ]
    hint = f"`chatbot train` makes one; one that you were given belongs in {folders[0]}"
    if copies:
        hint = f"rename {copies[0]} to {Path(name).stem}{copies[0].suffix}"
    raise CheckpointError(f"run {config.run_name} has no model yet", hint=hint)


def bot_settings(config: Config, about: Mapping[str, Any] | None = None) -> BotSettings:
    """Gather what shapes a reply; text is written as the model `about` was taught.

    Without a model the project's own settings count. A file of before the rules were carried
    gets the defaults. Raises CheckpointError if the rules are none.
    """
    rules = config.processed.preprocess
    if about is not None:
        carried = about.get("text_rules", {})
        try:
            rules = msgspec.convert(
                {name: carried[name] for name in TEXT_SETTINGS if name in carried}, PreprocessConfig
            )
        except (msgspec.ValidationError, TypeError) as error:
            raise CheckpointError("the model's rules of text are damaged", hint=_AGAIN) from error
    return BotSettings(config.sampling, config.output, config.dialogue, rules)


def load_bot(config: Config, ask: Callable[[], str | None] = nobody) -> Bot:
    """Load the model that answers, with its own vocabulary, and give it an empty conversation.

    `ask` is asked for the key of an encrypted model that stands nowhere.
    """
    file = open_model(find_model(config), config, ask)
    tokenizer = BpeTokenizer(file.tokenizer_text)
    number = choose_speaker(file.about, tokenizer.n_speakers, config)
    model = language_model(file, config.runtime.device)
    bot = Bot(model, tokenizer, bot_settings(config, file.about), number, file.guard)
    bot.names = speakers_of(file.about, config).ids
    return bot


def language_model(file: ModelFile, device: str) -> LanguageModel:
    """Return the network in numpy, or in torch where a GPU is named or pays back."""
    if device == "cpu" or (
        device == "auto" and not (file.shape.n_params >= _WORTH_A_GPU and _has_cuda())
    ):
        return NumpyGPT(file.shape, file.weights)
    from chatbot.model.device import choose_device
    from chatbot.model.gpt.network import TorchLanguageModel, load_gpt

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
