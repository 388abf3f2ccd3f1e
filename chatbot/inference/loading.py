"""Settings -> the model that replies: the named one, the run's best, or the published one."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace as replace_settings

from chatbot.corpus.ngrams import NgramIndex
from chatbot.corpus.store import Corpus, open_corpus
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.crypto.age import Identity, decrypt
from chatbot.crypto.age_keys import identity_of
from chatbot.crypto.secrets import read_secret
from chatbot.errors import AccessError, CheckpointError, ConfigError
from chatbot.inference.bot import Bot, BotSettings
from chatbot.inference.generate import Prefix, Reader
from chatbot.inference.speakers import choose_speaker, speakers_of
from chatbot.ingest.cleaning.normalization import TextRules
from chatbot.model.bundle import About, Bundle, read_bundle, read_bundle_bytes
from chatbot.model.interface import BatchLanguageModel
from chatbot.model.leak_guard import read_index
from chatbot.settings.schema import Config, PreprocessConfig, SamplingConfig
from chatbot.training.families import family_of, run_folder

if TYPE_CHECKING:
    from chatbot.model.interface import Network

ENCRYPTED = ".enc"


def published_path(config: Config) -> Path:
    """The path of the published model."""
    folder = config.path(config.storage.artifacts_dir)
    return folder / f"{family_of(config.family).published}_latest.safetensors"


def encrypted_path(config: Config) -> Path:
    """The path of the encrypted published model."""
    return published_path(config).with_suffix(ENCRYPTED)


# ---------------------------------------------------------------- finding
def find_model(config: Config) -> Path:
    """Return the path of the model: `dialogue.model`, else the run's best, else the published file.

    Raises CheckpointError if the named one is missing, or if there is none.
    """
    if config.dialogue.model != "auto":
        path = config.path(config.dialogue.model)
        if not path.exists():
            raise CheckpointError(
                f"`dialogue.model` {config.dialogue.model} does not exist", hint="set it to auto"
            )
        return path
    own = (path for path in run_folder(config).models() if path.exists())
    return next(own, None) or _find_published(config)


def _find_published(config: Config) -> Path:
    """Return the published file, encrypted or not, in artifacts/ or in the project's root.

    A file renamed by a browser, like "model_latest (1).enc", is proposed in the hint.
    """
    folders = [config.path(config.storage.artifacts_dir), Path(config.root)]
    names = [path(config).name for path in (published_path, encrypted_path)]
    for path in (folder / name for folder in folders for name in names):
        if path.is_file():
            return path
    stem = published_path(config).stem
    copies = [
        path
        for folder in folders
        for path in sorted(folder.glob("*"))
        if path.suffix in (ENCRYPTED, ".safetensors")
    ]
    hint = f"`chatbot train` makes one; put a model that you received into {folders[0]}"
    if copies:
        hint = f"rename {copies[0]} to {stem}{copies[0].suffix}"
    raise CheckpointError(f"run {config.run_name} has no model yet", hint=hint)


def run_model_path(config: Config) -> Path:
    """Return the run's best model; raises CheckpointError if there is none."""
    path = run_folder(config).models()[0]
    if not path.exists():
        raise CheckpointError(f"no model at {path}", hint="`chatbot train` makes one")
    return path


def named_model(name: str, config: Config) -> Path:
    """Return the model of a run by its name, or at a path.

    Raises CheckpointError if there is neither.
    """
    path = run_folder(replace_settings(config, run_name=name)).models()[0]
    if path.exists():
        return path
    path = config.path(name)
    if not path.exists():
        raise CheckpointError(
            f"{name} is neither a run with a model nor the path of one",
            hint="`chatbot train` makes one",
        )
    return path


def is_published(path: Path, config: Config) -> bool:
    """Whether a model is a published file, and not of a run of this project."""
    return path.is_file() and path not in run_folder(config).models()


# ---------------------------------------------------------------- opening
def nobody() -> str | None:
    """Answer a request for a secret without a user: None."""
    return None


def model_identity(config: Config, ask: Callable[[], str | None] = nobody) -> Identity:
    """Return the key of the project's encrypted models; raises AccessError without one.

    It is read from the environment or .env; otherwise `ask` is called, which may return None.
    """
    name = config.security.model_key_env
    key = read_secret(Path(config.root), name) or ask()
    if not key:
        raise AccessError(
            f"the model is encrypted and {name} is not set",
            hint=f"put the key that you received into .env: {name}=...",
        )
    return identity_of(key)


