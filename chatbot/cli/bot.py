"""The bot of a project, after the password check."""

from pathlib import Path
from typing import TYPE_CHECKING

from chatbot.cli.keys import ask_model_key, ask_password
from chatbot.cli.screen import say
from chatbot.serving.auth import has_password, require_access
from chatbot.settings.schema import Config

if TYPE_CHECKING:
    from chatbot.inference.bot import Bot
    from chatbot.inference.loading import LoadedModel


def open_bot(config: Config) -> "Bot":
    """Check the password and load the bot."""
    from chatbot.inference.loading import load_bot

    return load_bot(find_permitted_model(config), config, ask_model_key)


def open_loaded_model(config: Config) -> "LoadedModel":
    """Check the password and load the model, for any number of conversations."""
    from chatbot.inference.loading import load_model

    return load_model(find_permitted_model(config), config, ask_model_key)


def find_permitted_model(config: Config) -> Path:
    """Check the password, and return the path of the model.

    A published file needs no password if none is set, because anybody with the file (and the key,
    if it is encrypted) can use it in any program.
    """
    from chatbot.inference.loading import find_model, is_published
    from chatbot.training.folder import is_stale

    if is_locked := has_password(config):  # before any message about a model
        require_access(config, ask_password)
    path = find_model(config)
    if not (is_locked or is_published(path, config)):
        require_access(config, ask_password)
    if is_stale(path):
        say(
            "warning: this model was trained on messages that are now forgotten; "
            "`chatbot archive`, `chatbot preprocess` and `chatbot train` make a new one"
        )
    return path
