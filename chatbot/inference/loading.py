"""Settings -> the model that answers: the run's best, or the published one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatbot.config import Config
from chatbot.corpus.tokenizer import BpeTokenizer
from chatbot.errors import CheckpointError
from chatbot.inference.bot import Bot, BotSettings
from chatbot.model.language_model import LanguageModel


@dataclass(frozen=True)
class Loaded:
    """A network with its vocabulary, and where it comes from."""

    model: LanguageModel
    tokenizer: BpeTokenizer
    about: dict[str, Any]
    path: Path


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
    for path in (config.run_dir / "best.pt", published_path(config)):
        if path.is_file():
            return path
    raise CheckpointError(
        f"run {config.run_name} has no model yet", hint="run `chatbot train` first"
    )


def load_model(config: Config) -> Loaded:
    """Load the network and its own vocabulary from one file."""
    from chatbot.model.device import choose_device
    from chatbot.model.gpt import TorchLanguageModel
    from chatbot.model.model_file import read_model
    from chatbot.training.checkpoint import load_inference

    path = find_model(config)
    read = read_model if path.suffix == ".safetensors" else load_inference
    gpt, tokenizer_text, about = read(path)
    tokenizer = BpeTokenizer(tokenizer_text)
    if tokenizer.vocab_size != gpt.config.vocab_size:
        raise CheckpointError(f"{path} has a vocabulary of another model", hint="publish it again")
    gpt.to(choose_device(config.runtime.device))
    return Loaded(TorchLanguageModel(gpt), tokenizer, about, path)


def bot_settings(config: Config) -> BotSettings:
    """Gather what shapes a reply."""
    return BotSettings(config.sampling, config.output, config.dialogue)


def load_bot(config: Config) -> Bot:
    """Load the model that answers and give it an empty conversation."""
    loaded = load_model(config)
    return Bot(loaded.model, loaded.tokenizer, bot_settings(config))
