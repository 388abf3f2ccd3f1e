"""Settings -> the fine-tuned base that answers: the run's best adapter, or the published one."""

from collections.abc import Callable
from pathlib import Path

import torch

from chatbot.errors import ConfigError
from chatbot.inference.bot import Bot
from chatbot.inference.loading import (
    SEALED,
    bot_settings,
    decrypted,
    find_published,
    named_model,
    nobody,
)
from chatbot.inference.speakers import choose_speaker, speakers_of
from chatbot.model.device import choose_device, choose_dtype
from chatbot.model.pretrained.file import Tuned, read_tuned, read_tuned_bytes, read_tuned_file
from chatbot.model.pretrained.hub import Base, can_quantize
from chatbot.model.pretrained.network import PretrainedNetwork, open_tuned
from chatbot.settings.schema import Config
from chatbot.training.families import run_folder


def published_adapter(config: Config) -> Path:
    """Where `publish` puts a fine-tuned base."""
    return config.path(config.storage.artifacts_dir) / "adapter_latest.safetensors"


def sealed_adapter(config: Config) -> Path:
    """Where `publish --encrypt` puts it."""
    return published_adapter(config).with_suffix(SEALED)


def find_tuned(config: Config) -> Path:
    """Return what answers: `dialogue.model`, the run's best, its latest, the published one."""
    named = named_model(config)
    if named is not None:
        return named
    folder = run_folder(config)
    folder.settle()
    for path in (folder.best.parent, folder.latest.parent):
        if path.is_dir():
            return path
    return find_published(published_adapter(config).name, config)


def read_what_answers(path: Path, config: Config, ask: Callable[[], str | None] = nobody) -> Tuned:
    """Read a folder, a published file, or an encrypted one, which is decrypted in memory."""
    if path.is_dir():
        return read_tuned(path)
    if path.suffix == SEALED:
        return read_tuned_bytes(bytes(decrypted(path, config, ask)), str(path))
    return read_tuned_file(path)


def open_for_replies(
    tuned: Tuned,
    config: Config,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
) -> PretrainedNetwork:
    """Return the network of a fine-tuned base, its adapter worked in unless it is in 4 bits."""
    device = device or choose_device(config.runtime.device)
    dtype = dtype or choose_dtype(config.runtime, device)
    settings = config.pretrained.base
    base = Base(settings, Path(config.root)) if tuned.kind == "adapter" else None
    in_4bit = settings.load_in_4bit and can_quantize(device)
    return open_tuned(tuned, base, device, dtype, in_4bit=in_4bit)


def load_tuned_bot(config: Config, ask: Callable[[], str | None] = nobody) -> Bot:
    """Load the base and the adapter that answer, and give them an empty conversation."""
    tuned = read_what_answers(find_tuned(config), config, ask)
    network = open_for_replies(tuned, config)
    tokenizer = tuned.tokenizer
    number = choose_speaker(tuned.about, tokenizer.n_speakers, config)
    if tokenizer.eos_id not in tokenizer.tail(number):
        raise ConfigError(
            f"the base's chat template does not end the turns of speaker {number}",
            hint="set dialogue.speak_as: auto, or train with model.form: plain",
        )
    settings = bot_settings(config, tuned.about)
    bot = Bot(network.language_model(), tokenizer, settings, number, tuned.guard)
    bot.names = speakers_of(tuned.about, config).ids
    return bot
