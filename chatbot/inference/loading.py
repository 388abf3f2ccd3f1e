"""Settings -> the model that answers: the run's best, or the published one."""

from pathlib import Path

from chatbot.corpus.tokenizer import BpeTokenizer
from chatbot.errors import CheckpointError
from chatbot.inference.bot import Bot, BotSettings
from chatbot.settings import Config


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


def bot_settings(config: Config) -> BotSettings:
    """Gather what shapes a reply."""
    rules = config.processed.preprocess
    return BotSettings(config.sampling, config.output, config.dialogue, rules)


def load_bot(config: Config) -> Bot:
    """Load the model that answers, with its own vocabulary, and give it an empty conversation."""
    from chatbot.model.device import choose_device
    from chatbot.model.gpt import TorchLanguageModel
    from chatbot.model.model_file import read_model
    from chatbot.training.checkpoint import load_inference

    path = find_model(config)
    read = read_model if path.suffix == ".safetensors" else load_inference
    gpt, tokenizer_text, _ = read(path)
    tokenizer = BpeTokenizer(tokenizer_text)
    if tokenizer.vocab_size != gpt.config.vocab_size:
        raise CheckpointError(f"{path} has a vocabulary of another model", hint="publish it again")
    gpt.to(choose_device(config.runtime.device))
    return Bot(TorchLanguageModel(gpt), tokenizer, bot_settings(config))
