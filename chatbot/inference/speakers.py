"""A model and the names of this project -> its speaker ids by name, and its persona.

The hashes in the model decide, not the current processed data, which may have other ids.
"""

from dataclasses import dataclass
from pathlib import Path

from chatbot.corpus.speakers import (
    Speakers,
    hash_of_key,
    match_name,
    propose_name,
    read_speakers,
)
from chatbot.corpus.store import read_stats
from chatbot.crypto.secrets import read_speaker_key
from chatbot.errors import CheckpointError, ConfigError
from chatbot.model.bundle import About
from chatbot.settings.schema import Config


@dataclass(frozen=True)
class ModelSpeakers:
    """The speakers of a model: `ids` by known name, and the name of the `persona`, if known."""

    ids: dict[str, int]
    persona: str | None


def speakers_of(about: About, config: Config) -> ModelSpeakers:
    """Return the speakers of a model with the facts `about`."""
    local = read_speakers(config.processed_dir)
    names = [] if local is None else list({*local.names, *local.numbers})
    persona = config.processed.preprocess.persona
    if persona == "auto":
        persona = "" if local is None else local.persona
    persona = match_name(persona, names) or persona
    ids = _ids(about, [*names, persona], local, config)
    if ids is None:
        return ModelSpeakers({}, None)
    return ModelSpeakers(ids, persona or None)


def _ids(
    about: About, names: list[str], local: Speakers | None, config: Config
) -> dict[str, int] | None:
    """Return ids by name; None if unknown."""
    marks = about.speakers
    key = read_speaker_key(Path(config.root), config.security.mask_key_env)
    if marks and key and marks.key == hash_of_key(key):
        ids = {name: marks.id_of(name, key) for name in names if name}
        return {name: number for name, number in ids.items() if number is not None}
    # A model of an earlier version, or with a lost key: use the data it was trained on.
    if local is None or read_stats(config.processed_dir).fingerprint != about.data_fingerprint:
        return None
    return local.numbers


def require_persona(about: About, config: Config) -> None:
    """Raise CheckpointError if a model's speaker 0 is not the persona of the project."""
    speakers = speakers_of(about, config)
    if speakers.persona is None or speakers.ids.get(speakers.persona) == 0:
        return
    ways = ["set `processed.preprocess.persona` back"]
    if speakers.persona in speakers.ids:
        ways.append(f"talk with them by `dialogue.speak_as: {speakers.ids[speakers.persona]}`")
    ways.append(
        "`chatbot archive`, then `chatbot preprocess` and `chatbot train` for the new persona"
    )
    raise CheckpointError(
        "this model was trained with another persona",
        hint="; or ".join(ways),
    )


def choose_speaker(about: About, n_speakers: int, config: Config) -> int:
    """Return the speaker id of the bot: 0, the persona, or that of `dialogue.speak_as`."""
    typed = config.dialogue.speak_as
    if typed == "auto":
        require_persona(about, config)
        return 0
    # A base without speakers, or with two roles, does not distinguish more speakers.
    ids = {
        name: number
        for name, number in speakers_of(about, config).ids.items()
        if number < n_speakers
    }
    name = match_name(typed, ids)
    if name is not None:
        return ids[name]
    if typed.isdecimal() and int(typed) < n_speakers:
        return int(typed)
    raise ConfigError(
        "`dialogue.speak_as` is not a speaker of this model",
        hint=f"write a speaker id: 0 (the persona) to {n_speakers - 1}"
        + (f", or one of {len(ids)} names of the room" if ids else ""),
        private=propose_name(typed, ids),
    )