def open_model(path: Path, config: Config, ask: Callable[[], str | None] = nobody) -> Bundle:
    """Read a model: a file, or the folder of an adapter.

    An encrypted one is decrypted in memory, never onto a disk; `ask` is called for its key.
    """
    if path.is_dir():
        from chatbot.model.pretrained.file import read_folder

        return read_folder(path)
    if path.suffix != ENCRYPTED:
        return read_bundle(path)
    content = bytearray()
    with path.open("rb") as file:
        for chunk in decrypt(file, [model_identity(config, ask)]):
            content += chunk
    return read_bundle_bytes(content, str(path))


def open_network(bundle: Bundle, config: Config) -> "Network":
    """Return the network of a model in torch, on the configured device."""
    opener = importlib.import_module(family_of(bundle.family).opener)
    return cast("Network", opener.open_network(bundle, config))


def open_base(bundle: Bundle, config: Config) -> "Network | None":
    """Return the base of an adapter, untouched; None for a full network."""
    if bundle.kind != "adapter":
        return None
    opener = importlib.import_module(family_of(bundle.family).opener)
    return cast("Network", opener.open_base(bundle, config))


def language_model(bundle: Bundle, config: Config) -> BatchLanguageModel:
    """Return the language model of a saved model, without torch where that is faster."""
    opener = importlib.import_module(family_of(bundle.family).opener)
    return cast(BatchLanguageModel, opener.language_model(bundle, config))


def trained_corpus(bundle: "Bundle | LoadedModel", config: Config) -> Corpus:
    """Open the processed data that a model was trained on.

    Raises CheckpointError if the data, or their tokenizer, are not the model's.
    """
    corpus = open_corpus(config.processed_dir)
    hint = "train again, or bring that data back"
    if bundle.about.data_fingerprint != corpus.stats.fingerprint:
        raise CheckpointError(
            f"the model was not trained on the data in {config.processed.dir}", hint=hint
        )
    if bundle.tokenizer.sha256 != corpus.tokenizer.sha256:
        raise CheckpointError(
            f"the model has another tokenizer than the data in {config.processed.dir}", hint=hint
        )
    return corpus


# ---------------------------------------------------------------- the bot
def leak_guard(path: Path, about: About, config: Config) -> NgramIndex | None:
    """Return the index of n-grams that only one speaker wrote; None without the training data.

    Runs of earlier versions have the index in the model.
    """
    folder = run_folder(config)
    index = read_index(folder.leak_guard)
    if index is not None and index.data_fingerprint == about.data_fingerprint:
        return index
    if path not in folder.models():
        return None
    return read_index(path / folder.leak_guard.name if path.is_dir() else path)


def bot_settings(config: Config, about: About | None = None) -> BotSettings:
    """Collect the settings of replies; text is normalized by the rules of the model `about`.

    Without a model the project's own rules apply.
    """
    rules: TextRules | PreprocessConfig = config.processed.preprocess
    if about is not None:
        rules = about.text_rules
    return BotSettings(config.sampling, config.output, config.dialogue, rules)


@dataclass(frozen=True)
class LoadedModel:
    """A model with all that replying needs, for any number of conversations.

    `speaker`: the speaker id of the bot. `names`: speaker ids of known names.
    """

    model: BatchLanguageModel
    tokenizer: Tokenizer
    about: About
    settings: BotSettings
    speaker: int
    names: dict[str, int]
    guard: NgramIndex | None
    n_params: int

    def bot(
        self, reader: Reader, speaker: int | None = None, sampling: SamplingConfig | None = None
    ) -> Bot:
        """Return a bot with an empty conversation; by default as the settings say."""
        settings = self.settings
        if sampling is not None:
            settings = replace(settings, sampling=sampling)
        speaker = self.speaker if speaker is None else speaker
        bot = Bot(reader, self.tokenizer, settings, speaker, self.guard)
        bot.names, bot.about = self.names, self.about
        return bot


def load_model(path: Path, config: Config, ask: Callable[[], str | None] = nobody) -> LoadedModel:
    """Load a model with its tokenizer; `ask` is called for the key of an encrypted one."""
    bundle = open_model(path, config, ask)
    tokenizer = bundle.tokenizer
    speaker = choose_speaker(bundle.about, tokenizer.n_speakers, config)
    if tokenizer.eos_id not in tokenizer.tail(speaker):
        raise ConfigError(
            f"the base's chat template does not end the turns of speaker {speaker}",
            hint="set dialogue.speak_as: auto, or train with model.form: plain",
        )
    return LoadedModel(
        language_model(bundle, config),
        tokenizer,
        bundle.about,
        bot_settings(config, bundle.about),
        speaker,
        speakers_of(bundle.about, config).ids,
        leak_guard(path, bundle.about, config),
        bundle.n_params,
    )


def load_bot(path: Path, config: Config, ask: Callable[[], str | None] = nobody) -> Bot:
    """Load a model, and return a bot with an empty conversation."""
    loaded = load_model(path, config, ask)
    return loaded.bot(Prefix(loaded.model))
